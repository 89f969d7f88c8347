/* Links and canonical names: what a program learns of where it is. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
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

/* ---- another process of the bundle: to the kernel it runs the loader, its command line says what that runs ---- */

struct command_line {
    int fd;
    long at, have;
    char bytes[512];
};

/* The next argument in `text`, cut off where it is too long; false at the end. */
static bool next_argument(struct command_line *line, struct lb_path *text)
{
    size_t length = 0;
    for (;;) {
        if (line->at >= line->have) {
            line->at = 0;
            line->have = lb_sys_read(line->fd, line->bytes, sizeof line->bytes);
            if (line->have <= 0)
                return false;
        }
        char byte = line->bytes[line->at++];
        if (byte == '\0') {
            text->text[length] = '\0';
            return true;
        }
        if (length < sizeof text->text - 1)
            text->text[length++] = byte;
    }
}

/* LOADER [--inhibit-cache] [--OPTION VALUE]… PROGRAM …, as launchers and launch.c write it. */
static bool find_program_argument(struct command_line *line, struct lb_path *text)
{
    if (!next_argument(line, text))
        return false;
    while (next_argument(line, text)) {
        if (strncmp(text->text, "--", 2) != 0)
            return lb_is_inside(text->text);
        if (strcmp(text->text, "--inhibit-cache") != 0 && !next_argument(line, text))
            return false;
    }
    return false;
}

static bool names_process_exe(const char *path)
{
    size_t length = strlen(path);
    return length < 32 && strncmp(path, "/proc/", 6) == 0 && strcmp(path + length - 4, "/exe") == 0;
}

static bool is_loader(const char *path, size_t length)
{
    const char *slash = memrchr(path, '/', length);
    size_t name = slash == NULL ? 0 : (size_t)(path + length - slash);
    return (name > 4 && memcmp(slash, "/ld-", 4) == 0) || (name == 8 && memcmp(slash, "/libc.so", 8) == 0); /* musl's */
}

/* `length` bytes in `buffer` are the kernel's answer for /proc/PID/exe. Gives it back where it is the truth. */
static long see_through_loader(const char *path, char *buffer, size_t size, long length)
{
    struct lb_path text;
    struct command_line line = {.fd = -1};
    if (length <= 0 || (size_t)length >= sizeof text.text || !is_loader(buffer, (size_t)length))
        return length;
    memcpy(text.text, buffer, (size_t)length);
    text.text[length] = '\0';
    if (!lb_is_inside(text.text))
        return length;
    memcpy(text.text, path, strlen(path) - 3);
    strcpy(text.text + strlen(path) - 3, "cmdline");
    line.fd = lb_sys_open(text.text, O_RDONLY | O_CLOEXEC, 0);
    if (line.fd < 0)
        return length;
    if (find_program_argument(&line, &text))
        length = copy_name(text.text, buffer, size);
    lb_sys_close(line.fd);
    return length;
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

static long absolute_target(int directory, const char *path, char *buffer, size_t size, long length)
{
    struct lb_path text;
    long whole = lb_sys6(SYS_readlinkat, directory, (long)path, (long)text.text, sizeof text.text - 1, 0, 0);
    if (whole <= 0 || !may_have_been_absolute(text.text, sizeof text.text, whole))
        return length;
    text.text[whole] = '\0';
    char *rest = text.text + sizeof was_absolute - 1;
    while (strncmp(rest, "../", 3) == 0)
        rest += 3;
    if (strcmp(rest, "..") == 0)
        rest += 2;
    *--rest = '/';
    return copy_name(rest, buffer, size);
}

/* As the system call readlinkat: a negative errno on failure. */
long lb_readlink_at(int directory, const char *path, char *buffer, size_t size, const char *operation)
{
    struct lb_path space;
    bool readable = lb_is_readable(path);
    if (readable && path[0] == '/' && lb_is_own_exe(path))
        return copy_name(lb_state.program, buffer, size);
    const char *served = lb_served_at(directory, path, &space, operation);
    long result = lb_sys6(SYS_readlinkat, directory, (long)served, (long)buffer, (long)size, 0, 0);
    if (result > 0 && LB_UNLIKELY(names_process_exe(path)))
        return see_through_loader(path, buffer, size, result);
    if (LB_UNLIKELY(may_have_been_absolute(buffer, size, result)) && lb_state.active &&
        (served != path || path[0] != '/'))
        return absolute_target(directory, served, buffer, size, result);
    return result;
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
