/* odd WHAT [ARGUMENT…]: the odd things that a program may do. Says what came out, or an errno's number. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#ifdef __GLIBC__
#include <iconv.h>
#include <langinfo.h>
#endif

extern char **environ;

static int copy(int fd)
{
    char text[4096];
    ssize_t length = -1;
    if (fd >= 0)
        while ((length = read(fd, text, sizeof text)) > 0)
            fwrite(text, 1, (size_t)length, stdout);
    if (length < 0)
        printf("errno %d\n", errno);
    return 0;
}

static int list(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return printf("errno %d\n", errno) < 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        puts(entry->d_name);
    return 0;
}

/* From "/" to a file by openat alone. */
static int walk_down(const char *path)
{
    char copy_of[PATH_MAX], *rest = copy_of, *name;
    int at = open("/", O_RDONLY | O_DIRECTORY);
    snprintf(copy_of, sizeof copy_of, "%s", path);
    while (at >= 0 && (name = strsep(&rest, "/")) != NULL)
        if (*name != '\0')
            at = openat(at, name, O_RDONLY);
    return copy(at);
}

static int no_path(const char *address)
{
    char *volatile none = (char *)strtol(address, NULL, 0); /* the compiler must not know */
    char *arguments[] = {"x", NULL};
    struct stat status;
    struct statvfs room;
    char buffer[8];
#define SAY(call) (errno = 0, (call), printf("%s %d\n", #call, errno))
    SAY(open(none, O_RDONLY));
    SAY(openat(AT_FDCWD, none, O_RDONLY));
    SAY(access(none, F_OK));
    SAY(chdir(none));
    SAY(unlink(none));
    SAY(mkdir(none, 0755));
    SAY(rename(none, none));
    SAY(stat(none, &status));
    SAY(readlink(none, buffer, sizeof buffer));
    SAY(truncate(none, 0));
    SAY(execve(none, arguments, environ));
    SAY(syscall(SYS_openat, AT_FDCWD, none, O_RDONLY));
    if (none == NULL)
        SAY(realpath(none, NULL)); /* it reads any other */
    SAY(lstat(none, &status));
    SAY(fopen(none, "r"));
    SAY(statvfs(none, &room));
    SAY(symlink(none, none));
    SAY(utime(none, NULL));
    SAY(syscall(SYS_execveat, AT_FDCWD, none, arguments, environ, 0));
    pid_t pid;
    printf("posix_spawn %d\n", posix_spawn(&pid, none, NULL, NULL, arguments, environ));
    return 0;
}

/* What a link says in `size` bytes: by its path, from its directory, and in it; and whether lstat makes room for it. */
static int read_link(const char *path, size_t size)
{
    char text[PATH_MAX], directory[PATH_MAX], *name;
    struct stat status;
    ssize_t length = readlink(path, text, size);
    printf("%zd %.*s\n", length, length < 0 ? 0 : (int)length, text);
    snprintf(directory, sizeof directory, "%s", path);
    name = strrchr(directory, '/');
    *name++ = '\0';
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    length = readlinkat(fd, name, text, size);
    printf("%zd %.*s\n", length, length < 0 ? 0 : (int)length, text);
    length = fchdir(fd) == 0 ? syscall(SYS_readlinkat, AT_FDCWD, name, text, size) : -1;
    printf("%zd %.*s\n", length, length < 0 ? 0 : (int)length, text);
    return printf("%d\n", lstat(path, &status) == 0 && status.st_size >= length) < 0;
}

/* ---- loading ---- */

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0 /* musl has none */
#endif

static int load(const char *name, const char *symbol, int flags)
{
    void *handle = dlopen(name, RTLD_NOW | flags);
    if (handle == NULL)
        return printf("not loaded: %s\n", dlerror()) < 0;
    const char *(*function)(void) = (const char *(*)(void))dlsym(handle, symbol);
    return puts(function == NULL ? "no symbol" : function()) < 0;
}

/* In namespaces of its own, one after the other, more often than there are namespaces at once. */
static int load_apart(const char *name, const char *symbol, int flags)
{
#ifdef LM_ID_NEWLM
    const char *said = NULL;
    for (int i = 0; i < 40; i++) {
        void *handle = dlmopen(LM_ID_NEWLM, name, RTLD_NOW | flags);
        if (handle == NULL)
            return printf("not loaded: %d %s\n", i, dlerror()) < 0;
        const char *(*function)(void) = (const char *(*)(void))dlsym(handle, symbol);
        said = function == NULL ? "no symbol" : function();
        if (i < 39)
            dlclose(handle);
    }
    return puts(said) < 0;
#else
    return load(name, symbol, flags);
#endif
}

/* ---- threads ---- */

static volatile int stop;
static int mistakes, rounds;

