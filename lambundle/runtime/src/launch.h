/* The state of one start, shared by launch.c, script.c and loader.c. */
#ifndef LB_LAUNCH_H
#define LB_LAUNCH_H

#include "lb.h"

enum {
    LB_STACK = 8192,        /* for a function that looks at a file */
    LB_SHEBANG = 256,       /* BINPRM_BUF_SIZE */
    LB_NESTED_SCRIPTS = 5,  /* as the kernel allows */
    LB_SPLIT_WORDS = LB_SHEBANG / 2, /* most words of `#!/usr/bin/env -S`, each with a blank behind it */
    LB_LOADER_WORDS = 8,    /* LOADER --inhibit-cache --library-path DIRS --preload RUNTIME --argv0 NAME */
    /* Arguments put before the caller's; the words of only one `env` are. */
    LB_FRONT = LB_LOADER_WORDS + 2 * (LB_NESTED_SCRIPTS + 1) + LB_SPLIT_WORDS,
    LB_EXTRA_VARIABLES = 3, /* LD_PRELOAD LAMBUNDLE_ARGV0 LAMBUNDLE_TRACE */
};

enum lb_kind {
    LB_SCRIPT,
    LB_DYNAMIC, /* of the bundle, with a loader */
    LB_STATIC,  /* of the bundle, without, or for another machine */
    LB_COPY,    /* outside, to be started through the bundle's loader all the same */
    LB_FOREIGN, /* outside, or not readable */
};

struct work {
    struct lb_launch *launch;
    char *const *given_envp;
    char *space; /* the free scratch space */
    char **environment;
    size_t front; /* unused slots before launch->argv */
    char **arguments; /* the caller's, the program's name first */
    const char *file;                  /* being looked at, */
    int failed;                        /* a negative errno where it cannot be opened */
    enum lb_kind kind;
    long head_length;
    bool searched;                     /* `found` is used: only one `env` of a chain of scripts is resolved */
    size_t scripts;                    /* the number of `script` in use */
    char **script[LB_NESTED_SCRIPTS];  /* the arguments that name scripts */
    struct lb_path served;             /* the file being looked at */
    struct lb_path real;               /* the program, every link followed */
    struct lb_path interpreter;        /* its PT_INTERP */
    struct lb_path loader;             /* its path in the bundle */
    struct lb_path found;              /* on PATH, for env */
    struct lb_path process;            /* the program behind /proc/PID/exe */
    struct lb_path original;           /* path on the packing machine of what the program is a copy of, or "" */
    struct lb_path name;               /* of an argument in the bundle */
    char *words[LB_SPLIT_WORDS];       /* of `env -S` */
    char head[LB_HEAD];
    char stack[LB_STACK] __attribute__((aligned(16))); /* for lb_run_apart */
};

/* ---- launch.c ---- */

/* Allocates in the scratch space; lb_prepare_size must count every allocation. */
void *lb_take(struct work *work, size_t size);
char *lb_joined(struct work *work, const char *first, const char *second, const char *third);

/* Puts an argument before the others. */
void lb_prepend(struct work *work, const char *argument);

/* Fills `work->launch` for a start by the kernel alone, without anything of the bundle. */
int lb_natively(struct work *work, const char *file, const char *where);

/* ---- look.c ---- */

/* Looks at a file that is to be started: `kind`, `real`, and of a dynamic program `interpreter`. Returns 0, or a
 * negative errno if it may not be executed. */
int lb_look(struct work *work, const char *file);

/* ---- copies.c ---- */

/* Whether a file of `size` bytes, whose head was read, is a copy of a program of the bundle; `original` is which. */
bool lb_find_original(struct work *work, unsigned long size);

/* ---- apart.c ---- */

/* Calls a function in a process that shares the memory, and has a copy of the descriptors. It may only make system
 * calls, and runs on the stack that ends at `stack_end`. Does nothing where no process can be made. */
void lb_run_apart(void (*function)(void *), void *argument, char *stack_end);

/* ---- script.c ---- */

/* Puts the interpreter of `script`, whose head was read, and its argument before the script's path, as the kernel
 * does; returns the interpreter's path, or NULL. */
const char *lb_read_shebang(struct work *work, const char *script);

/* Gives an interpreter of the host's the full names of the bundle's scripts. */
void lb_name_scripts(struct work *work);

/* ---- preload.c: LD_PRELOAD and LD_AUDIT ---- */

/* Upper bound of the bytes that the functions below take. */
size_t lb_preload_size(char *const envp[]);

/* In the environment of a program of the bundle: paths that the bundle has become the bundle's. */
void lb_serve_preloads(struct work *work);

/* In the environment of a program of the host: what only the bundle has goes. */
void lb_drop_preloads(struct work *work);

/* musl's --preload, which takes the place of LD_PRELOAD: what that names, then the runtime. */
char *lb_preload_argument(struct work *work, const char *runtime);

/* ---- loader.c ---- */

/* Upper bound of the bytes of a --library-path. */
size_t lb_library_path_size(char *const envp[]);

/* Puts `LOADER --library-path … PROGRAM` in the place of argv[0]; `packed_as` is the program's path on the packing
 * machine. */
void lb_through_loader(struct work *work, const char *loader, const char *program, const char *packed_as);

#endif
