/* system and popen: libc's own call /bin/sh where no symbol can be put before it. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

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
    return lb_spawn(pid, "/bin/sh", actions, attributes, argv, environ);
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
#ifdef __GLIBC__
    if (failed != 0)
        status = 127 << 8; /* "as if the shell had ended with 127" */
#endif
    if (failed == 0)
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

void lb_unlock_shells(void)
{
    unlock(&signals.lock);
    unlock(&streams.lock);
}

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

/* A stream on one end of a new pipe; the other end is in `*child_end`. NULL on failure, as errno says. */
static struct stream *make_stream(bool reads, int *child_end)
{
    int ends[2], mine = reads ? 0 : 1;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        stream->fd = ends[mine];
        *child_end = ends[1 - mine];
        stream->file = fdopen(stream->fd, reads ? "r" : "w");
        if (stream->file != NULL)
            return stream;
        int saved = errno;
        close(ends[0]);
        close(ends[1]);
        errno = saved;
    }
    free(stream);
    return NULL;
}

static FILE *open_stream(const char *command, bool reads, bool closes_on_exec)
{
    int child_end;
    struct stream *stream = make_stream(reads, &child_end);
    if (stream == NULL)
        return NULL;
    lock(&streams.lock);
    int failed = start_stream(stream, command, child_end, reads ? STDOUT_FILENO : STDIN_FILENO);
    if (failed == 0) {
        stream->next = streams.first;
        streams.first = stream;
    }
    unlock(&streams.lock);
    close(child_end);
    if (failed != 0) {
        fclose(stream->file);
        free(stream);
        errno = failed;
        return NULL;
    }
    if (!closes_on_exec)
        fcntl(stream->fd, F_SETFD, 0);
    return stream->file;
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
    /* Wrong for a popen, but libc waits here as in pclose, and programs rely on that. */
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
