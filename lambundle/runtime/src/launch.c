/* Starting programs.
 *
 * A dynamic program of the bundle is started through the bundle's loader with this runtime, a script through
 * the interpreter in the bundle, a static program of the bundle directly, and anything else as the host would,
 * with nothing of the bundle in its environment. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

size_t lb_count(char *const strings[])
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    return count;
}

void *lb_take(struct work *work, size_t size)
{
    char *result = work->space;
    work->space += (size + 7) & ~(size_t)7;
    return result;
}

void lb_prepend(struct work *work, const char *argument)
{
    if (work->front > 0) {
        work->front--;
        *--work->launch->argv = (char *)argument;
    }
}

char *lb_joined(struct work *work, const char *first, const char *second, const char *third)
{
    size_t a = strlen(first), b = strlen(second), c = strlen(third);
    char *text = lb_take(work, a + b + c + 1);
    memcpy(text, first, a);
    memcpy(text + a, second, b);
    memcpy(text + a + b, third, c + 1);
    return text;
}

/* ---- names that only the bundle has, for a program that knows nothing of it ---- */

/* The path that an argument is, or that stands behind its first `=` (if=FILE, --file=FILE); NULL without one. */
static const char *path_in(const char *argument)
{
    if (!lb_is_readable(argument))
        return NULL;
    const char *equals = argument[0] == '/' ? NULL : strchr(argument, '=');
    const char *path = equals == NULL ? argument : equals + 1;
    return path[0] == '/' ? path : NULL;
}

static void name_arguments(struct work *work)
{
    for (char **argument = work->arguments + 1; argument[-1] != NULL && *argument != NULL; argument++) {
        const char *path = path_in(*argument);
        const char *served = path == NULL ? NULL : lb_find_in_bundle(path, &work->name);
        if (served == path || lb_sys_access(path, F_OK) == 0)
            continue;
        size_t before = (size_t)(path - *argument), length = strlen(served) + 1;
        char *named = lb_take(work, before + length);
        memcpy(named, *argument, before);
        memcpy(named + before, served, length);
        *argument = named;
    }
}

/* Bytes of all that name_arguments may write. */
static size_t names_size(char *const argv[])
{
    size_t size = 0;
    for (; argv != NULL && *argv != NULL; argv++)
        if (path_in(*argv) != NULL)
            size += lb_state.root_len + strlen(*argv) + 8;
    return size;
}

int lb_natively(struct work *work, const char *file, const char *where)
{
    lb_name_scripts(work);
    name_arguments(work);
    lb_clean_environment(work->environment, work->given_envp);
    lb_drop_preloads(work);
    work->launch->envp = work->environment;
    work->launch->file = file;
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(file, where);
    return 0;
}

/* ---- through the bundle's loader ---- */

/* The number of an own descriptor that a path names, or -1. */
static int own_descriptor(const char *path)
{
    int number = 0;
    path += strncmp(path, "/proc/self/fd/", 14) == 0 ? 14 : strncmp(path, "/dev/fd/", 8) == 0 ? 8 : strlen(path);
    if (*path == '\0')
        return -1;
    for (; *path >= '0' && *path <= '9' && number < 100000000; path++)
        number = number * 10 + (*path - '0');
    return *path == '\0' ? number : -1;
}

/* The name by which the loader can open the program: that of a file in memory leads nowhere. The kernel opens a program
 * before it closes descriptors, the loader afterwards. */
static const char *name_for_loader(struct work *work, const char *file)
{
    if (work->kind == LB_DYNAMIC || lb_sys_access(work->real.text, X_OK) == 0)
        return work->real.text;
    work->launch->descriptor = own_descriptor(file);
    return file;
}

static int start_dynamic(struct work *work, const char *file)
{
    bool copy = work->kind == LB_COPY;
    const char *interpreter = work->interpreter.text;
    const char *loader = lb_find_in_bundle(interpreter, &work->loader);
    if (loader == interpreter)
        return lb_natively(work, file, "static");
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(work->real.text, "bundle");
    lb_through_loader(work, loader, name_for_loader(work, file),
                      copy ? work->original.text : work->real.text + lb_state.root_len);
    return 0;
}

/* ---- the whole ---- */

/* /proc/PID/exe of another process is, to the kernel, the bundle's loader. */
static const char *see_through_process(struct work *work, const char *path)
{
    if (strncmp(path, "/proc/", 6) != 0 || lb_is_own(AT_FDCWD, path, "exe"))
        return path;
    long length = lb_readlink_at(AT_FDCWD, path, work->process.text, sizeof work->process.text - 1,
                                 "execve");
    if (length <= 0)
        return path;
    work->process.text[length] = '\0';
    return lb_is_inside(work->process.text) ? work->process.text : path;
}

