/* PATH. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

static const char default_path[] = "/bin:/usr/bin"; /* confstr(_CS_PATH), the other way round since merged-/usr */

static const char *search_start(const char *search)
{
    return search == NULL ? default_path : search;
}

size_t lb_search_room(const char *file, const char *search)
{
    size_t longest = 0, length;
    for (const char *at = search_start(search); *at != '\0'; at += length + (at[length] != '\0')) {
        length = strcspn(at, ":");
        if (length > longest)
            longest = length;
    }
    longest += strlen(file) + 2;
    return longest < PATH_MAX ? longest : PATH_MAX;
}

/* One candidate of PATH in `buffer`; moves `*at` on. NULL when it is too long. */
static const char *candidate(const char **at, const char *file, char *buffer, size_t size)
{
    size_t length = strcspn(*at, ":"), name = strlen(file);
    const char *directory = *at;
    *at += length + ((*at)[length] != '\0' ? 1 : 0);
    if (length + name + 2 > size)
        return NULL;
    memcpy(buffer, directory, length);
    if (length > 0) /* an empty element is the working directory */
        buffer[length++] = '/';
    memcpy(buffer + length, file, name + 1);
    return buffer;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lb_sys6(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) == 0 && S_ISDIR(status.st_mode);
}

/* What the caller would start under `path`, which is executable or not: a negative errno, as access says. */
static int try(const char *path)
{
    LB_BUFFER(served, path);
    const char *found = lb_find_in_bundle(path, served);
    int failed = lb_sys_access(found, X_OK);
    return failed == 0 && is_directory(found) ? -EACCES : failed;
}

const char *lb_search_path(const char *file, const char *search, char *buffer, size_t size, bool *denied)
{
    const char *at = search_start(search);
    bool last = file[0] == '\0';
    *denied = false;
    while (!last) {
        last = at[strcspn(at, ":")] == '\0';
        const char *path = candidate(&at, file, buffer, size);
        int failed = path == NULL ? -ENOENT : try(path);
        if (failed == 0)
            return path;
        *denied |= failed == -EACCES;
    }
    return NULL;
}

/* A file that the kernel does not know is a shell script (execvp(3)); to musl it is none. */
static int exec_or_shell(const char *path, char *const argv[], char *const envp[])
{
    int failed = lb_exec(path, argv, envp);
#ifndef __GLIBC__
    return failed;
#endif
    if (failed != -ENOEXEC)
        return failed;
    size_t argc = lb_count(argv);
    char *shell[argc + 3];
    shell[0] = (char *)"/bin/sh";
    shell[1] = (char *)path;
    for (size_t i = 1; i <= argc; i++)
        shell[i + 1] = argv[i];
    shell[argc == 0 ? 2 : argc + 1] = NULL;
    return lb_exec(shell[0], shell, envp);
}

int lb_exec_search(const char *file, char *const argv[], char *const envp[])
{
    bool denied = false, last = false;
    if (!lb_is_readable(file))
        return -EFAULT;
    if (file[0] == '\0')
        return -ENOENT;
    if (strchr(file, '/') != NULL)
        return exec_or_shell(file, argv, envp);
    const char *search = lb_env_get(environ, "PATH");
    char buffer[lb_search_room(file, search)];
    for (const char *at = search_start(search); !last;) {
        last = at[strcspn(at, ":")] == '\0';
        const char *path = candidate(&at, file, buffer, sizeof buffer);
        if (path == NULL)
            continue;
        int failed = exec_or_shell(path, argv, envp);
        if (failed == -EACCES)
            denied = true;
        else if (failed != -ENOENT && failed != -ENOTDIR && failed != -ESTALE && failed != -ENODEV &&
                 failed != -ETIMEDOUT)
            return failed;
    }
    return denied ? -EACCES : -ENOENT;
}
