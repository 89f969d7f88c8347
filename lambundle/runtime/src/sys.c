/* Functions made of raw system calls. */
#define _GNU_SOURCE
#include "sys.h"

#include <string.h>

char *lb_decimal(char *to, int number)
{
    char digits[12];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

long lb_path_of_descriptor(int fd, char *buffer, size_t size)
{
    char link[40] = "/proc/self/fd/";
    *lb_decimal(link + strlen(link), fd < 0 ? 0 : fd) = '\0';
    long length = lb_sys_readlink(link, buffer, size - 1);
    buffer[length < 0 ? 0 : length] = '\0';
    return length;
}
