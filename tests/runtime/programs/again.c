/* again HOW [ARGUMENT…]: starts itself anew, from a copy or by what the kernel knows of it; the second says where. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1
#endif

static void copy_to(int to, const char *from)
{
    char bytes[65536];
    ssize_t length;
    int fd = open(from, O_RDONLY);
    while ((length = read(fd, bytes, sizeof bytes)) > 0)
        write(to, bytes, (size_t)length);
    close(fd);
}

static void copy_file(const char *from, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    copy_to(fd, from);
    fchmod(fd, 0755);
    close(fd);
}

static int memory_file(unsigned flags)
{
    int fd = (int)syscall(SYS_memfd_create, "again", flags);
    copy_to(fd, "/proc/self/exe");
    return fd;
}

static int spawned(const char *file, char **arguments)
{
    pid_t pid;
    int status, failed = posix_spawn(&pid, file, NULL, NULL, arguments, environ);
    if (failed != 0)
        return 100 + failed;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* What a program learns of itself, and a file that only the bundle has. */
static int say(int argc, char **argv)
{
    char exe[PATH_MAX] = "", name[64] = "";
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    int fd = open("/proc/self/exe", O_RDONLY), comm = open("/proc/self/comm", O_RDONLY);
    read(comm, name, sizeof name - 1);
    printf("exe %.*s opens %s\n", length < 0 ? 0 : (int)length, exe, fd >= 0 ? "yes" : "no");
    printf("comm %s", name);
    for (int i = 0; i < argc; i++)
        printf("argument %s\n", argv[i]);
    printf("file %s\n", argc > 2 && access(argv[2], R_OK) == 0 ? "yes" : "no");
    return 0;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    char path[64];
    char *arguments[] = {"a name", "say", argc > 2 ? argv[2] : NULL, NULL};
    if (strcmp(how, "say") == 0)
        return say(argc, argv);
    if (strcmp(how, "copy") == 0) { /* argv[3]: where to */
        copy_file("/proc/self/exe", argv[3]);
        execve(argv[3], arguments, environ);
    } else if (strcmp(how, "copy-of") == 0) { /* argv[4]: of what */
        copy_file(argv[4], argv[3]);
        execve(argv[3], arguments, environ);
    } else if (strcmp(how, "copy-spawn") == 0) {
        copy_file("/proc/self/exe", argv[3]);
        return spawned(argv[3], arguments);
    } else if (strcmp(how, "memory") == 0) {
        fexecve(memory_file(MFD_CLOEXEC), arguments, environ);
    } else if (strcmp(how, "memory-path") == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", memory_file(MFD_CLOEXEC));
        execve(path, arguments, environ);
    } else if (strcmp(how, "memory-spawn") == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", memory_file(MFD_CLOEXEC));
        return spawned(path, arguments);
    } else if (strcmp(how, "memory-execveat") == 0) {
        syscall(SYS_execveat, memory_file(0), "", arguments, environ, AT_EMPTY_PATH);
    } else if (strcmp(how, "own") == 0) {
        execve("/proc/self/exe", arguments, environ);
    } else if (strcmp(how, "parent") == 0) {
        snprintf(path, sizeof path, "/proc/%d/exe", (int)getpid());
        pid_t pid = fork();
        if (pid == 0) {
            execve(path, arguments, environ);
            _exit(100 + errno);
        }
        int status;
        waitpid(pid, &status, 0);
        return WEXITSTATUS(status);
    } else
        return 99;
    return 100 + errno;
}
