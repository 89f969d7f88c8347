/* The interfaces between the parts of the runtime; README.md explains them. */
#ifndef LB_H
#define LB_H

#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

#define LB_EXPORT __attribute__((visibility("default")))
#define LB_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#if defined(__has_attribute)
#if __has_attribute(musttail)
#define LB_TAIL __attribute__((musttail))
#endif
#endif
#ifndef LB_TAIL
#define LB_TAIL /* the optimizer makes it a jump; ld.so needs the caller's own return address */
#endif

/* Limits shared with Python: defined in lambundle/runtime/limits.py, passed by build.py. */
#if !defined(LB_CONFIG_MAX) || !defined(LB_ASKED_MAX) || !defined(LB_RECORD_MAX) || !defined(LB_HEAD)
#error "compile with the macros of lambundle/runtime/limits.py"
#endif

/* ---- bundle.c, own.c: the location of the bundle, and the paths that it serves ---- */

struct lb_state {
    bool found;          /* lb_find ran */
    bool active;         /* there is a bundle around this library */
    bool tracing;        /* LAMBUNDLE_TRACE is set */
    bool old_loader;     /* glibc < 2.33: ld.so has no --argv0, before 2.30 no --preload */
    bool serves_tmp;     /* the bundle holds files of /tmp */
    int pid;             /* of the process whose constructor ran; a vfork child has another */
    size_t given_len;    /* length of `given` */
    size_t top_len;      /* length of `top` */
    size_t root_len;     /* length of `root` */
    const char *library_path; /* in `config`: DIR:DIR…, absolute as on the packing machine */
    size_t path_room; /* bytes of the longest list with the root before each directory */
    char given[PATH_MAX];     /* the bundle's directory as ld.so was told it */
    char top[PATH_MAX];       /* the same, physical: …/lambundle/NAME */
    char root[PATH_MAX];      /* top + "/root" */
    char program[PATH_MAX];   /* the real path of the running program; "" when it is not the bundle's */
    char trace[PATH_MAX];     /* absolute path of the trace file */
    size_t config_len;
    char config[LB_CONFIG_MAX]; /* its lines, each ended by NUL */
};

extern struct lb_state lb_state __attribute__((visibility("hidden")));

struct lb_path {
    char text[PATH_MAX];
};

/* Bytes that lb_lookup may write for `path`: a whole lb_path may be more than a thread's or a signal's stack has. */
size_t lb_room(const char *path);

/* Declares `name`, a pointer to a buffer in which `path` can be looked up. */
#define LB_BUFFER(name, path)                                                                                \
    char name##_text[lb_room(path)];                                                                         \
    struct lb_path *name = (struct lb_path *)name##_text

/* Finds the bundle by the path of this library and reads its configuration. Idempotent. */
void lb_find(void);

/* The path to use for `path`: the bundle's, built in `buffer`, when the bundle has it, else `path` itself.
 * `operation` is the name of the libc function, for the trace. */
const char *lb_lookup(int directory, const char *path, struct lb_path *buffer, const char *operation);

/* The same without a trace entry. */
const char *lb_find_in_bundle(const char *path, struct lb_path *buffer);

/* The path to use for a name that is not there and will be made or removed: the bundle's, where only it has the
 * directory, so that the answer is that of a file system that cannot be written. */
const char *lb_find_place(const char *path, struct lb_path *buffer);

/* Whether an absolute path is inside the bundle's directory. */
bool lb_is_inside(const char *path);

/* Whether the bundle may serve an absolute path: never "/", /proc, /tmp and others. */
bool lb_may_be_served(const char *path);

/* Joins `root` and `path`; NULL when it is too long. */
const char *lb_in_root(const char *path, struct lb_path *buffer);

/* Whether an argument may be read. No program has a page below mmap_min_addr or in the kernel's half: such a path is
 * passed to the kernel, which answers EFAULT. */
static inline bool lb_is_readable(const char *path)
{
    return (long)path >= 65536;
}

/* Makes `path` absolute: below `directory`, or below the working directory. `path` itself where that fails. */
const char *lb_absolute(int directory, const char *path, struct lb_path *buffer);

/* Whether a path is the process's own entry of /proc, `exe` or `cwd`. Only where it runs a program of the bundle. */
bool lb_is_own(int directory, const char *path, const char *entry);

