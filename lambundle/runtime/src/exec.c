/* The exec family. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

extern char **environ;

static int answer(int failed)
{
    errno = -failed;
    return -1;
}

LB_EXPORT int lb_execve(const char *path, char *const argv[], char *const envp[]) __asm__("execve");
int lb_execve(const char *path, char *const argv[], char *const envp[])
{
    return answer(lb_exec(path, argv, envp));
}

LB_EXPORT int lb_execv(const char *path, char *const argv[]) __asm__("execv");
int lb_execv(const char *path, char *const argv[])
{
    return answer(lb_exec(path, argv, environ));
}

LB_EXPORT int lb_execvp(const char *file, char *const argv[]) __asm__("execvp");
int lb_execvp(const char *file, char *const argv[])
{
    return answer(lb_exec_search(file, argv, environ));
}

LB_EXPORT int lb_execvpe(const char *file, char *const argv[], char *const envp[]) __asm__("execvpe");
int lb_execvpe(const char *file, char *const argv[], char *const envp[])
{
    return answer(lb_exec_search(file, argv, envp));
}

/* Counts the arguments of execl and its kin, `first` and the closing NULL included. */
static size_t count_list(const char *first, va_list list)
{
    size_t count = 1;
    while (first != NULL) {
        first = va_arg(list, const char *);
        count++;
    }
    return count;
}

#define LB_COLLECT(array, first, list)                                                                       \
    va_start(list, first);                                                                                   \
    size_t array##_count = count_list(first, list);                                                          \
    va_end(list);                                                                                            \
    char *array[array##_count];                                                                              \
    array[0] = (char *)first;                                                                                \
    va_start(list, first);                                                                                   \
    for (size_t array##_i = 1; array##_i < array##_count; array##_i++)                                       \
        array[array##_i] = va_arg(list, char *)

LB_EXPORT int lb_execl(const char *path, const char *first, ...) __asm__("execl");
int lb_execl(const char *path, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    va_end(list);
    return answer(lb_exec(path, argv, environ));
}

LB_EXPORT int lb_execlp(const char *file, const char *first, ...) __asm__("execlp");
int lb_execlp(const char *file, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    va_end(list);
    return answer(lb_exec_search(file, argv, environ));
}

LB_EXPORT int lb_execle(const char *path, const char *first, ...) __asm__("execle");
int lb_execle(const char *path, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return answer(lb_exec(path, argv, envp));
}

/* Whether an open file lies in the bundle, and then its path in `buffer`. */
static bool find_inside(int fd, struct lb_path *buffer)
{
    return lb_path_of_descriptor(fd, buffer->text, sizeof buffer->text) > 0 && lb_is_inside(buffer->text);
}

static int exec_at_cleanly(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    char *clean[lb_count(envp) + 1];
    lb_clean_environment(clean, envp);
    return (int)lb_sys6(SYS_execveat, directory, (long)path, (long)argv, (long)clean, flags, 0);
}

static int exec_descriptor(int fd, char *const argv[], char *const envp[])
{
    char path[40] = "/proc/self/fd/";
    struct lb_launch launch;
    if (!lb_are_readable(argv) || !lb_are_readable(envp))
        return (int)lb_sys6(SYS_execveat, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH, 0);
    if (fd < 0)
        return exec_at_cleanly(fd, "", argv, envp, AT_EMPTY_PATH);
    *lb_decimal(path + strlen(path), fd) = '\0';
    if (lb_prepare(&launch, path, argv, envp) < 0) /* the kernel knows why */
        return exec_at_cleanly(fd, "", argv, envp, AT_EMPTY_PATH);
    lb_leave_memory(&launch.memory);
    int failed = launch.file != path
                     ? lb_sys_execve(launch.file, launch.argv, launch.envp)
                     : (int)lb_sys6(SYS_execveat, fd, (long)"", (long)launch.argv, (long)launch.envp, AT_EMPTY_PATH, 0);
    lb_forget(&launch);
    return failed;
}

LB_EXPORT int lb_fexecve(int fd, char *const argv[], char *const envp[]) __asm__("fexecve");
int lb_fexecve(int fd, char *const argv[], char *const envp[])
{
#ifdef __GLIBC__
    if (fd < 0 || argv == NULL || envp == NULL)
        return answer(-EINVAL);
#endif
    return answer(exec_descriptor(fd, argv, envp));
}

static bool is_link(const char *path)
{
    struct lb_path buffer;
    char first;
    return lb_sys_readlink(lb_find_in_bundle(path, &buffer), &first, 1) >= 0;
}

int lb_exec_at(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct lb_path base;
    if (!lb_are_readable(argv) || !lb_are_readable(envp))
        return (int)lb_sys6(SYS_execveat, directory, (long)path, (long)argv, (long)envp, flags, 0);
    if (lb_is_readable(path) && path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        return exec_descriptor(directory, argv, envp);
    if (lb_is_readable(path) && (path[0] == '/' || directory == AT_FDCWD) &&
        (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) == 0)
        return (flags & AT_SYMLINK_NOFOLLOW) != 0 && is_link(path) ? -ELOOP : lb_exec(path, argv, envp);
    if (lb_is_readable(path) && path[0] != '/' && directory >= 0 && find_inside(directory, &base) &&
        strlen(base.text) + strlen(path) + 2 < sizeof base.text) {
        strcat(strcat(base.text, "/"), path);
        return lb_exec(base.text, argv, envp);
    }
    return exec_at_cleanly(directory, path, argv, envp, flags);
}

LB_EXPORT int lb_execveat(int directory, const char *path, char *const argv[], char *const envp[],
                          int flags) __asm__("execveat");
int lb_execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    return answer(lb_exec_at(directory, path, argv, envp, flags));
}
