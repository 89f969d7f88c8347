/* Links and canonical names: what a program learns of where it is. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

static long copy_program(char *buffer, size_t size)
{
    size_t length = strlen(lb_state.program);
    if (size == 0)
        return -EINVAL;
    if (length > size)
        length = size; /* readlink(2) cuts off in silence */
    memcpy(buffer, lb_state.program, length);
    return (long)length;
}

/* As the system call readlinkat: a negative errno on failure. */
long lb_readlink_at(int directory, const char *path, char *buffer, size_t size, const char *operation)
{
    struct lb_path served;
    if (path != NULL && path[0] == '/') {
        if (lb_is_own_exe(path))
            return copy_program(buffer, size);
    }
    return lb_sys6(SYS_readlinkat, directory, (long)lb_served_at(directory, path, &served, operation),
                   (long)buffer, (long)size, 0, 0);
}

static ssize_t answer(long result)
{
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

LB_EXPORT ssize_t lb_readlink(const char *path, char *buffer, size_t size) __asm__("readlink");
ssize_t lb_readlink(const char *path, char *buffer, size_t size)
{
    return answer(lb_readlink_at(AT_FDCWD, path, buffer, size, "readlink"));
}

LB_EXPORT ssize_t lb_readlinkat(int directory, const char *path, char *buffer, size_t size) __asm__("readlinkat");
ssize_t lb_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    return answer(lb_readlink_at(directory, path, buffer, size, "readlinkat"));
}

#ifdef __GLIBC__
/* _FORTIFY_SOURCE: the last argument is the buffer's true size. */
LB_EXPORT ssize_t lb_readlink_chk(const char *path, char *buffer, size_t size,
                                  size_t room) __asm__("__readlink_chk");
ssize_t lb_readlink_chk(const char *path, char *buffer, size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
    return lb_readlink(path, buffer, size);
}

LB_EXPORT ssize_t lb_readlinkat_chk(int directory, const char *path, char *buffer, size_t size,
                                    size_t room) __asm__("__readlinkat_chk");
ssize_t lb_readlinkat_chk(int directory, const char *path, char *buffer, size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
    return lb_readlinkat(directory, path, buffer, size);
}
#endif

/* A program that asks for the canonical name of /usr/bin/x gets one that begins with /usr again: it may compare
 * it with names that were built into it, or write it where it outlives the bundle's place. */
static char *without_root(const char *asked, char *result)
{
    if (result == NULL || lb_is_own_exe(asked) || lb_is_inside(asked) ||
        strncmp(result, lb_state.root, lb_state.root_len) != 0 || result[lb_state.root_len] != '/')
        return result;
    memmove(result, result + lb_state.root_len, strlen(result + lb_state.root_len) + 1);
    return result;
}

LB_WRAP_POINTER(char *, realpath, (const char *path, char *resolved))
{
    struct lb_path buffer;
    const char *served = lb_served(path, &buffer, "realpath");
    char *result = lb_real_realpath()(served, resolved);
    return served == path ? result : without_root(path, result);
}

#ifdef __GLIBC__
LB_WRAP_POINTER(char *, __realpath_chk, (const char *path, char *resolved, size_t room))
{
    struct lb_path buffer;
    const char *served = lb_served(path, &buffer, "realpath");
    char *result = lb_real___realpath_chk()(served, resolved, room);
    return served == path ? result : without_root(path, result);
}

LB_WRAP_POINTER(char *, canonicalize_file_name, (const char *path))
{
    struct lb_path buffer;
    const char *served = lb_served(path, &buffer, "canonicalize_file_name");
    char *result = lb_real_canonicalize_file_name()(served);
    return served == path ? result : without_root(path, result);
}
#endif