static int start(struct work *work, const char *path)
{
    path = see_through_process(work, path);
    for (int depth = 0; depth <= LB_NESTED_SCRIPTS; depth++) {
        const char *file = lb_lookup(AT_FDCWD, path, &work->served, "execve");
        int failed = lb_look(work, file);
        if (failed < 0)
            return failed;
        if (work->kind == LB_DYNAMIC || work->kind == LB_COPY)
            return start_dynamic(work, file);
        if (work->kind != LB_SCRIPT)
            return lb_natively(work, file, work->kind == LB_STATIC ? "static" : "host");
        path = lb_read_shebang(work, path);
        if (path == NULL)
            return -ENOEXEC;
    }
    return -ELOOP;
}

static size_t size_of_all(char *const argv[], char *const envp[])
{
    size_t pointers = lb_count(argv) + lb_count(envp) + LB_FRONT + LB_EXTRA_VARIABLES + 4;
    size_t texts = lb_library_path_size(envp) + (LB_NESTED_SCRIPTS + 1) * 2 * LB_SHEBANG + 512;
    texts += lb_state.top_len; /* before the runtime's name */
    texts += LB_NESTED_SCRIPTS * (lb_state.root_len + LB_SHEBANG); /* where the scripts are */
    texts += names_size(argv);
    texts += lb_preload_size(envp);
    if (lb_state.tracing)
        texts += PATH_MAX;
    if (argv != NULL && argv[0] != NULL)
        texts += strlen(argv[0]);
    return pointers * sizeof(char *) + texts + sizeof(struct work);
}

static int prepare(struct work *work, const char *path, char *const argv[], char *const envp[])
{
    size_t argc = lb_count(argv);
    work->given_envp = envp;
    work->front = LB_FRONT;
    work->searched = false;
    work->scripts = 0;
    work->head_length = 0;
    work->space = (char *)(work + 1);
    char **arguments = (char **)lb_take(work, (LB_FRONT + argc + 2) * sizeof(char *)) + LB_FRONT;
    work->environment = lb_take(work, (lb_count(envp) + LB_EXTRA_VARIABLES + 1) * sizeof(char *));
    for (size_t i = 0; i < argc; i++)
        arguments[i] = argv[i];
    if (argc == 0) /* as Linux since 5.18: a program always has a name */
        arguments[argc++] = (char *)"";
    arguments[argc] = NULL;
    work->arguments = work->launch->argv = arguments;
    return start(work, path);
}

/* The loader opens the program after the kernel has closed what is to be closed. */
static void keep_descriptor(struct lb_launch *launch)
{
    if (launch->descriptor < 0)
        return;
    if (lb_sys6(SYS_fcntl, launch->descriptor, F_GETFD, 0, 0, 0, 0) == FD_CLOEXEC)
        lb_sys6(SYS_fcntl, launch->descriptor, F_SETFD, 0, 0, 0, 0);
    else
        launch->descriptor = -1;
}

int lb_prepare(struct lb_launch *launch, const char *path, char *const argv[], char *const envp[])
{
    if (LB_UNLIKELY(!lb_state.found))
        lb_find();
    *launch = (struct lb_launch){.file = path, .argv = (char **)argv, .envp = (char **)envp, .descriptor = -1};
    if (!lb_state.active) {
        if (LB_UNLIKELY(lb_state.tracing) && lb_is_readable(path))
            lb_trace_exec(path, "host");
        return 0;
    }
    if (!lb_is_readable(path))
        return -EFAULT;
    struct work *work = lb_take_memory(&launch->memory, size_of_all(argv, envp));
    if (work == NULL)
        return -ENOMEM;
    work->launch = launch;
    int failed = prepare(work, path, argv, envp);
    if (failed < 0)
        lb_free_memory(&launch->memory);
    else
        keep_descriptor(launch);
    return failed;
}

void lb_forget(struct lb_launch *launch)
{
    if (launch->descriptor >= 0)
        lb_sys6(SYS_fcntl, launch->descriptor, F_SETFD, FD_CLOEXEC, 0, 0, 0);
    lb_free_memory(&launch->memory);
}

int lb_exec(const char *path, char *const argv[], char *const envp[])
{
    if (!lb_are_readable(argv) || !lb_are_readable(envp))
        return lb_sys_execve(path, argv, envp); /* which fails */
    struct lb_launch launch;
    int failed = lb_prepare(&launch, path, argv, envp);
    if (failed < 0)
        return failed;
    lb_trace_objects();
    lb_leave_memory(&launch.memory);
    failed = lb_sys_execve(launch.file, launch.argv, launch.envp);
    lb_forget(&launch);
    return failed;
}
