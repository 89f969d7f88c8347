/* /proc/PID/stat: its fields have the numbers of proc(5). */
#ifndef LB_PROCSTAT_H
#define LB_PROCSTAT_H

#include <stdbool.h>

enum {
    LB_STAT_THREADS = 20,
    LB_STAT_START_CODE = 26,
    LB_STAT_START_STACK = 28,
    LB_STAT_START_BRK = 47,
    LB_STAT_ARG_START = 48,
    LB_STAT_ARG_END = 49,
    LB_STAT_ENV_START = 50,
    LB_STAT_ENV_END = 51,
    LB_STAT_FIELDS = 52,
};

/* False where the file cannot be read, or has fewer fields. */
bool lb_read_stat(const char *path, unsigned long fields[LB_STAT_FIELDS]);

#endif
