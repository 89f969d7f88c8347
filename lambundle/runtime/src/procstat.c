/* /proc/PID/stat, see proc(5). */
#define _GNU_SOURCE
#include "procstat.h"
#include "sys.h"

#include <string.h>

/* The name in parentheses may hold blanks and parentheses itself: what follows the last of these are numbers, but for the
 * state, which reads as 0 here. */
static bool parse(const char *text, size_t length, unsigned long fields[LB_STAT_FIELDS])
{
    const char *end = text + length, *at = memrchr(text, ')', length);
    int field = 2;
    if (at == NULL)
        return false;
    for (at++; at < end && field < LB_STAT_FIELDS - 1;) {
        fields[++field] = 0;
        for (at += *at == ' '; at < end && *at != ' ' && *at != '\n'; at++)
            if (*at >= '0' && *at <= '9')
                fields[field] = fields[field] * 10 + (unsigned long)(*at - '0');
        if (at < end && *at == '\n')
            break;
    }
    return field == LB_STAT_FIELDS - 1;
}

bool lb_read_stat(const char *path, unsigned long fields[LB_STAT_FIELDS])
{
    char text[1024];
    int fd = lb_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    long length = lb_sys_read(fd, text, sizeof text);
    lb_sys_close(fd);
    return length > 0 && parse(text, (size_t)length, fields);
}
