/* Links and canonical names: what a program learns of where it is. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static long copy_name(const char *name, char *buffer, size_t size)
{
    size_t length = strlen(name);
    if (size == 0)
        return -EINVAL;
    if (length > size)
        length = size; /* readlink(2) cuts off in silence */
    memcpy(buffer, name, length);
    return (long)length;
}

/* ---- another process of the bundle ---- */

bool lb_is_loader(const char *path, size_t length)
{
    const char *slash = memrchr(path, '/', length);
    size_t name = slash == NULL ? 0 : (size_t)(path + length - slash);
    return (name > 4 && memcmp(slash, "/ld-", 4) == 0) || (name == 8 && memcmp(slash, "/libc.so", 8) == 0); /* musl's */
}

/* `length` bytes in `buffer`, the name of a loader, are the kernel's answer for a link: for /proc/PID/exe the program's
 * name takes their place. */
static long see_through_loader(int directory, const char *path, char *buffer, size_t size, long length)
{
    struct lb_path text, space;
    if ((size_t)length >= sizeof text.text)
        return length;
    memcpy(text.text, buffer, (size_t)length);
    text.text[length] = '\0';
    if (!lb_is_inside(text.text))
        return length;
    const char *whole = lb_absolute(directory, path, &space);
    size_t end = strlen(whole);
    if (strncmp(whole, "/proc/", 6) != 0 || strcmp(whole + end - 4, "/exe") != 0 || !lb_find_program_of(whole, &text))
        return length;
    return copy_name(text.text, buffer, size);
}

/* ---- a link to an absolute path: in a bundle it is .// and the way up to the root (lambundle/gather/links.py) ---- */

static const char was_absolute[] = ".//";

static bool may_have_been_absolute(const char *buffer, size_t size, long length)
{
    size_t shown = length <= 0 ? 0 : (size_t)length, mark = sizeof was_absolute - 1;
    if (shown >= mark)
        return memcmp(buffer, was_absolute, mark) == 0;
    return shown > 0 && shown == size && memcmp(buffer, was_absolute, shown) == 0; /* cut off */
}

static bool may_be_in_bundle(const char *path)
{
    return lb_state.active && (path[0] != '/' || lb_is_inside(path));
}

/* The target as at home, in `text`; NULL for any other link. */
static const char *absolute_target(int directory, const char *path, struct lb_path *text)
{
    long whole = lb_sys6(SYS_readlinkat, directory, (long)path, (long)text->text, sizeof text->text - 1, 0, 0);
    if (whole <= 0)
        return NULL;
    text->text[whole] = '\0';
    if (lb_may_be_made(text->text, sizeof text->text, whole))
        return text->text + lb_state.root_len + 1;
    if (!may_be_in_bundle(path) || !may_have_been_absolute(text->text, sizeof text->text, whole))
        return NULL;
    char *rest = text->text + sizeof was_absolute - 1;
    while (strncmp(rest, "../", 3) == 0)
        rest += 3;
    if (strcmp(rest, "..") == 0)
        rest += 2;
    *--rest = '/';
    return rest;
}

/* Of a link with `size` bytes: the host's own are seldom as long as one that was made to lead into the bundle. */
static const char *home_target(mode_t mode, size_t size, int directory, const char *path, struct lb_path *text)
{
    bool mended = S_ISLNK(mode) && (may_be_in_bundle(path) || (lb_state.active && size > lb_state.root_len + 1));
    return mended ? absolute_target(directory, path, text) : NULL;
}

void lb_mend_stat(int directory, const char *path, struct stat *status)
{
    struct lb_path text;
    const char *target = home_target(status->st_mode, (size_t)status->st_size, directory, path, &text);
    if (target != NULL)
        status->st_size = (off_t)strlen(target);
}

void lb_mend_statx(int directory, const char *path, void *buffer)
{
    struct lb_path text;
    struct {
        uint32_t mask, block_size;
        uint64_t attributes;
        uint32_t links, owner, group;
        uint16_t mode, spare;
        uint64_t inode, size;
    } *status = buffer; /* the beginning of struct statx, which glibc has since 2.28 */
    const char *target = home_target(status->mode, status->size, directory, path, &text);
    if (target != NULL)
        status->size = strlen(target);
}

