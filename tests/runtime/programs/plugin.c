/* A plug-in that loads a library by its bare name: only its own RUNPATH leads there. */
#include <dlfcn.h>
#include <stddef.h>

const char *hidden(void)
{
    void *handle = dlopen("libhidden.so", RTLD_NOW);
    if (handle == NULL)
        return dlerror();
    const char *(*whoami)(void) = (const char *(*)(void))dlsym(handle, "whoami");
    return whoami == NULL ? "no symbol" : whoami();
}
