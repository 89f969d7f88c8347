/* Loading plug-ins, and libc's message catalogues. namespace.c has dlmopen. */
#define _GNU_SOURCE
#include "lb.h"

#include <dlfcn.h>
#include <string.h>

/* With RTLD_DEEPBIND, a plug-in's open and fopen would be libc's and not those that stand before them here. */
static int served_flags(int flags)
{
#ifdef RTLD_DEEPBIND
    return flags & ~RTLD_DEEPBIND;
#else
    return flags;
#endif
}

/* A bare name is searched with the caller's RUNPATH, and ld.so knows the caller by the return address: such a
 * call is handed on by a jump. A path is opened as it stands, so there the frame does no harm. */
LB_WRAP_POINTER(void *, dlopen, (const char *name, int flags))
{
    __typeof__(&lb_wrap_dlopen) real = lb_real_dlopen();
    if (lb_is_readable(name) && name[0] == '/') {
        struct lb_path buffer;
        return real(lb_served(name, &buffer, "dlopen"), served_flags(flags));
    }
    LB_TAIL return real(name, served_flags(flags));
}

LB_WRAP_POINTER(char *, bindtextdomain, (const char *domain, const char *directory))
{
    struct lb_path buffer;
    return lb_real_bindtextdomain()(domain, lb_served(directory, &buffer, "bindtextdomain"));
}
