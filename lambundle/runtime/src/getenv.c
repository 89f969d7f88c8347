/* getenv: wrapped only for the trace, which has the variables that a program reads and whether they are set.
 *
 * Allocators read their options at start, before our constructor and where dlsym must not be called. So our constructor
 * looks up the real functions, and until then the environment is read here. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/auxv.h>

extern char **environ;

typedef char *function(const char *name);

static struct {
    function *plain;
    function *secure;
} real;

enum { NAMES = 1024 }; /* far more than the dozens that programs read, so that searches are short */

static unsigned seen[NAMES];

void lb_find_getenv(void)
{
    real.plain = (function *)dlsym(RTLD_NEXT, "getenv");
    real.secure = (function *)dlsym(RTLD_NEXT, "secure_getenv");
}

/* Whether `name` was not read before. A race of two threads records it twice. */
static bool is_new(const char *name)
{
    unsigned hash = 2166136261u; /* FNV-1a */
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    hash += hash == 0;
    for (unsigned step = 0; step < NAMES; step++) {
        unsigned *slot = &seen[(hash + step) % NAMES], held = __atomic_load_n(slot, __ATOMIC_RELAXED);
        if (held == hash)
            return false;
        if (held == 0) {
            __atomic_store_n(slot, hash, __ATOMIC_RELAXED);
            return true;
        }
    }
    return true;
}

static void note(const char *name)
{
    if (!lb_state.found)
        lb_find();
    if (lb_state.tracing && name != NULL && is_new(name))
        lb_trace_variable(name, lb_env_get(environ, name) != NULL);
}

LB_EXPORT char *lb_getenv(const char *name) __asm__("getenv");
char *lb_getenv(const char *name)
{
    if (LB_UNLIKELY(lb_state.tracing || !lb_state.found))
        note(name);
    return real.plain != NULL ? real.plain(name) : (char *)lb_env_get(environ, name);
}

LB_EXPORT char *lb_secure_getenv(const char *name) __asm__("secure_getenv");
char *lb_secure_getenv(const char *name)
{
    if (LB_UNLIKELY(lb_state.tracing || !lb_state.found))
        note(name);
    if (real.secure != NULL)
        return real.secure(name);
    return getauxval(AT_SECURE) != 0 ? NULL : (char *)lb_env_get(environ, name);
}