/* As the system call readlinkat: a negative errno on failure. */
long lb_readlink_at(int directory, const char *path, char *buffer, size_t size, const char *operation)
{
    struct lb_path space, text;
    const char *served = lb_served_at(directory, path, &space, operation);
    if (LB_UNLIKELY(served == lb_state.program))
        return copy_name(served, buffer, size);
    if (lb_is_readable(path) && LB_UNLIKELY(lb_is_own(directory, path, "cwd"))) {
        const char *name = lb_working_directory(&space);
        if (name != NULL)
            return copy_name(name, buffer, size);
    }
    long result = lb_sys6(SYS_readlinkat, directory, (long)served, (long)buffer, (long)size, 0, 0);
    if (LB_UNLIKELY(result == -ENOENT) && lb_is_elsewhere(directory, path, &served, &space))
        result = lb_sys6(SYS_readlinkat, directory, (long)served, (long)buffer, (long)size, 0, 0);
    if (result > 0 && LB_UNLIKELY(lb_is_loader(buffer, (size_t)result)))
        return see_through_loader(directory, path, buffer, size, result);
    const char *target = NULL;
    if (LB_UNLIKELY(may_have_been_absolute(buffer, size, result) || lb_may_be_made(buffer, size, result)))
        target = absolute_target(directory, served, &text);
    return target == NULL ? result : copy_name(target, buffer, size);
}

static ssize_t answer(long result)
{
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* musl reads no byte where the kernel would call it wrong. */
static long as_libc(int directory, const char *path, char *buffer, size_t size, const char *operation)
{
#ifndef __GLIBC__
    char none;
    if (size == 0) {
        long result = lb_readlink_at(directory, path, &none, 1, operation);
        return result > 0 ? 0 : result;
    }
#endif
    return lb_readlink_at(directory, path, buffer, size, operation);
}

LB_EXPORT ssize_t lb_readlink(const char *path, char *buffer, size_t size) __asm__("readlink");
ssize_t lb_readlink(const char *path, char *buffer, size_t size)
{
    return answer(as_libc(AT_FDCWD, path, buffer, size, "readlink"));
}

LB_EXPORT ssize_t lb_readlinkat(int directory, const char *path, char *buffer, size_t size) __asm__("readlinkat");
ssize_t lb_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    return answer(as_libc(directory, path, buffer, size, "readlinkat"));
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
static char *without_root(const char *asked, const char *served, char *result)
{
    if (result == NULL || served == lb_state.program)
        return result;
    if (asked[0] == '/' && served == asked && (lb_is_inside(asked) || strncmp(asked, "/proc/", 6) == 0))
        return result;
    const char *name = lb_name_at_home(result);
    if (served != asked && strncmp(result, lb_state.root, lb_state.root_len) == 0)
        name = result[lb_state.root_len] == '/' ? result + lb_state.root_len : name;
    if (name != NULL)
        memmove(result, name, strlen(name) + 1);
    return result;
}

LB_WRAP_POINTER(char *, realpath, (const char *path, char *resolved))
{
    struct lb_path buffer;
    const char *served = lb_reached_at(AT_FDCWD, path, &buffer, "realpath");
    return without_root(path, served, lb_real_realpath()(served, resolved));
}

#ifdef __GLIBC__
LB_WRAP_POINTER(char *, __realpath_chk, (const char *path, char *resolved, size_t room))
{
    struct lb_path buffer;
    const char *served = lb_reached_at(AT_FDCWD, path, &buffer, "realpath");
    return without_root(path, served, lb_real___realpath_chk()(served, resolved, room));
}

LB_WRAP_POINTER(char *, canonicalize_file_name, (const char *path))
{
    struct lb_path buffer;
    const char *served = lb_reached_at(AT_FDCWD, path, &buffer, "canonicalize_file_name");
    return without_root(path, served, lb_real_canonicalize_file_name()(served));
}
#endif
