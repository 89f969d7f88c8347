/* Links that a program makes. One to an absolute path that the bundle serves leads to the bundle's file, so that the
 * kernel and programs of the host follow it too; two slashes behind the bundle's root tell that it was written without,
 * and so it is read. */
#define _GNU_SOURCE
#include "lb.h"

#include <string.h>

const char *lb_link_target(const char *target, struct lb_path *buffer)
{
    if (!lb_is_readable(target) || target[0] != '/')
        return target;
    const char *found = lb_find_in_bundle(target, buffer);
    size_t length = strlen(target) + 1;
    if (found != buffer->text || lb_state.root_len + length + 1 > sizeof buffer->text)
        return target;
    buffer->text[lb_state.root_len] = '/';
    memcpy(buffer->text + lb_state.root_len + 1, target, length);
    return buffer->text;
}

bool lb_may_be_made(const char *text, size_t size, long length)
{
    size_t shown = length <= 0 ? 0 : (size_t)length, root = lb_state.root_len;
    if (!lb_state.active || shown == 0 || memcmp(text, lb_state.root, shown < root ? shown : root) != 0)
        return false;
    return shown > root + 1 ? text[root] == '/' && text[root + 1] == '/' : shown == size; /* cut off */
}
