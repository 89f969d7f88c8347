/* Finds the wrapped functions. */
#define _GNU_SOURCE
#include "lb.h"

#include <dlfcn.h>
#include <errno.h>

#if defined(__x86_64__)
#define LB_OLDEST_GLIBC "GLIBC_2.2.5"
#else
#define LB_OLDEST_GLIBC "GLIBC_2.17"
#endif

static long missing_number(void)
{
    errno = ENOSYS;
    return -1;
}

static void *missing_pointer(void)
{
    errno = ENOSYS;
    return NULL;
}

void *lb_real(void **slot, const char *name, bool pointer)
{
    void *real = dlsym(RTLD_NEXT, name);
#ifdef __GLIBC__
    /* Retired symbols (__xstat since 2.33) are hidden from dlsym; old programs still call them. */
    if (real == NULL)
        real = dlvsym(RTLD_NEXT, name, LB_OLDEST_GLIBC);
#endif
    if (real == NULL)
        real = pointer ? (void *)missing_pointer : (void *)missing_number;
    __atomic_store_n(slot, real, __ATOMIC_RELAXED);
    return real;
}
