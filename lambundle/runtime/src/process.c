/* The exec and spawn families, system and popen. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static int answer(int failed)
{
    errno = -failed;
    return -1;
}

/* ---- exec ---- */

LB_EXPORT int lb_execve(const char *path, char *const argv[], char *const envp[]) __asm__("execve");
int lb_execve(const char *path, char *const argv[], char *const envp[])
{
    return answer(lb_exec(path, argv, envp));
}

LB_EXPORT int lb_execv(const char *path, char *const argv[]) __asm__("execv");
int lb_execv(const char *path, char *const argv[])
{
    return answer(lb_exec(path, argv, environ));
}

LB_EXPORT int lb_execvp(const char *file, char *const argv[]) __asm__("execvp");
int lb_execvp(const char *file, char *const argv[])
{
    return answer(lb_exec_search(file, argv, environ));
}

LB_EXPORT int lb_execvpe(const char *file, char *const argv[], char *const envp[]) __asm__("execvpe");
int lb_execvpe(const char *file, char *const argv[], char *const envp[])
{
    return answer(lb_exec_search(file, argv, envp));
}

/* Counts the arguments of execl and its kin, `first` and the closing NULL included. */
static size_t count_list(const char *first, va_list list)
{
    size_t count = 1;
    while (first != NULL) {
        first = va_arg(list, const char *);
        count++;
    }
    return count;
}

#define LB_COLLECT(array, first, list)                                                                       \
    va_start(list, first);                                                                                   \
    size_t array##_count = count_list(first, list);                                                          \
    va_end(list);                                                                                            \
    char *array[array##_count];                                                                              \
    array[0] = (char *)first;                                                                                \
    va_start(list, first);                                                                                   \
    for (size_t array##_i = 1; array##_i < array##_count; array##_i++)                                       \
        array[array##_i] = va_arg(list, char *)

LB_EXPORT int lb_execl(const char *path, const char *first, ...) __asm__("execl");
int lb_execl(const char *path, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    va_end(list);
    return answer(lb_exec(path, argv, environ));
}

LB_EXPORT int lb_execlp(const char *file, const char *first, ...) __asm__("execlp");
int lb_execlp(const char *file, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    va_end(list);
    return answer(lb_exec_search(file, argv, environ));
}

LB_EXPORT int lb_execle(const char *path, const char *first, ...) __asm__("execle");
int lb_execle(const char *path, const char *first, ...)
{
    va_list list;
    LB_COLLECT(argv, first, list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return answer(lb_exec(path, argv, envp));
}

/* The path of an open file, for exec by descriptor: only what lies in the bundle is of interest. */
static bool path_of_descriptor(int fd, struct lb_path *buffer)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = lb_sys_readlink(link, buffer->text, sizeof buffer->text - 1);
    if (length <= 0)
        return false;
    buffer->text[length] = '\0';
    return lb_is_inside(buffer->text);
}

static int exec_descriptor(int fd, char *const argv[], char *const envp[])
{
    struct lb_path path;
    if (path_of_descriptor(fd, &path))
        return lb_exec(path.text, argv, envp);
    /* A file of the host, perhaps without a name: the descriptor itself, with a clean environment. */
    char *clean[lb_count(envp) + 1];
    lb_clean_environment(clean, envp);
    return (int)lb_sys6(SYS_execveat, fd, (long)"", (long)argv, (long)clean, AT_EMPTY_PATH, 0);
}

LB_EXPORT int lb_fexecve(int fd, char *const argv[], char *const envp[]) __asm__("fexecve");
int lb_fexecve(int fd, char *const argv[], char *const envp[])
{
    return answer(exec_descriptor(fd, argv, envp));
}

int lb_exec_at(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct lb_path base;
    if (path != NULL && path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        return exec_descriptor(directory, argv, envp);
    if (path != NULL && (path[0] == '/' || directory == AT_FDCWD) && flags == 0)
        return lb_exec(path, argv, envp);
    if (path != NULL && path[0] != '/' && directory >= 0 && path_of_descriptor(directory, &base) &&
        strlen(base.text) + strlen(path) + 2 < sizeof base.text) {
        strcat(strcat(base.text, "/"), path);
        return lb_exec(base.text, argv, envp);
    }
    char *clean[lb_count(envp) + 1];
    lb_clean_environment(clean, envp);
    return (int)lb_sys6(SYS_execveat, directory, (long)path, (long)argv, (long)clean, flags, 0);
}

LB_EXPORT int lb_execveat(int directory, const char *path, char *const argv[], char *const envp[],
                          int flags) __asm__("execveat");
int lb_execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    return answer(lb_exec_at(directory, path, argv, envp, flags));
}

/* ---- posix_spawn: the file is chosen here, in the parent; libc does the rest ---- */

/* A relative path that is not there now may be there once the child has changed its directory. */
static bool may_appear(const char *path, const posix_spawn_file_actions_t *actions)
{
    return path != NULL && path[0] != '/' && actions != NULL;
}

LB_WRAP(int, posix_spawn,
        (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
         const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]))
{
    struct lb_launch launch;
    char space[lb_prepare_size(argv, envp)] __attribute__((aligned(16)));
    int failed = lb_prepare(&launch, space, path, argv, envp);
    if (failed < 0 && !may_appear(path, actions))
        return -failed;
    /* Where the kernel refuses clone3, libc leaves ENOSYS in errno though it succeeds: who looks there after system()
     * would take that for a failure. */
    int saved = errno;
    if (failed < 0) {
        char *clean[lb_count(envp) + 1];
        lb_clean_environment(clean, envp);
        failed = lb_real_posix_spawn()(pid, path, actions, attributes, argv, clean);
    } else {
        failed = lb_real_posix_spawn()(pid, launch.file, actions, attributes, launch.argv, launch.envp);
    }
    errno = saved;
    return failed;
}

LB_EXPORT int lb_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                              const posix_spawnattr_t *attributes, char *const argv[],
                              char *const envp[]) __asm__("posix_spawnp");
int lb_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    struct lb_path found;
    const char *path = file;
    if (strchr(file, '/') == NULL) {
        bool denied = false;
        path = lb_search_path(file, lb_env_get(environ, "PATH"), &found, &denied);
        if (path == NULL)
            return denied ? EACCES : ENOENT;
    }
    return lb_wrap_posix_spawn(pid, path, actions, attributes, argv, envp);
}

