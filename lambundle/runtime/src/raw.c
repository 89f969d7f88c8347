/* syscall(2) with a path: libuv's statx, sandboxes, language runtimes. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_statx
#if defined(__x86_64__)
#define SYS_statx 332
#else
#define SYS_statx 291
#endif
#endif

static long answer(long result)
{
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

enum call { OTHER, PATH_FIRST, PATH_SECOND, READLINK, READLINKAT, GETCWD, EXECVE, EXECVEAT };

static enum call kind_of(long number)
{
    switch (number) {
#ifdef SYS_open
    case SYS_open:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
#endif
    case SYS_chdir:
    case SYS_statfs:
        return PATH_FIRST;
    case SYS_openat:
    case SYS_openat2:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_statx:
#ifdef SYS_newfstatat
    case SYS_newfstatat:
#endif
        return PATH_SECOND;
#ifdef SYS_readlink
    case SYS_readlink:
        return READLINK;
#endif
    case SYS_readlinkat:
        return READLINKAT;
    case SYS_getcwd:
        return GETCWD;
    case SYS_execve:
        return EXECVE;
    case SYS_execveat:
        return EXECVEAT;
    default:
        return OTHER;
    }
}

/* As the system call getcwd, which counts the NUL. */
__attribute__((noinline)) static long get_directory(char *buffer, size_t size)
{
    struct lb_path space;
    const char *name = lb_is_readable(buffer) ? lb_working_directory(&space) : NULL;
    if (name == NULL)
        return lb_sys_getcwd(buffer, size);
    size_t length = strlen(name) + 1;
    if (length > size)
        return -ERANGE;
    memcpy(buffer, name, length);
    return (long)length;
}

/* open and openat, where they make the file. */
static bool makes(long number, long flags)
{
#ifdef SYS_open
    if (number == SYS_open)
        return (flags & O_CREAT) != 0;
#endif
    return number == SYS_openat && (flags & O_CREAT) != 0;
}

/* A link to an absolute path has its length at home. */
static void mend_status(long number, int directory, const char *path, long status, long flags)
{
#ifdef SYS_lstat
    if (number == SYS_lstat)
        lb_mend_stat(AT_FDCWD, path, (struct stat *)status);
#endif
    if (number == SYS_newfstatat && (flags & AT_SYMLINK_NOFOLLOW) != 0)
        lb_mend_stat(directory, path, (struct stat *)status);
}

static long first_path(long number, long a, long b, long c, long d, long e)
{
    const char *asked = (const char *)a;
    LB_BUFFER(buffer, asked);
    const char *path = makes(number, b) ? lb_placed_at(AT_FDCWD, asked, buffer, "syscall")
                                        : lb_served(asked, buffer, "syscall");
    long result = lb_sys6(number, (long)path, b, c, d, e, 0);
    LB_REACH_BUFFER(other, result == -ENOENT || result == -EROFS ? asked : NULL);
    if (LB_UNLIKELY(result == -ENOENT || (result == -EROFS && makes(number, b))) &&
        lb_is_elsewhere(AT_FDCWD, asked, &path, other))
        result = lb_sys6(number, (long)path, b, c, d, e, 0);
    if (result == 0)
        mend_status(number, AT_FDCWD, path, b, 0);
    return result;
}

static long second_path(long number, long a, long b, long c, long d, long e)
{
    const char *asked = (const char *)b;
    LB_BUFFER(buffer, asked);
    const char *path = makes(number, c) ? lb_placed_at((int)a, asked, buffer, "syscall")
                                        : lb_served_at((int)a, asked, buffer, "syscall");
    long result = lb_sys6(number, a, (long)path, c, d, e, 0);
    LB_REACH_BUFFER(other, result == -ENOENT || result == -EROFS ? asked : NULL);
    if (LB_UNLIKELY(result == -ENOENT || (result == -EROFS && makes(number, c))) &&
        lb_is_elsewhere((int)a, asked, &path, other))
        result = lb_sys6(number, a, (long)path, c, d, e, 0);
    if (result == 0 && number == SYS_statx && (c & AT_SYMLINK_NOFOLLOW) != 0)
        lb_mend_statx((int)a, path, (void *)e);
    else if (result == 0)
        mend_status(number, (int)a, path, c, d);
    return result;
}

static long with_path(enum call kind, long number, long a, long b, long c, long d, long e)
{
    switch (kind) {
    case PATH_FIRST:
        return first_path(number, a, b, c, d, e);
    case PATH_SECOND:
        return second_path(number, a, b, c, d, e);
    case GETCWD:
        return get_directory((char *)a, (size_t)b);
    case READLINK:
        return lb_readlink_at(AT_FDCWD, (const char *)a, (char *)b, (size_t)c, "syscall");
    case READLINKAT:
        return lb_readlink_at((int)a, (const char *)b, (char *)c, (size_t)d, "syscall");
    case EXECVE:
        return lb_exec((const char *)a, (char *const *)b, (char *const *)c);
    default:
        return lb_exec_at((int)a, (const char *)b, (char *const *)c, (char *const *)d, (int)e);
    }
}

/* Declared with all its arguments: they arrive where a variadic function's would. A call that takes no path is
 * handed on by a jump, without a stack frame: after clone there may be another stack. */
LB_WRAP(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
    enum call kind = kind_of(number);
    if (kind == OTHER) {
        __typeof__(&lb_wrap_syscall) real = lb_real_syscall();
        LB_TAIL return real(number, a, b, c, d, e, f);
    }
    return answer(with_path(kind, number, a, b, c, d, e));
}