/* The name at home of a path below the bundle's root; NULL if it is none, or if that would lead elsewhere. */
const char *lb_name_at_home(const char *path);

static inline bool lb_is_relative(const char *path)
{
    return lb_is_readable(path) && path[0] != '/';
}

/* Bytes that lb_is_elsewhere and lb_reached_at may write. */
size_t lb_reach_room(const char *path);

/* As LB_BUFFER, for those: large only where a path is relative. */
#define LB_REACH_BUFFER(name, path)                                                                          \
    char name##_text[lb_reach_room(path)];                                                                   \
    struct lb_path *name = (struct lb_path *)name##_text

/* After ENOENT: whether the relative path `asked` is on the other side, then in `*path`. */
bool lb_is_elsewhere(int directory, const char *asked, const char **path, struct lb_path *buffer);

/* Relative paths are resolved by the kernel, except for what would be the loader's. */
static inline const char *lb_served_at(int directory, const char *path, struct lb_path *buffer,
                                       const char *operation)
{
    if (!lb_is_readable(path))
        return path;
    if (path[0] == '/' || LB_UNLIKELY(lb_state.tracing))
        return lb_lookup(directory, path, buffer, operation);
    return LB_UNLIKELY(lb_is_own(directory, path, "exe")) ? lb_state.program : path;
}

/* The same for functions that make or remove a name. */
static inline const char *lb_placed_at(int directory, const char *path, struct lb_path *buffer,
                                       const char *operation)
{
    const char *served = lb_served_at(directory, path, buffer, operation);
    return served == path && lb_is_readable(path) ? lb_find_place(path, buffer) : served;
}

static inline const char *lb_served(const char *path, struct lb_path *buffer, const char *operation)
{
    return lb_served_at(-100 /* AT_FDCWD */, path, buffer, operation);
}

/* As lb_served_at, for functions that cannot be called twice: a relative path that is not there is looked for on the
 * other side before. */
const char *lb_reached_at(int directory, const char *path, struct lb_path *buffer, const char *operation);

/* ---- cwd.c ---- */

/* The working directory's name at home, in `buffer`; NULL where it is not below the bundle's root. */
const char *lb_working_directory(struct lb_path *buffer);

/* Whether all strings of an array may be read; there may be no array. */
static inline bool lb_are_readable(char *const strings[])
{
    if (strings == NULL)
        return true;
    if (!lb_is_readable((const char *)strings))
        return false;
    while (*strings != NULL)
        if (!lb_is_readable(*strings++))
            return false;
    return true;
}

/* ---- config.c ---- */

void lb_read_config(void);

/* Value of the first line with `key` behind that with the value `after` (NULL: of all), or NULL. */
const char *lb_config_next(const char *key, const char *after);

/* The search order of a program, by its absolute path on the packing machine: usually the common one. */
const char *lb_library_path_of(const char *program);

/* ---- environment.c ---- */

/* Value of a variable in an environment array, or NULL. (A program may define its own getenv: bash does.) */
const char *lb_env_get(char *const envp[], const char *name);

/* Sets the variables of the configuration that the user has not set. */
void lb_set_environment(void);

/* Copies `envp` for a program that is not started with this runtime: without what the constructor set. */
void lb_clean_environment(char **to, char *const envp[]);

/* ---- preload.c ---- */

/* Gives LD_PRELOAD and LD_AUDIT the paths that they had before this program was started. */
void lb_restore_preloads(void);

/* ---- trace.c ---- */

/* `served`: from the bundle, by a name that is the host's. A name inside the bundle is known by itself. */
void lb_trace_lookup(int directory, const char *path, bool served, bool exists, const char *operation);
void lb_trace_exec(const char *path, const char *where);
void lb_trace_start(void);
void lb_trace_variable(const char *name, bool set);
void lb_trace_objects(void);

/* ---- getenv.c ---- */

/* Looks up the wrapped functions; called once, by the constructor. */
void lb_find_getenv(void);

/* ---- memory.c: memory for a start, also between vfork and exec ---- */

struct lb_memory {
    void *memory;
    size_t size;
    struct lb_slot *slot; /* NULL where it is this process's alone */
};

/* Returns `size` bytes with any content, or NULL. */
void *lb_take_memory(struct lb_memory *block, size_t size);

/* Before execve, which does not come back if it succeeds. */
void lb_leave_memory(struct lb_memory *block);
void lb_free_memory(struct lb_memory *block);

