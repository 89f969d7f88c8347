// What tests of the sandboxes run: small things that a bundle's program may do, each under its name.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, MOMENT = 400 * 1000 };

static void touch(char *memory, size_t size)
{
    for (size_t at = 0; at < size; at += 4096)
        memory[at] = 1;
}

// Hold so many MiB, in one of several ways, for a moment.
static int hold(const char *how, size_t mib)
{
    int flags = MAP_ANONYMOUS | MAP_PRIVATE, file = -1;
    if (strcmp(how, "shared") == 0)
        flags = MAP_ANONYMOUS | MAP_SHARED;
    if (strcmp(how, "disk") == 0) {
        flags = MAP_SHARED;
        file = open("/tmp/mapped", O_RDWR | O_CREAT, 0600);
        if (file < 0 || ftruncate(file, (off_t)(mib * MIB)) != 0)
            return 2;
    }
    char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, flags, file, 0);
    if (memory == MAP_FAILED)
        return 2;
    touch(memory, mib * MIB);
    if (strcmp(how, "family") == 0) // what a parent holds is its children's too, and counts once
        for (int child = 0; child < 2; child++)
            fork();
    if (strcmp(how, "apart") == 0) // four times as much
        for (int child = 0; child < 3; child++)
            if (fork() == 0) {
                touch(memory, mib * MIB);
                break;
            }
    usleep(MOMENT);
    while (wait(NULL) > 0)
        ;
    return 0;
}

// How many processes there can be beside this one.
static int processes(void)
{
    int count = 0, error = 0;
    for (; count < 5000; count++) {
        pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        if (child < 0) {
            error = errno;
            break;
        }
    }
    printf("%d %s\n", count, error == EAGAIN ? "EAGAIN" : "?");
    return 0;
}

static void bomb(void)
{
    for (;;)
        fork();
}

static void tell(const char *name, long answer)
{
    printf("%s %s\n", name, answer == -1 ? strerrorname_np(errno) : "granted");
}

static int refused(void)
{
    tell("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    tell("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    tell("unshare", unshare(CLONE_NEWUSER));
    tell("setns", setns(0, 0));
    tell("pivot_root", syscall(SYS_pivot_root, ".", "."));
    tell("process_vm_readv", syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
    tell("keyctl", syscall(SYS_keyctl, 0, 0, 0));
    tell("chroot", chroot("/"));
    tell("mknod", mknod("/tmp/device", S_IFCHR | 0600, makedev(1, 3)));
    fflush(stdout);
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    tell("clone", child);
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0)
        _exit(0);
    tell("clone3", child);
    return 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[64] = "";
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(handle, (struct sockaddr *)&address, sizeof address) != 0 || read(handle, answer, 63) < 0) {
        perror(path);
        return 1;
    }
    puts(answer);
    return 0;
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    if (strcmp(what, "hold") == 0 && count == 4)
        return hold(words[2], (size_t)atol(words[3]));
    if (strcmp(what, "processes") == 0)
        return processes();
    if (strcmp(what, "bomb") == 0)
        bomb();
    if (strcmp(what, "refused") == 0)
        return refused();
    if (strcmp(what, "connect") == 0 && count == 3)
        return connect_to(words[2]);
    return 64;
}