static void *busy(void *what)
{
    char **arguments = what;
    char expected[32] = "";
    for (int count = 0; !stop; count++) {
        char text[64] = "";
        int fd, status = 0;
        pid_t pid;
        FILE *file;
        switch (count % 4) {
        case 0:
            file = popen(arguments[0], "re");
            if (file == NULL || fgets(text, sizeof text, file) == NULL)
                strcpy(text, "popen");
            if (file == NULL || pclose(file) != 0)
                strcpy(text, "pclose");
            break;
        case 1:
            fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
            if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
                strcpy(text, "open");
            close(fd);
            break;
        case 2:
            if (posix_spawn(&pid, arguments[2], NULL, NULL, arguments + 2, environ) != 0 ||
                waitpid(pid, &status, 0) != pid || status != 0)
                strcpy(text, "posix_spawn");
            break;
        default:
            pid = fork();
            if (pid == 0) {
                file = popen("exit 7", "r");
                _exit(file == NULL ? 1 : WEXITSTATUS(pclose(file)));
            }
            if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
                strcpy(text, "fork");
        }
        snprintf(expected, sizeof expected, "%s", count % 4 < 2 ? "bundle\n" : "");
        if (strcmp(text, expected) != 0) {
            fprintf(stderr, "%d: %s\n", count % 4, text);
            __atomic_add_fetch(&mistakes, 1, __ATOMIC_SEQ_CST);
        }
        __atomic_add_fetch(&rounds, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* threads COMMAND FILE PROGRAM: all three for a second; standard output is only written to at the end. */
static int threads(char **arguments)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, busy, arguments);
    usleep(1000 * 1000);
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    printf("%d mistakes, %s\n", mistakes, rounds >= 16 ? "enough rounds" : "too few rounds");
    return 0;
}

/* ---- starting ---- */

/* spawn-in DIRECTORY PROGRAM: by a path relative to where the child changes to. */
static int spawn_in(const char *directory, char *program)
{
    posix_spawn_file_actions_t actions;
    char *arguments[] = {program, NULL};
    int status;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, directory);
    int failed = posix_spawn(&pid, program, &actions, NULL, arguments, environ);
    if (failed != 0)
        return printf("errno %d\n", failed) < 0;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* Every file of a directory, some of which only look like programs: none may harm who starts it. */
static int start_all(const char *directory)
{
    DIR *open_directory = opendir(directory);
    int count = 0, started = 0;
    struct rlimit seconds = {1, 1}, nothing = {0, 0};
    setrlimit(RLIMIT_CPU, &seconds);
    setrlimit(RLIMIT_CORE, &nothing);
    for (struct dirent *entry; (entry = readdir(open_directory)) != NULL;) {
        char path[PATH_MAX], *arguments[] = {"x", NULL};
        pid_t pid;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        count++;
        if (posix_spawn(&pid, path, NULL, NULL, arguments, environ) != 0)
            continue;
        started++;
        waitpid(pid, NULL, 0);
    }
    return printf("%d files, %s\n", count, started > 10 ? "many were tried" : "few were tried") < 0;
}

static int bad_modes(void)
{
    static const char *const modes[] = {"", "rw", "x", "re", "we"};
    for (int i = 0; i < 5; i++) {
        errno = 0;
        FILE *file = popen("exit 3", modes[i]);
        printf("%s: %s %d\n", modes[i], file == NULL ? "no" : "yes", errno);
        if (file == NULL)
            continue;
        printf("%d\n", fcntl(fileno(file), F_GETFD) & FD_CLOEXEC);
        printf("%d\n", WEXITSTATUS(pclose(file)));
    }
#ifdef __GLIBC__
    printf("%d\n", pclose(fopen("/dev/null", "r")));
#endif
    return 0;
}

static void reap(int number)
{
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* How system(3) leaves signals: as they were, also where the command was killed. */
static int signals(void)
{
    struct sigaction now;
    sigset_t blocked;
    signal(SIGINT, SIG_IGN);
    int status = system("kill -9 $$");
    sigaction(SIGINT, NULL, &now);
    printf("killed by %d, ignored %d\n", WTERMSIG(status), now.sa_handler == SIG_IGN);
    status = system("trap 'exit 5' TERM; kill -TERM $$; sleep 1");
    sigaction(SIGQUIT, NULL, &now);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    printf("status %d, default %d, blocked %d\n", WEXITSTATUS(status), now.sa_handler == SIG_DFL,
           sigismember(&blocked, SIGCHLD));
    printf("a shell: %d\n", system(NULL));
    signal(SIGCHLD, reap); /* must not take the status away */
    status = system("exit 6");
    printf("status %d\n", WEXITSTATUS(status));
    return 0;
}

/* ---- inside libc ---- */

static int inside_libc(void)
{
#ifdef __GLIBC__
    char text[] = "\xa4\xa2", out[16] = "", *in = text, *to = out;
    size_t left = 2, room = sizeof out - 1;
    iconv_t converter = iconv_open("UTF-8", "EUC-JP");
    if (converter == (iconv_t)-1 || iconv(converter, &in, &left, &to, &room) == (size_t)-1)
        snprintf(out, sizeof out, "errno %d", errno);
    printf("iconv %s\n", out);
    printf("locale %s\n", setlocale(LC_ALL, "") == NULL ? "refused" : nl_langinfo(CODESET));
#endif
    time_t summer = 1720000000;
    char clock[64];
    strftime(clock, sizeof clock, "%H:%M %Z", localtime(&summer));
    printf("time %s\n", clock);
    return 0;
}

static int translate(const char *directory)
{
    setlocale(LC_ALL, "");
    bindtextdomain("odd", directory);
    textdomain("odd");
    return puts(gettext("hello")) < 0;
}

/* ---- the end of a process, for the trace ---- */

static int end(const char *how)
{
    pid_t pid;
    char *arguments[] = {"sh", "-c", "exit 0", NULL};
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    if (strcmp(how, "_Exit") == 0)
        _Exit(3);
    if (strcmp(how, "exit") == 0)
        exit(3);
    if (strcmp(how, "exec") == 0)
        execv("/bin/sh", arguments);
    if (strcmp(how, "fork") == 0) {
        pid = fork();
        if (pid == 0)
            exit(3);
        waitpid(pid, NULL, 0);
        printf("%d\n", (int)pid);
    }
    if (strcmp(how, "vfork") == 0) {
        pid = vfork();
        if (pid == 0)
            _exit(3);
        waitpid(pid, NULL, 0);
        printf("%d\n", (int)pid);
    }
    return 3;
}

static int child_exe(void)
{
    char name[64], target[PATH_MAX];
    char *arguments[] = {"another name", "-c", "read x", NULL};
    int ends[2];
    pid_t pid;
    pipe2(ends, O_CLOEXEC);
    pid = fork();
    if (pid == 0) {
        dup2(ends[0], 0);
        execv("/bin/sh", arguments);
        _exit(1);
    }
    for (int i = 0; i < 200; i++) { /* until it is started, and its runtime has named it */
        char comm[16] = "";
        snprintf(name, sizeof name, "/proc/%d/comm", (int)pid);
        int fd = open(name, O_RDONLY);
        read(fd, comm, sizeof comm);
        close(fd);
        if (strncmp(comm, "another name", 12) == 0)
            break;
        usleep(5000);
    }
    snprintf(name, sizeof name, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(name, target, sizeof target - 1);
    close(ends[1]);
    waitpid(pid, NULL, 0);
    return printf("%.*s\n", (int)length, target) < 0;
}

static void tell(const char *value)
{
    puts(value == NULL ? "(unset)" : value);
}

/* What each variable is, by both functions. */
static int variables(char **names)
{
    for (; *names != NULL; names++) {
        tell(getenv(*names));
        tell(secure_getenv(*names));
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "cat") == 0)
        return copy(argc > 2 ? open(argv[2], O_RDONLY) : 0);
    if (strcmp(what, "variables") == 0)
        return variables(argv + 2);
    if (strcmp(what, "list") == 0)
        return list(argv[2]);
    if (strcmp(what, "down") == 0)
        return walk_down(argv[2]);
    if (strcmp(what, "null") == 0)
        return no_path(argv[2]);
    if (strcmp(what, "readlink") == 0)
        return read_link(argv[2], (size_t)atoi(argv[3]));
    if (strcmp(what, "load") == 0)
        return load(argv[2], argv[3], 0);
    if (strcmp(what, "load-apart") == 0)
        return load_apart(argv[2], argv[3], 0);
    if (strcmp(what, "load-deep") == 0)
        return load(argv[2], argv[3], RTLD_DEEPBIND);
    if (strcmp(what, "threads") == 0)
        return threads(argv + 2);
    if (strcmp(what, "spawn-in") == 0)
        return spawn_in(argv[2], argv[3]);
    if (strcmp(what, "start-all") == 0)
        return start_all(argv[2]);
    if (strcmp(what, "modes") == 0)
        return bad_modes();
    if (strcmp(what, "signals") == 0)
        return signals();
    if (strcmp(what, "libc") == 0)
        return inside_libc();
    if (strcmp(what, "translate") == 0)
        return translate(argv[2]);
    if (strcmp(what, "end") == 0)
        return end(argv[2]);
    if (strcmp(what, "child") == 0)
        return child_exe();
    if (strcmp(what, "kill") == 0)
        return raise(atoi(argv[2]));
    if (strcmp(what, "change") == 0) { /* one look-up of each fate, by names with odd characters */
        printf("%d", access("odd\tna\nme\\x", F_OK));
        chdir(argv[2]);
        printf("%d\n", access("relative", F_OK));
        return 0;
    }
    return 2;
}
