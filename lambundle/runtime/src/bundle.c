/* The location of the bundle, and the paths that it serves. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

extern char **environ;

struct lb_state lb_state;

/* ---- finding the bundle ---- */

static bool copy_text(char *to, size_t size, const char *from, size_t length)
{
    if (length + 1 > size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

/* The directory two levels above this library: …/lambundle/NAME of …/lambundle/NAME/runtime/lib….so. */
static bool find_given(void)
{
    Dl_info info;
    if (dladdr((void *)&lb_state, &info) == 0 || info.dli_fname == NULL)
        return false;
    const char *end = strrchr(info.dli_fname, '/');
    if (end == NULL || end == info.dli_fname)
        return false;
    end = memrchr(info.dli_fname, '/', (size_t)(end - info.dli_fname));
    if (end == NULL || end == info.dli_fname)
        return false;
    size_t length = (size_t)(end - info.dli_fname);
    if (!copy_text(lb_state.given, sizeof lb_state.given, info.dli_fname, length))
        return false;
    lb_state.given_len = length;
    return true;
}

/* The kernel's own name of the same directory, so that a path got from realpath or getcwd is recognised. */
static void find_physical(void)
{
    long length = -1;
    int fd = lb_sys_open(lb_state.given, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0) {
        length = lb_path_of_descriptor(fd, lb_state.top, sizeof lb_state.top);
        lb_sys_close(fd);
    }
    if (length <= 0 || lb_state.top[0] != '/') {
        memcpy(lb_state.top, lb_state.given, lb_state.given_len + 1);
        length = (long)lb_state.given_len;
    }
    lb_state.top[length] = '\0';
    lb_state.top_len = (size_t)length;
}

static bool find_root(void)
{
    static const char name[] = "/root";
    if (lb_state.top_len + sizeof name > sizeof lb_state.root)
        return false;
    memcpy(lb_state.root, lb_state.top, lb_state.top_len);
    memcpy(lb_state.root + lb_state.top_len, name, sizeof name);
    lb_state.root_len = lb_state.top_len + sizeof name - 1;
    return lb_sys_access(lb_state.root, F_OK) == 0;
}

/* ---- the path of the trace ---- */

static void find_trace(void)
{
    const char *file = environ == NULL ? NULL : lb_env_get(environ, "LAMBUNDLE_TRACE");
    size_t at = 0;
    if (file == NULL || file[0] == '\0')
        return;
    if (file[0] != '/') {
        long length = lb_sys_getcwd(lb_state.trace, sizeof lb_state.trace - 1);
        if (length <= 1)
            return;
        at = (size_t)length - 1; /* the kernel counts the NUL */
        lb_state.trace[at++] = '/';
    }
    if (copy_text(lb_state.trace + at, sizeof lb_state.trace - at, file, strlen(file)))
        lb_state.tracing = true;
}

void lb_find(void)
{
    if (lb_state.found)
        return;
    lb_state.found = true;
    lb_state.pid = lb_sys_getpid();
    find_trace();
    if (!find_given())
        return;
    find_physical();
    if (!find_root())
        return;
    lb_read_config();
    lb_state.active = true;
}

/* ---- looking up ---- */

static bool is_at_or_below(const char *path, const char *directory, size_t length)
{
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool lb_is_inside(const char *path)
{
    return lb_state.active && (is_at_or_below(path, lb_state.top, lb_state.top_len) ||
                               is_at_or_below(path, lb_state.given, lb_state.given_len));
}

static bool is_component(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

/* Always served by the host: the kernel's file systems, and the only writable directory unless a file of it was
 * packed. */
static bool is_host_tree(const char *first, size_t length)
{
    return is_component(first, length, "proc") || is_component(first, length, "dev") ||
           is_component(first, length, "sys") || (!lb_state.serves_tmp && is_component(first, length, "tmp"));
}

/* Directories in which Lambda mounts the user's files: the bundle's nearly empty copy of the directory itself must
 * not hide them. Paths below are looked up as usual. */
static bool is_host_directory(const char *first, size_t length)
{
    return is_component(first, length, "opt") || is_component(first, length, "var") ||
           is_component(first, length, "mnt") || is_component(first, length, "home") ||
           is_component(first, length, "run") || is_component(first, length, "tmp");
}

enum reach { NEVER, WHERE_THE_HOST_HAS_NONE, ALWAYS };

/* Whether the bundle may serve an absolute path. Never "/": a program that opens it and descends with openat would
 * find neither /tmp nor the host's files. Nor a path whose ".." leave "/", and so the bundle's root. */
static enum reach reach_of(const char *path)
{
    long depth = 0;
    const char *first = NULL;
    size_t first_length = 0;
    for (const char *at = path; *at != '\0';) {
        size_t length;
        while (*at == '/')
            at++;
        length = strcspn(at, "/");
        if (length == 0)
            break;
        if (is_component(at, length, "..")) {
            if (--depth < 0)
                return NEVER;
        } else if (!is_component(at, length, ".")) {
            if (depth++ == 0) {
                first = at;
                first_length = length;
            }
        }
        at += length;
    }
    if (depth == 0 || first == NULL || is_host_tree(first, first_length))
        return NEVER;
    return depth > 1 || !is_host_directory(first, first_length) ? ALWAYS : WHERE_THE_HOST_HAS_NONE;
}

bool lb_may_be_served(const char *path)
{
    enum reach reach = reach_of(path);
    return reach == ALWAYS || (reach == WHERE_THE_HOST_HAS_NONE && lb_sys_access(path, F_OK) == -ENOENT);
}

size_t lb_room(const char *path)
{
    if (!lb_is_readable(path) || path[0] != '/')
        return 1;
    if (LB_UNLIKELY(!lb_state.found))
        lb_find();
    size_t room = lb_state.root_len + strlen(path) + 1;
    return room < PATH_MAX ? room : PATH_MAX;
}

const char *lb_in_root(const char *path, struct lb_path *buffer)
{
    size_t length = strlen(path);
    if (lb_state.root_len + length + 1 > sizeof buffer->text)
        return NULL;
    memcpy(buffer->text, lb_state.root, lb_state.root_len);
    memcpy(buffer->text + lb_state.root_len, path, length + 1);
    return buffer->text;
}

const char *lb_find_in_bundle(const char *path, struct lb_path *buffer)
{
    if (LB_UNLIKELY(!lb_state.found))
        lb_find();
    if (!lb_state.active || path[0] != '/')
        return path;
    if (LB_UNLIKELY(path[1] == 'p' || path[1] == '/' || path[1] == '.') && lb_is_own(AT_FDCWD, path, "exe"))
        return lb_state.program;
    if (lb_is_inside(path) || !lb_may_be_served(path))
        return path;
    const char *candidate = lb_in_root(path, buffer);
    int failed = candidate == NULL ? -ENOENT : lb_sys_access(candidate, F_OK);
    if (LB_UNLIKELY(failed != 0 && failed != -ENOENT)) /* below a file, a name too long: so it is at home */
        failed = lb_sys_access(path, F_OK) == -ENOENT ? 0 : failed;
    return failed == 0 ? candidate : path;
}

/* Cuts off the last component and what is behind it; false where there is none but the root. */
static bool cut_last(char *path, char **end, char *cut)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length < 2)
        return false;
    *end = path + length;
    *cut = **end;
    **end = '\0';
    return true;
}

const char *lb_find_place(const char *path, struct lb_path *buffer)
{
    char *end, cut;
    if (!lb_state.active || path[0] != '/' || lb_is_inside(path) || !lb_may_be_served(path) ||
        lb_in_root(path, buffer) == NULL || !cut_last(buffer->text + lb_state.root_len, &end, &cut))
        return path;
    bool ours = lb_sys_access(buffer->text, F_OK) == 0 && lb_sys_access(buffer->text + lb_state.root_len, F_OK) != 0;
    *end = cut;
    return ours ? buffer->text : path;
}

const char *lb_lookup(int directory, const char *path, struct lb_path *buffer, const char *operation)
{
    const char *served = lb_find_in_bundle(path, buffer);
    if (LB_UNLIKELY(path[0] != '/') && lb_is_own(directory, path, "exe"))
        served = lb_state.program;
    if (LB_UNLIKELY(lb_state.tracing)) {
        bool exists = served != path || lb_sys6(SYS_faccessat, directory, (long)path, F_OK, 0, 0, 0) == 0;
        lb_trace_lookup(directory, path, served != path, exists, operation);
    }
    return served;
}
