/* dlmopen: what is preloaded is only in the first namespace, so this library is loaded into each new one, before the
 * plug-in: its functions stand before libc's there, since the first object's scope is the namespace's global one. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#ifdef __GLIBC__

enum { SPACES = 16 }; /* DL_NNS: as many as ld.so has */

static struct {
    void *runtime; /* the handle of this library there; NULL: unused */
    size_t objects; /* there were with it alone */
} spaces[SPACES];

static int lock;

/* A handle is the object's link_map. */
static size_t count_objects(void *handle)
{
    struct link_map *map = handle;
    size_t count = 0;
    while (map->l_prev != NULL)
        map = map->l_prev;
    for (; map != NULL; map = map->l_next)
        count++;
    return count;
}

/* A namespace whose plug-ins were closed would stay for this library's sake. */
static void leave_empty_spaces(void)
{
    for (size_t i = 0; i < SPACES; i++)
        if (spaces[i].runtime != NULL && count_objects(spaces[i].runtime) <= spaces[i].objects) {
            dlclose(spaces[i].runtime);
            spaces[i].runtime = NULL;
        }
}

/* A new namespace with this library in it; LM_ID_NEWLM where that cannot be. */
static Lmid_t new_space(void *(*open)(Lmid_t, const char *, int))
{
    Lmid_t space = LM_ID_NEWLM;
    Dl_info own;
    size_t at = 0;
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0)
        lb_sys6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    leave_empty_spaces();
    while (at < SPACES && spaces[at].runtime != NULL)
        at++;
    void *runtime = NULL;
    if (at < SPACES && dladdr((void *)&lb_state, &own) != 0)
        runtime = open(LM_ID_NEWLM, own.dli_fname, RTLD_LAZY);
    if (runtime != NULL && dlinfo(runtime, RTLD_DI_LMID, &space) == 0) {
        spaces[at].runtime = runtime;
        spaces[at].objects = count_objects(runtime);
    }
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    return space;
}

/* As in dlopen, RTLD_DEEPBIND would bind past this library, and a bare name is searched as the caller's. */
LB_WRAP_POINTER(void *, dlmopen, (Lmid_t space, const char *name, int flags))
{
    __typeof__(&lb_wrap_dlmopen) real = lb_real_dlmopen();
    if (space == LM_ID_NEWLM && lb_state.active && lb_is_readable(name) && *name != '\0')
        space = new_space(real);
    if (lb_is_readable(name) && name[0] == '/') {
        struct lb_path buffer;
        return real(space, lb_served(name, &buffer, "dlmopen"), flags & ~RTLD_DEEPBIND);
    }
    LB_TAIL return real(space, name, flags & ~RTLD_DEEPBIND);
}

#endif