LB_WRAP(int, posix_spawn_file_actions_addopen,
        (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode))
{
    struct lb_path buffer;
    return lb_real_posix_spawn_file_actions_addopen()(
        actions, fd, lb_served(path, &buffer, "posix_spawn_file_actions_addopen"), flags, mode);
}

LB_WRAP(int, posix_spawn_file_actions_addchdir_np, (posix_spawn_file_actions_t * actions, const char *path))
{
    struct lb_path buffer;
    return lb_real_posix_spawn_file_actions_addchdir_np()(
        actions, lb_served(path, &buffer, "posix_spawn_file_actions_addchdir_np"));
}

/* ---- system and popen: libc's own call /bin/sh where no symbol can be put before it ---- */

static void lock(int *word)
{
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0)
        lb_sys6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

static void unlock(int *word)
{
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static int start_shell(pid_t *pid, const char *command, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    return lb_wrap_posix_spawn(pid, "/bin/sh", actions, attributes, argv, environ);
}

static int wait_for(pid_t pid, int *status)
{
    int saved = errno;
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return -1;
    errno = saved;
    return 0;
}

/* SIGINT and SIGQUIT are ignored while any system() of the process waits (POSIX); the last one restores them. */
static struct {
    int lock;
    int waiting;
    struct sigaction interrupt;
    struct sigaction quit;
} signals;

static void ignore_signals(sigset_t *defaults)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    lock(&signals.lock);
    if (signals.waiting++ == 0) {
        sigaction(SIGINT, &ignore, &signals.interrupt);
        sigaction(SIGQUIT, &ignore, &signals.quit);
    }
    sigemptyset(defaults);
    if (signals.interrupt.sa_handler != SIG_IGN)
        sigaddset(defaults, SIGINT);
    if (signals.quit.sa_handler != SIG_IGN)
        sigaddset(defaults, SIGQUIT);
    unlock(&signals.lock);
}

static void restore_signals(void)
{
    lock(&signals.lock);
    if (--signals.waiting == 0) {
        sigaction(SIGINT, &signals.interrupt, NULL);
        sigaction(SIGQUIT, &signals.quit, NULL);
    }
    unlock(&signals.lock);
}

static int run_shell(const char *command)
{
    sigset_t blocked, before, defaults;
    posix_spawnattr_t attributes;
    pid_t pid;
    int status = -1;
    ignore_signals(&defaults);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &before);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int failed = start_shell(&pid, command, NULL, &attributes);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0)
        status = 127 << 8; /* "as if the shell had ended with 127" */
    else
        wait_for(pid, &status);
    restore_signals();
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        errno = failed;
    return status;
}

