/* The process's own entries in /proc, however they are spelled, and names relative to a directory. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

/* ---- relative names ---- */

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

static bool read_directory(int directory, struct lb_path *buffer)
{
    long length = directory == AT_FDCWD ? lb_sys_getcwd(buffer->text, sizeof buffer->text)
                                        : lb_path_of_descriptor(directory, buffer->text, sizeof buffer->text);
    return length > 0 && buffer->text[0] == '/';
}

/* Puts a relative path behind a directory's name, which climbs as far as the path begins with dots: exact, since a name
 * that the kernel gives has no links. False where that is too long. */
static bool extend(struct lb_path *directory, const char *path)
{
    size_t length, name;
    for (;; path += name) {
        path = next_name(path, &name);
        if (name != 2 || memcmp(path, "..", 2) != 0)
            break;
        char *slash = strrchr(directory->text, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    length = strlen(directory->text);
    if (length + strlen(path) + 2 > sizeof directory->text)
        return false;
    if (length == 0 || directory->text[length - 1] != '/') /* "/" ends with it already */
        directory->text[length++] = '/';
    strcpy(directory->text + length, path);
    return true;
}

const char *lb_absolute(int directory, const char *path, struct lb_path *buffer)
{
    return path[0] != '/' && read_directory(directory, buffer) && extend(buffer, path) ? buffer->text : path;
}

/* ---- /proc/self/exe and its kin ---- */

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

/* Gives a directory of the bundle the name that it has at home; false where it has none. */
static bool strip_root(struct lb_path *directory)
{
    char *name = directory->text + lb_state.root_len;
    if (strncmp(directory->text, lb_state.root, lb_state.root_len) != 0 || (*name != '/' && *name != '\0'))
        return false;
    memmove(directory->text, name, strlen(name) + 1);
    return true;
}

/* What is relative to a directory of the bundle may be on the host only, and the other way round. */
bool lb_is_elsewhere(int directory, const char *asked, const char **path, struct lb_path *buffer)
{
    struct lb_path space;
    if (!lb_state.active || !lb_is_readable(asked) || asked[0] == '/' || asked[0] == '\0' ||
        !read_directory(directory, &space))
        return false;
    bool inside = lb_is_inside(space.text);
    if ((inside && !strip_root(&space)) || !extend(&space, asked))
        return false;
    const char *found = lb_find_in_bundle(space.text, buffer);
    if (found == space.text)
        found = lb_find_place(space.text, buffer);
    if (found == space.text && !inside)
        return false;
    *path = found == space.text ? strcpy(buffer->text, space.text) : found;
    return true;
}

size_t lb_reach_room(const char *path)
{
    return lb_is_relative(path) ? sizeof(struct lb_path) : lb_room(path);
}

const char *lb_reached_at(int directory, const char *path, struct lb_path *buffer, const char *operation)
{
    const char *served = lb_served_at(directory, path, buffer, operation);
    if (served == path && lb_is_readable(path) && path[0] != '/' &&
        lb_sys6(SYS_faccessat, directory, (long)path, F_OK, 0, 0, 0) == -ENOENT)
        lb_is_elsewhere(directory, path, &served, buffer);
    return served;
}