/* ---- launch.c: the arguments of execve(2) with which a program starts as on the packing machine ---- */

struct lb_launch {
    const char *file;
    char **argv;
    char **envp;
    int descriptor; /* of the program, not closed on exec for its sake, or -1 */
    struct lb_memory memory;
};

/* Fills `launch` for starting `path`; the pointers lead into its memory, into argv and into envp. It runs between
 * vfork and exec, and on small stacks. Returns 0, or a negative errno (the file may not be executed). */
int lb_prepare(struct lb_launch *launch, const char *path, char *const argv[], char *const envp[]);

/* After a start by another process, or one that failed. */
void lb_forget(struct lb_launch *launch);

/* Replaces the process; returns a negative errno. */
int lb_exec(const char *path, char *const argv[], char *const envp[]);

/* ---- search.c ---- */

/* As lb_exec, but searches PATH, and gives a file without a header to /bin/sh as execvp(3) says. */
int lb_exec_search(const char *file, char *const argv[], char *const envp[]);

/* Bytes of the longest path of `file` in a directory of PATH. */
size_t lb_search_room(const char *file, const char *search);

/* First executable `file` on PATH, in `buffer` as the caller would write it; NULL if there is none, and then
 * `*denied` says whether there is one that may not be executed. */
const char *lb_search_path(const char *file, const char *search, char *buffer, size_t size, bool *denied);

size_t lb_count(char *const strings[]);

/* ---- exec.c ---- */

/* As the system call execveat. */
int lb_exec_at(int directory, const char *path, char *const argv[], char *const envp[], int flags);

/* ---- spawn.c ---- */

/* As posix_spawn. */
int lb_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
             const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);

/* ---- shown.c ---- */

/* Makes the kernel show the program and not ld.so; `end_of_program` is behind ld.so's last word in the command line. */
void lb_show_program(int argc, char **argv, char **envp, char *end_of_program);

/* ---- other.c ---- */

/* Finds the program of a process that runs the bundle's loader; `exe` is its /proc/PID/exe. */
bool lb_find_program_of(const char *exe, struct lb_path *program);

/* ---- self.c ---- */

/* Whether `length` bytes are the path of a dynamic loader. */
bool lb_is_loader(const char *path, size_t length);

/* As the system call readlinkat. */
long lb_readlink_at(int directory, const char *path, char *buffer, size_t size, const char *operation);

/* Give a link to an absolute path the size that it has at home. `path` as the kernel was asked for it. */
void lb_mend_stat(int directory, const char *path, struct stat *status);
void lb_mend_statx(int directory, const char *path, void *status);

/* ---- links.c ---- */

/* What is written into a link to `target`. */
const char *lb_link_target(const char *target, struct lb_path *buffer);

/* Whether the first `length` bytes of a link's text, of which `size` were asked for, may be written so. */
bool lb_may_be_made(const char *text, size_t size, long length);

/* ---- shell.c ---- */

/* In the child of a fork, which has no thread that could still hold them. */
void lb_unlock_shells(void);

/* ---- real.c: the wrapped functions ---- */

/* Looks up the next definition of `name` and keeps it in `*slot`. Where libc has none, a function that fails
 * with ENOSYS takes its place (`pointer`: the function returns a pointer, so failure is NULL). */
void *lb_real(void **slot, const char *name, bool pointer);

#define LB_WRAP_(result, name, parameters, pointer)                                                          \
    LB_EXPORT result lb_wrap_##name parameters __asm__(#name);                                               \
    static void *lb_slot_##name;                                                                             \
    static inline __typeof__(&lb_wrap_##name) lb_real_##name(void)                                           \
    {                                                                                                        \
        void *real = __atomic_load_n(&lb_slot_##name, __ATOMIC_RELAXED);                                     \
        if (LB_UNLIKELY(real == NULL))                                                                       \
            real = lb_real(&lb_slot_##name, #name, pointer);                                                 \
        return (__typeof__(&lb_wrap_##name))real;                                                            \
    }                                                                                                        \
    result lb_wrap_##name parameters

/* Defines the libc function `name` and lb_real_NAME(), the wrapped one. */
#define LB_WRAP(result, name, parameters) LB_WRAP_(result, name, parameters, false)
#define LB_WRAP_POINTER(result, name, parameters) LB_WRAP_(result, name, parameters, true)

#endif
