/* What the parts of the program `calls` share. */
#ifndef CALLS_H
#define CALLS_H

#define _GNU_SOURCE
#include "sys.h" /* the runtime's own: system calls that nothing stands before */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIELDS = 10, SLOTS = 8 };

/* One call: what it is given. `slot`: where a descriptor is kept, or -1. */
struct call {
    int slot;
    int directory;
    const char *path;
    int other_directory;
    const char *other_path;
    long number;
    long second;
    const char *text;
};

struct function {
    const char *name;
    void (*perform)(void);
    struct function *next;
};

extern struct call call;
extern int slots[SLOTS];

void add_function(struct function *function);

/* Defines what is done for a line that names the function. */
#define FUNCTION(called)                                                                                     \
    static void do_##called(void);                                                                           \
    __attribute__((constructor)) static void add_##called(void)                                              \
    {                                                                                                        \
        static struct function function = {#called, do_##called, NULL};                                      \
        add_function(&function);                                                                             \
    }                                                                                                        \
    static void do_##called(void)
#define DO(called, ...)                                                                                      \
    FUNCTION(called) { __VA_ARGS__; }

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_text(const char *text, size_t length);
void say_end(int status);

/* ---- calls_results.c: what came out ---- */

void say_number(long result);        /* failed, or not */
void say_exactly(long result);       /* the number itself */
void say_descriptor(int fd);         /* and what is read there; kept in a slot, or closed */
void say_stream(FILE *file);
void say_string(const char *text);   /* NULL: failed */
void say_status(int result, const struct stat *status);
void say_directory(void *directory); /* DIR *: its names, sorted; closed */
void add_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_lines(void);                /* those added, sorted */

#endif
