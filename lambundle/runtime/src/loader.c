/* The command line and the environment with which a program of the bundle starts through the bundle's loader. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <string.h>

#ifndef LB_GLIBC_RUNTIME /* a build with sanitizers needs their library loaded before */
#define LB_GLIBC_RUNTIME "liblambundle-glibc.so"
#endif

static const char *runtime_name(bool musl)
{
    return musl ? "liblambundle-musl.so" : LB_GLIBC_RUNTIME;
}

/* By its path, ld.so need not search every library directory and its subdirectories for processors. A path with a blank
 * would be two (ld.so(8)), and a list has its own order. */
static const char *runtime_argument(struct work *work, bool musl)
{
    const char *name = runtime_name(musl);
    bool whole = strpbrk(lb_state.top, " :") == NULL && strchr(name, ':') == NULL;
    return whole ? lb_joined(work, lb_state.top, "/runtime/", name) : name;
}

/* For a program of the bundle. A loader without --argv0 and --preload gets variables, and a trace goes on even if the
 * program clears its children's environment. */
static void bundle_environment(struct work *work, const char *name, bool musl)
{
    char **to = work->environment;
    bool old = lb_state.old_loader && !musl;
    const char *preload = lb_env_get(work->given_envp, "LD_PRELOAD");
    for (char *const *from = work->given_envp; from != NULL && *from != NULL; from++)
        if (!old || strncmp(*from, "LD_PRELOAD=", 11) != 0)
            *to++ = *from;
    if (old) {
        char *text = lb_joined(work, "LD_PRELOAD=", runtime_name(false), preload == NULL ? "" : ":");
        *to++ = preload == NULL ? text : lb_joined(work, text, preload, "");
        *to++ = lb_joined(work, "LAMBUNDLE_ARGV0=", name, "");
    }
    if (lb_state.tracing && lb_env_get(work->given_envp, "LAMBUNDLE_TRACE") == NULL)
        *to++ = lb_joined(work, "LAMBUNDLE_TRACE=", lb_state.trace, "");
    *to = NULL;
    if (!musl)
        lb_serve_preloads(work);
    work->launch->envp = work->environment;
}

/* ---- the loader's command line ---- */

/* The configured directories, LD_LIBRARY_PATH's, the runtime's own. */
size_t lb_library_path_size(char *const envp[])
{
    size_t size = lb_state.path_room + 2 * (lb_state.root_len + 16);
    const char *asked = lb_env_get(envp, "LD_LIBRARY_PATH");
    for (; asked != NULL && *asked != '\0'; asked++)
        size += *asked == ':' || *asked == ';' ? lb_state.root_len + 1 : 1;
    return size;
}

static char *append(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

/* Directories of LD_LIBRARY_PATH in the bundle come first, as on the packing machine; the host's others must not reach
 * a program of the bundle (on Lambda the variable begins with /lib64). */
static char *append_asked(char *to, struct work *work)
{
    const char *at = lb_env_get(work->given_envp, "LD_LIBRARY_PATH"), *start = to;
    while (at != NULL && *at != '\0' && to - start < LB_ASKED_MAX) {
        size_t length = strcspn(at, ":;");
        if (*at == '/') {
            char *end = append(append(to, lb_state.root, lb_state.root_len), at, length);
            *end = '\0';
            if (lb_is_inside(to + lb_state.root_len)) {
                to = append(to, at, length);
                *to++ = ':';
            } else if (lb_may_be_served(to + lb_state.root_len) && lb_sys_access(to, F_OK) == 0) {
                to = end;
                *to++ = ':';
            }
        }
        at += length + (at[length] != '\0');
    }
    return to;
}

static char *library_path(struct work *work, const char *packed_as)
{
    char *text = lb_take(work, lb_library_path_size(work->given_envp)), *to = append_asked(text, work);
    for (const char *at = lb_library_path_of(packed_as); *at != '\0';) {
        size_t length = strcspn(at, ":");
        to = append(to, lb_state.root, lb_state.root_len);
        to = append(to, at, length);
        *to++ = ':';
        at += length + (at[length] != '\0');
    }
    to = append(to, lb_state.top, lb_state.top_len);
    to = append(to, "/runtime", 9);
    return text;
}

static bool is_musl(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    return strncmp(slash == NULL ? interpreter : slash + 1, "ld-musl-", 8) == 0;
}

void lb_through_loader(struct work *work, const char *loader, const char *program, const char *packed_as)
{
    bool musl = is_musl(work->interpreter.text), old = lb_state.old_loader && !musl;
    char *name = work->launch->argv[0];
    char *path = library_path(work, packed_as);
    bundle_environment(work, name, musl);
    work->launch->argv[0] = (char *)program;
    if (!old) {
        lb_prepend(work, name);
        lb_prepend(work, "--argv0");
        const char *runtime = runtime_argument(work, musl);
        lb_prepend(work, musl ? lb_preload_argument(work, runtime) : runtime);
        lb_prepend(work, "--preload");
    }
    lb_prepend(work, path);
    lb_prepend(work, "--library-path");
    if (!musl)
        lb_prepend(work, "--inhibit-cache");
    lb_prepend(work, loader);
    work->launch->file = loader;
}
