/* glob: pattern and answers keep the caller's names. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __GLIBC__
/* ---- glibc's can be told how to open directories ---- */

static void *glob_opendir(const char *path)
{
    return opendir(path);
}

static struct dirent *glob_readdir(void *directory)
{
    return readdir(directory);
}

static void glob_closedir(void *directory)
{
    closedir(directory);
}

/* By the kernel, whose structure glibc's is: before 2.33 libc.so.6 has no function of that name. */
static int stat_at(const char *path, struct stat *status, int flags)
{
    struct lb_path buffer;
    const char *served = lb_served(path, &buffer, "glob");
    long result = lb_sys6(SYS_newfstatat, AT_FDCWD, (long)served, (long)status, flags, 0, 0);
    if (result < 0)
        errno = (int)-result;
    return result < 0 ? -1 : 0;
}

static int glob_stat(const char *path, struct stat *status)
{
    return stat_at(path, status, 0);
}

static int glob_lstat(const char *path, struct stat *status)
{
    return stat_at(path, status, AT_SYMLINK_NOFOLLOW);
}

static void teach_glob(glob_t *result)
{
    result->gl_opendir = glob_opendir;
    result->gl_readdir = glob_readdir;
    result->gl_closedir = glob_closedir;
    result->gl_stat = glob_stat;
    result->gl_lstat = glob_lstat;
}

#define LB_GLOB(name)                                                                                        \
    LB_WRAP(int, name,                                                                                       \
            (const char *pattern, int flags, int (*failed)(const char *, int), glob_t *result))              \
    {                                                                                                        \
        if (!lb_is_readable(pattern) || result == NULL || (flags & GLOB_ALTDIRFUNC) != 0)                                               \
            return lb_real_##name()(pattern, flags, failed, result);                                         \
        teach_glob(result);                                                                                  \
        int status = lb_real_##name()(pattern, flags | GLOB_ALTDIRFUNC, failed, result);                     \
        result->gl_flags &= ~GLOB_ALTDIRFUNC;                                                                \
        return status;                                                                                       \
    }

LB_GLOB(glob)
LB_GLOB(glob64)
#else
/* ---- musl's cannot: below the bundle's root, and if nothing is there, on the host ---- */

/* The root, where none of its characters is a wildcard, and the pattern. NULL where it is too long. */
static const char *pattern_in_root(const char *pattern, struct lb_path *buffer)
{
    size_t length = 0;
    for (const char *at = lb_state.root; *at != '\0'; at++) {
        if (length + 2 + strlen(pattern) >= sizeof buffer->text)
            return NULL;
        if (strchr("*?[\\", *at) != NULL)
            buffer->text[length++] = '\\';
        buffer->text[length++] = *at;
    }
    if (length + strlen(pattern) >= sizeof buffer->text)
        return NULL;
    strcpy(buffer->text + length, pattern);
    return buffer->text;
}

static bool may_match_in_bundle(const char *pattern, int flags)
{
    if (!lb_is_readable(pattern) || pattern[0] != '/' || (flags & GLOB_NOESCAPE) != 0)
        return false;
    if (!lb_state.found)
        lb_find();
    size_t slashes = strspn(pattern, "/"), first = strcspn(pattern + slashes, "/");
    return lb_state.active && strcspn(pattern + slashes, "*?[\\") >= first && !lb_is_inside(pattern) &&
           lb_may_be_served(pattern);
}

LB_WRAP(int, glob, (const char *pattern, int flags, int (*failed)(const char *, int), glob_t *result))
{
    struct lb_path buffer;
    const char *inside = may_match_in_bundle(pattern, flags) ? pattern_in_root(pattern, &buffer) : NULL;
    if (inside == NULL)
        return lb_real_glob()(pattern, flags, failed, result);
    size_t before = (flags & GLOB_APPEND) != 0 ? result->gl_pathc : 0;
    size_t offset = (flags & GLOB_DOOFFS) != 0 ? result->gl_offs : 0;
    int status = lb_real_glob()(inside, flags & ~GLOB_NOCHECK, failed, result);
    if (status == GLOB_NOMATCH)
        return lb_real_glob()(pattern, flags, failed, result);
    for (size_t i = before; status == 0 && i < result->gl_pathc; i++) {
        char *path = result->gl_pathv[offset + i];
        memmove(path, path + lb_state.root_len, strlen(path + lb_state.root_len) + 1);
    }
    return status;
}
#endif
