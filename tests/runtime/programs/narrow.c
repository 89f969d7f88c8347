/* narrow WHAT PROGRAM [ARGUMENT…]: starts PROGRAM, its name the first argument, with little to start it with: a small
 * stack, or no descriptor. Ends as it ended, with 100 + errno where it was not started. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static const char *what;
static char **arguments;

static int ended(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, __WALL) != pid)
        return 97;
    return WIFSIGNALED(status) ? 200 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int spawn(void)
{
    pid_t pid;
    int failed = strchr(arguments[0], '/') == NULL ? posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ)
                                                   : posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ);
    return failed != 0 ? 100 + failed : ended(pid);
}

static int replaced(void *unused)
{
    (void)unused;
    if (strchr(arguments[0], '/') == NULL)
        execvp(arguments[0], arguments);
    else
        execve(arguments[0], arguments, environ);
    _exit(100 + errno);
}

/* ---- small stacks, with a page behind them that nobody may touch ---- */

static char *guarded(size_t size)
{
    long page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages, page, PROT_NONE);
    return pages + page;
}

static int result;

static void *in_thread(void *unused)
{
    (void)unused;
    result = spawn();
    return NULL;
}

static int from_thread(size_t size)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int failed = pthread_attr_setstack(&attributes, guarded(size), size);
    if (failed == 0)
        failed = pthread_create(&thread, &attributes, in_thread, NULL);
    if (failed != 0)
        return 96;
    pthread_join(thread, NULL);
    return result;
}

static int from_clone(size_t size)
{
    pid_t pid = clone(replaced, guarded(size) + size, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    return pid < 0 ? 95 : ended(pid);
}

/* Many, whose memory nobody frees: the mappings must not become more. */
static long mappings(void)
{
    char text[65536];
    long count = 0;
    ssize_t length;
    int fd = open("/proc/self/maps", O_RDONLY);
    while ((length = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < length; i++)
            count += text[i] == '\n';
    close(fd);
    return count;
}

static int often(void)
{
    long before = 0;
    for (int i = 0; i < 100; i++) {
        pid_t pid = vfork();
        if (pid == 0)
            replaced(NULL);
        int status = ended(pid);
        if (status != 0)
            return status;
        if (i == 20)
            before = mappings();
    }
    return printf("%ld more\n", mappings() - before) < 0;
}

/* ---- in a signal handler, on the smallest stack that the machine's registers leave ---- */

static char *path;
static volatile int opened;

static void handler(int number)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    opened = fd >= 0 && access(path, R_OK) == 0 && stat(path, &status) == 0 && close(fd) == 0;
}

static int on_signal_stack(size_t room)
{
    handler(0); /* the loader binds each function at its first call, for which it wants more */
    opened = 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), frame = getauxval(AT_MINSIGSTKSZ);
    size_t size = (frame + room + page - 1) & ~(page - 1);
    char *stack = guarded(size);
    /* The kernel puts its frame at the upper end: so much is left below it. */
    stack_t alternative = {.ss_sp = stack, .ss_size = frame + room < 2048 ? 2048 : frame + room};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&alternative, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return 94;
    raise(SIGUSR1);
    return opened ? 0 : 1;
}

/* ---- no descriptor left ---- */

static void fill_descriptors(void)
{
    struct rlimit limit = {24, 24};
    setrlimit(RLIMIT_NOFILE, &limit);
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        ;
}

static volatile int children;

static void count(int number)
{
    children++;
}

static int in_full_table(void)
{
    signal(SIGCHLD, count);
    fill_descriptors();
    int status = spawn();
    return children <= 1 ? status : 93; /* nobody else's end may be told */
}

static int replaced_in_full_table(void)
{
    fill_descriptors();
    return replaced(NULL);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 98;
    what = argv[1];
    path = argv[2];
    arguments = argv + 2;
    size_t size = (size_t)atoi(strchr(what, '-') == NULL ? "0" : strchr(what, '-') + 1);
    if (strncmp(what, "thread", 6) == 0)
        return from_thread(size);
    if (strncmp(what, "clone", 5) == 0)
        return from_clone(size);
    if (strncmp(what, "signal", 6) == 0)
        return on_signal_stack(size);
    if (strcmp(what, "often") == 0)
        return often();
    if (strcmp(what, "full") == 0)
        return in_full_table();
    if (strcmp(what, "full-exec") == 0)
        return replaced_in_full_table();
    return 99;
}
