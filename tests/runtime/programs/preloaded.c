/* A library for LD_PRELOAD: says on stderr that it was loaded. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
    static const char text[] = "preloaded " WHO "\n";
    if (write(2, text, sizeof text - 1) < 0)
        return;
}
