/* The process's own entries in /proc, however they are spelled, and names relative to a directory. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <string.h>

/* Steps up as far as `*path` begins with dots: exact, since a name that the kernel gives has no links. */
static void climb(char *base, long *length, const char **path)
{
    for (;;) {
        const char *rest = *path;
        bool up = strncmp(rest, "..", 2) == 0 && (rest[2] == '/' || rest[2] == '\0');
        if (!up && !(rest[0] == '.' && (rest[1] == '/' || rest[1] == '\0')))
            return;
        while (up && *length > 1 && base[--*length] != '/')
            ;
        rest += up ? 2 : 1;
        *path = rest + strspn(rest, "/");
    }
}

const char *lb_absolute(int directory, const char *path, struct lb_path *buffer)
{
    long length;
    if (path[0] == '/')
        return path;
    if (directory == AT_FDCWD)
        length = lb_sys_getcwd(buffer->text, sizeof buffer->text) - 1;
    else
        length = lb_path_of_descriptor(directory, buffer->text, sizeof buffer->text);
    if (length <= 0 || (size_t)length + strlen(path) + 2 > sizeof buffer->text)
        return path;
    climb(buffer->text, &length, &path);
    if (length == 0 || buffer->text[length - 1] != '/') /* "/" ends with it already */
        buffer->text[length++] = '/';
    strcpy(buffer->text + length, path);
    return buffer->text;
}

/* ---- /proc/self/exe and its kin ---- */

/* The next name of a path, without empty ones and dots; its length is 0 at the end. */
static const char *next_name(const char *at, size_t *length)
{
    for (;;) {
        at += strspn(at, "/");
        *length = strcspn(at, "/");
        if (*length != 1 || *at != '.')
            return at;
        at++;
    }
}

static bool takes(const char **at, const char *name)
{
    size_t length;
    const char *found = next_name(*at, &length);
    if (length != strlen(name) || memcmp(found, name, length) != 0)
        return false;
    *at = found + length;
    return true;
}

static int take_number(const char **at)
{
    size_t length;
    int number = 0;
    const char *digit = next_name(*at, &length), *end = digit + length;
    if (length == 0 || length > 9)
        return -1;
    for (; digit < end; digit++) {
        if (*digit < '0' || *digit > '9')
            return -1;
        number = number * 10 + (*digit - '0');
    }
    *at = end;
    return number;
}

/* self, thread-self, or the number of the process or of this thread. */
static bool takes_itself(const char **at)
{
    if (takes(at, "self") || takes(at, "thread-self"))
        return true;
    int number = take_number(at);
    return number > 0 && (number == lb_sys_getpid() || number == (int)lb_sys6(SYS_gettid, 0, 0, 0, 0, 0, 0));
}

static bool is_own_entry(const char *path, const char *entry)
{
    if (!takes(&path, "proc") || !takes_itself(&path))
        return false;
    if (takes(&path, "task") && take_number(&path) < 0)
        return false;
    return takes(&path, entry) && *path == '\0';
}

/* A relative name needs a buffer: not on the stack of who asks for an absolute one. */
__attribute__((noinline)) static bool is_own_relative(int directory, const char *path, const char *entry)
{
    struct lb_path buffer;
    const char *absolute = lb_absolute(directory, path, &buffer);
    return absolute != path && is_own_entry(absolute, entry);
}

bool lb_is_own(int directory, const char *path, const char *entry)
{
    size_t length = strlen(path), end = strlen(entry);
    if (lb_state.program[0] == '\0' || length < end || memcmp(path + length - end, entry, end) != 0 ||
        (length > end && path[length - end - 1] != '/'))
        return false;
    return path[0] == '/' ? is_own_entry(path, entry) : is_own_relative(directory, path, entry);
}

/* ---- names as at home ---- */

const char *lb_name_at_home(const char *path)
{
    struct lb_path buffer;
    if (!lb_state.active || strncmp(path, lb_state.root, lb_state.root_len) != 0 || path[lb_state.root_len] != '/')
        return NULL;
    const char *name = path + lb_state.root_len;
    return lb_find_in_bundle(name, &buffer) == name ? NULL : name;
}

/* What is relative to a directory of the bundle may be on the host only, and the other way round. */
bool lb_is_elsewhere(int directory, const char *asked, const char **path, struct lb_path *buffer)
{
    struct lb_path space;
    if (!lb_state.active || !lb_is_readable(asked) || asked[0] == '/' || asked[0] == '\0')
        return false;
    const char *absolute = lb_absolute(directory, asked, &space);
    if (absolute == asked || absolute[0] != '/')
        return false;
    if (!lb_is_inside(absolute)) {
        *path = lb_find_in_bundle(absolute, buffer);
        return *path != absolute;
    }
    if (strncmp(absolute, lb_state.root, lb_state.root_len) != 0 || absolute[lb_state.root_len] != '/' ||
        !lb_may_be_served(absolute + lb_state.root_len) || lb_sys_access(absolute + lb_state.root_len, F_OK) != 0)
        return false;
    strcpy(buffer->text, absolute + lb_state.root_len);
    *path = buffer->text;
    return true;
}
