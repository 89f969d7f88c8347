/* Raw system calls.
 *
 * The runtime replaces libc's own functions, and works between vfork and exec and in signal handlers, so what
 * it does for itself goes to the kernel directly: no symbol lookup, no lock, no allocation, errno untouched.
 * Every function returns the kernel's answer: a negative errno on failure. */
#ifndef LB_SYS_H
#define LB_SYS_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long lb_sys6(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "lambundle's runtime knows x86_64 and aarch64"
#endif
}

static inline int lb_sys_open(const char *path, int flags, unsigned mode)
{
    return (int)lb_sys6(SYS_openat, AT_FDCWD, (long)path, flags, (long)mode, 0, 0);
}

static inline long lb_sys_read(int fd, void *buffer, size_t size)
{
    return lb_sys6(SYS_read, fd, (long)buffer, (long)size, 0, 0, 0);
}

static inline long lb_sys_pread(int fd, void *buffer, size_t size, long offset)
{
    return lb_sys6(SYS_pread64, fd, (long)buffer, (long)size, offset, 0, 0);
}

static inline long lb_sys_write(int fd, const void *buffer, size_t size)
{
    return lb_sys6(SYS_write, fd, (long)buffer, (long)size, 0, 0, 0);
}

static inline void lb_sys_close(int fd)
{
    lb_sys6(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* As access(2): links are followed, so a dangling one does not exist. */
static inline int lb_sys_access(const char *path, int mode)
{
    return (int)lb_sys6(SYS_faccessat, AT_FDCWD, (long)path, mode, 0, 0, 0);
}

static inline long lb_sys_readlink(const char *path, char *buffer, size_t size)
{
    return lb_sys6(SYS_readlinkat, AT_FDCWD, (long)path, (long)buffer, (long)size, 0, 0);
}

static inline long lb_sys_getcwd(char *buffer, size_t size)
{
    return lb_sys6(SYS_getcwd, (long)buffer, (long)size, 0, 0, 0, 0);
}

static inline int lb_sys_getpid(void)
{
    return (int)lb_sys6(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline int lb_sys_execve(const char *path, char *const argv[], char *const envp[])
{
    return (int)lb_sys6(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
}

/* ---- sys.c ---- */

/* Writes a number that is not negative, without an end; returns where it ends. At most ten digits. */
char *lb_decimal(char *to, int number);

/* The kernel's own name of an open file, with its end, in `buffer`; returns its length, or a negative errno. */
long lb_path_of_descriptor(int fd, char *buffer, size_t size);

#endif