LB_EXPORT int lb_system(const char *command) __asm__("system");
int lb_system(const char *command)
{
    if (command == NULL)
        return run_shell("exit 0") == 0;
    return run_shell(command);
}

struct stream {
    struct stream *next;
    FILE *file;
    int fd;
    pid_t pid;
};

static struct {
    int lock;
    struct stream *first;
} streams;

/* The child of a popen must not hold the pipes of the earlier ones open (POSIX). */
static void close_streams(posix_spawn_file_actions_t *actions, int used)
{
    for (struct stream *stream = streams.first; stream != NULL; stream = stream->next)
        if (stream->fd != used)
            posix_spawn_file_actions_addclose(actions, stream->fd);
}

static int start_stream(struct stream *stream, const char *command, int child_end, int used)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    close_streams(&actions, used);
    failed = posix_spawn_file_actions_adddup2(&actions, child_end, used);
    if (failed == 0)
        failed = start_shell(&stream->pid, command, &actions, NULL);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static FILE *open_stream(const char *command, bool reads, bool closes_on_exec)
{
    int ends[2], mine = reads ? 0 : 1;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(stream);
        return NULL;
    }
    stream->fd = ends[mine];
    stream->file = fdopen(ends[mine], reads ? "r" : "w");
    int failed = stream->file == NULL ? errno : 0;
    lock(&streams.lock);
    if (failed == 0)
        failed = start_stream(stream, command, ends[1 - mine], reads ? STDOUT_FILENO : STDIN_FILENO);
    if (failed == 0) {
        stream->next = streams.first;
        streams.first = stream;
    }
    unlock(&streams.lock);
    close(ends[1 - mine]);
    if (failed == 0) {
        if (!closes_on_exec)
            fcntl(ends[mine], F_SETFD, 0);
        return stream->file;
    }
    if (stream->file != NULL)
        fclose(stream->file);
    else
        close(ends[mine]);
    free(stream);
    errno = failed;
    return NULL;
}

LB_EXPORT FILE *lb_popen(const char *command, const char *mode) __asm__("popen");
FILE *lb_popen(const char *command, const char *mode)
{
    bool reads = false, writes = false, closes = false;
    for (; *mode != '\0'; mode++) {
        reads |= *mode == 'r';
        writes |= *mode == 'w';
        closes |= *mode == 'e';
    }
    if (reads == writes) {
        errno = EINVAL;
        return NULL;
    }
    return open_stream(command, reads, closes);
}

static pid_t forget_stream(FILE *file)
{
    pid_t pid = 0;
    if (__atomic_load_n(&streams.first, __ATOMIC_RELAXED) == NULL)
        return 0;
    lock(&streams.lock);
    for (struct stream **at = &streams.first; *at != NULL; at = &(*at)->next) {
        if ((*at)->file == file) {
            struct stream *found = *at;
            pid = found->pid;
            *at = found->next;
            free(found);
            break;
        }
    }
    unlock(&streams.lock);
    return pid;
}

LB_WRAP(int, fclose, (FILE * file))
{
    int status;
    pid_t pid = forget_stream(file);
    int result = lb_real_fclose()(file);
#ifdef __GLIBC__
    /* Ending a popen in this way is wrong, but there it waits as pclose does, and programs rely on that. */
    if (pid != 0)
        result = wait_for(pid, &status) == 0 ? status : -1;
#else
    (void)pid;
    (void)status;
#endif
    return result;
}

LB_WRAP(int, pclose, (FILE * file))
{
    int status;
    pid_t pid = forget_stream(file);
    if (pid == 0)
        return lb_real_pclose()(file);
    lb_real_fclose()(file);
    return wait_for(pid, &status) == 0 ? status : -1;
}

/* ---- the ends that no destructor sees, and the children that go on with this image ---- */

LB_WRAP(pid_t, fork, (void))
{
    pid_t pid = lb_real_fork()();
    if (pid == 0) {
        lb_state.pid = lb_sys_getpid();
        unlock(&signals.lock); /* a thread that held them is not in the child */
        unlock(&streams.lock);
    }
    return pid;
}

static _Noreturn void leave(int status)
{
    lb_trace_objects();
    for (;;)
        lb_sys6(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

LB_EXPORT void lb_exit_now(int status) __asm__("_exit");
void lb_exit_now(int status)
{
    leave(status);
}

LB_EXPORT void lb_exit_now_c99(int status) __asm__("_Exit");
void lb_exit_now_c99(int status)
{
    leave(status);
}
