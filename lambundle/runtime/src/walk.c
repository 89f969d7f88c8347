/* Functions that walk directories: scandir, ftw, fts, glob. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- scandir ---- */

typedef int (*filter_t)(const struct dirent *);
typedef int (*order_t)(const struct dirent **, const struct dirent **);

#define LB_SCANDIR(name)                                                                                     \
    LB_WRAP(int, name, (const char *path, struct dirent ***entries, filter_t filter, order_t order))         \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        return lb_real_##name()(lb_served(path, &buffer, #name), entries, filter, order);                    \
    }

LB_SCANDIR(scandir)
#ifdef __GLIBC__
LB_SCANDIR(scandir64)

#define LB_SCANDIRAT(name)                                                                                   \
    LB_WRAP(int, name,                                                                                       \
            (int directory, const char *path, struct dirent ***entries, filter_t filter, order_t order))     \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        return lb_real_##name()(directory, lb_served_at(directory, path, &buffer, #name), entries, filter,   \
                                order);                                                                      \
    }

LB_SCANDIRAT(scandirat)
LB_SCANDIRAT(scandirat64)
#endif

/* ---- ftw and nftw: the callback hears the names that the caller asked for, without the bundle's root ---- */

typedef int (*ftw_t)(const char *, const struct stat *, int);
typedef int (*nftw_t)(const char *, const struct stat *, int, struct FTW *);

static __thread ftw_t ftw_callback;
static __thread nftw_t nftw_callback;

static int call_ftw(const char *path, const struct stat *status, int type)
{
    return ftw_callback(path + lb_state.root_len, status, type);
}

static int call_nftw(const char *path, const struct stat *status, int type, struct FTW *place)
{
    struct FTW moved = *place;
    moved.base -= (int)lb_state.root_len;
    return nftw_callback(path + lb_state.root_len, status, type, &moved);
}

#define LB_FTW(name)                                                                                         \
    LB_WRAP(int, name, (const char *path, ftw_t callback, int descriptors))                                  \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        const char *served = lb_served(path, &buffer, #name);                                                \
        if (served == path)                                                                                  \
            return lb_real_##name()(path, callback, descriptors);                                            \
        ftw_t before = ftw_callback;                                                                         \
        ftw_callback = callback;                                                                             \
        int result = lb_real_##name()(served, call_ftw, descriptors);                                        \
        ftw_callback = before;                                                                               \
        return result;                                                                                       \
    }

#define LB_NFTW(name)                                                                                        \
    LB_WRAP(int, name, (const char *path, nftw_t callback, int descriptors, int flags))                      \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        const char *served = lb_served(path, &buffer, #name);                                                \
        if (served == path)                                                                                  \
            return lb_real_##name()(path, callback, descriptors, flags);                                     \
        nftw_t before = nftw_callback;                                                                       \
        nftw_callback = callback;                                                                            \
        int result = lb_real_##name()(served, call_nftw, descriptors, flags);                                \
        nftw_callback = before;                                                                              \
        return result;                                                                                       \
    }

LB_FTW(ftw)
LB_NFTW(nftw)

#ifdef __GLIBC__
LB_FTW(ftw64)
LB_NFTW(nftw64)

/* ---- fts: it copies the names when it opens ---- */

#define LB_FTS(name)                                                                                         \
    LB_WRAP_POINTER(void *, name, (char *const *paths, int options, void *compare))                          \
    {                                                                                                        \
        size_t count = lb_count(paths);                                                                      \
        struct lb_path *buffers = calloc(count + 1, sizeof *buffers);                                        \
        char **served = calloc(count + 1, sizeof *served);                                                   \
        void *result = NULL;                                                                                 \
        if (buffers != NULL && served != NULL) {                                                             \
            for (size_t i = 0; i < count; i++)                                                               \
                served[i] = (char *)lb_served(paths[i], &buffers[i], #name);                                 \
            result = lb_real_##name()(served, options, compare);                                             \
        }                                                                                                    \
        int saved = errno;                                                                                   \
        free(buffers);                                                                                       \
        free(served);                                                                                        \
        errno = saved;                                                                                       \
        return result;                                                                                       \
    }

LB_FTS(fts_open)
LB_FTS(fts64_open)

/* ---- glob: it can be told how to open directories, so pattern and answers keep the caller's names ---- */

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
        if (pattern == NULL || (flags & GLOB_ALTDIRFUNC) != 0)                                               \
            return lb_real_##name()(pattern, flags, failed, result);                                         \
        teach_glob(result);                                                                                  \
        int status = lb_real_##name()(pattern, flags | GLOB_ALTDIRFUNC, failed, result);                     \
        result->gl_flags &= ~GLOB_ALTDIRFUNC;                                                                \
        return status;                                                                                       \
    }

LB_GLOB(glob)
LB_GLOB(glob64)
#endif
