/* A plug-in that loads a library by its bare name: only its own RUNPATH leads there. It reads a file too. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *hidden(void)
{
    void *handle = dlopen("libhidden.so", RTLD_NOW);
    if (handle == NULL)
        return dlerror();
    const char *(*whoami)(void) = (const char *(*)(void))dlsym(handle, "whoami");
    return whoami == NULL ? "no symbol" : whoami();
}

/* The first line of the file FILE, opened by both ways in turn. */
const char *line(void)
{
    static char first[256], second[256];
    FILE *stream = fopen(getenv("FILE"), "r");
    if (stream == NULL || fgets(first, sizeof first, stream) == NULL)
        return "not by fopen";
    fclose(stream);
    int fd = open(getenv("FILE"), O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, second, sizeof second - 1);
    if (length < 0)
        return "not by open";
    close(fd);
    first[length - 1] = '\0';
    return first;
}
