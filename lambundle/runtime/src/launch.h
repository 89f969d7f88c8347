/* The state of one start, shared by launch.c, script.c and loader.c. */
#ifndef LB_LAUNCH_H
#define LB_LAUNCH_H

#include "lb.h"

enum {
    LB_HEAD = 1024,         /* enough for the header and the segments of nearly every program */
    LB_SHEBANG = 256,       /* BINPRM_BUF_SIZE */
    LB_NESTED_SCRIPTS = 5,  /* as the kernel allows */
    LB_SPLIT_WORDS = LB_SHEBANG / 2, /* most words of `#!/usr/bin/env -S`, each with a blank behind it */
    LB_LOADER_WORDS = 8,    /* LOADER --inhibit-cache --library-path DIRS --preload RUNTIME --argv0 NAME */
    /* Arguments put before the caller's; the words of only one `env` are. */
    LB_FRONT = LB_LOADER_WORDS + 2 * (LB_NESTED_SCRIPTS + 1) + LB_SPLIT_WORDS,
    LB_EXTRA_VARIABLES = 3, /* LD_PRELOAD LAMBUNDLE_ARGV0 LAMBUNDLE_TRACE */
};

struct work {
    struct lb_launch *launch;
    char *const *given_envp;
    char *space; /* the free scratch space */
    char **environment;
    size_t front; /* unused slots before launch->argv */
    int fd;
    long head_length;
    bool searched;                     /* `found` is used: only one `env` of a chain of scripts is resolved */
    size_t scripts;                    /* the number of `script` in use */
    char **script[LB_NESTED_SCRIPTS];  /* the arguments that name scripts */
    struct lb_path served;             /* the file being looked at */
    struct lb_path real;               /* the program, every link followed */
    struct lb_path interpreter;        /* its PT_INTERP */
    struct lb_path loader;             /* its path in the bundle */
    struct lb_path found;              /* on PATH, for env */
    char head[LB_HEAD];
};

/* ---- launch.c ---- */

/* Allocates in the scratch space; lb_prepare_size must count every allocation. */
void *lb_take(struct work *work, size_t size);
char *lb_joined(struct work *work, const char *first, const char *second, const char *third);

/* Puts an argument before the others. */
void lb_prepend(struct work *work, const char *argument);

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

/* Puts `LOADER --library-path … PROGRAM` in the place of argv[0]. */
void lb_through_loader(struct work *work, const char *loader);

#endif
