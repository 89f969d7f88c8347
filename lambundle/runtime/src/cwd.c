/* The working directory: below the bundle's root it has the name that it has at home. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *lb_working_directory(struct lb_path *buffer)
{
    return lb_sys_getcwd(buffer->text, sizeof buffer->text) > 0 ? lb_name_at_home(buffer->text) : NULL;
}

/* As getcwd: no buffer, and libc's own allocation. */
static char *give(const char *name, char *buffer, size_t size)
{
    size_t length = strlen(name) + 1;
    if (buffer == NULL) {
#ifndef __GLIBC__
        size = 0; /* musl gives as much as there is */
#endif
        if (size == 0)
            size = length;
        buffer = size < length ? NULL : malloc(size);
        if (size >= length && buffer == NULL)
            return NULL;
    }
    if (size < length) {
        errno = size == 0 ? EINVAL : ERANGE;
        return NULL;
    }
    return memcpy(buffer, name, length);
}

LB_WRAP_POINTER(char *, getcwd, (char *buffer, size_t size))
{
    struct lb_path space;
    const char *name = lb_working_directory(&space);
    return name == NULL ? lb_real_getcwd()(buffer, size) : give(name, buffer, size);
}

LB_WRAP_POINTER(char *, get_current_dir_name, (void))
{
    char *result = lb_real_get_current_dir_name()();
    const char *name = result == NULL ? NULL : lb_name_at_home(result);
    if (name != NULL)
        memmove(result, name, strlen(name) + 1);
    return result;
}

#ifdef __GLIBC__
LB_WRAP_POINTER(char *, getwd, (char *buffer))
{
    struct lb_path space;
    const char *name = buffer == NULL ? NULL : lb_working_directory(&space);
    return name == NULL ? lb_real_getwd()(buffer) : give(name, buffer, PATH_MAX);
}

LB_WRAP_POINTER(char *, __getcwd_chk, (char *buffer, size_t size, size_t room))
{
    struct lb_path space;
    const char *name = size > room ? NULL : lb_working_directory(&space);
    return name == NULL ? lb_real___getcwd_chk()(buffer, size, room) : give(name, buffer, size);
}

LB_WRAP_POINTER(char *, __getwd_chk, (char *buffer, size_t room))
{
    struct lb_path space;
    const char *name = lb_working_directory(&space);
    return name == NULL ? lb_real___getwd_chk()(buffer, room) : give(name, buffer, room);
}
#endif
