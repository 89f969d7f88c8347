/* run HOW PATH [ARGUMENT…]: starts PATH with the arguments (the first is its name) by the function HOW, in a
 * child where it replaces the process, and ends as it ended; 100 + errno when it could not be started. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *path, **arguments;

static void replace(const char *how)
{
    if (strcmp(how, "execve") == 0)
        execve(path, arguments, environ);
    else if (strcmp(how, "execv") == 0)
        execv(path, arguments);
    else if (strcmp(how, "execvp") == 0)
        execvp(path, arguments);
    else if (strcmp(how, "execvpe") == 0)
        execvpe(path, arguments, environ);
    else if (strcmp(how, "execl") == 0)
        execl(path, arguments[0], arguments[1], (char *)NULL);
    else if (strcmp(how, "execlp") == 0)
        execlp(path, arguments[0], arguments[1], (char *)NULL);
    else if (strcmp(how, "execle") == 0)
        execle(path, arguments[0], arguments[1], (char *)NULL, environ);
    else if (strcmp(how, "fexecve") == 0)
        fexecve(open(path, O_RDONLY), arguments, environ);
    else if (strcmp(how, "syscall") == 0)
        syscall(SYS_execve, path, arguments, environ);
    else if (strcmp(how, "execveat") == 0)
        syscall(SYS_execveat, AT_FDCWD, path, arguments, environ, 0);
    else if (strcmp(how, "execveat-descriptor") == 0)
        syscall(SYS_execveat, open(path, O_RDONLY), "", arguments, environ, AT_EMPTY_PATH);
    else if (strcmp(how, "execveat-directory") == 0) {
        char *slash = strrchr(path, '/');
        *slash = '\0';
        syscall(SYS_execveat, open(*path == '\0' ? "/" : path, O_RDONLY | O_DIRECTORY), slash + 1, arguments,
                environ, 0);
    } else if (strcmp(how, "execveat-nofollow") == 0)
        syscall(SYS_execveat, AT_FDCWD, path, arguments, environ, AT_SYMLINK_NOFOLLOW);
    else if (strcmp(how, "no-environment") == 0) {
        char *none[] = {NULL};
        execve(path, arguments, none);
    } else if (strcmp(how, "no-arguments") == 0) {
        char *none[] = {NULL};
        execve(path, none, environ);
    } else
        _exit(99);
    _exit(100 + errno);
}

static int wait_for(pid_t pid)
{
    int status;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

static int copy_from(FILE *file)
{
    char buffer[4096];
    size_t length;
    while ((length = fread(buffer, 1, sizeof buffer, file)) > 0)
        fwrite(buffer, 1, length, stdout);
    fflush(stdout);
    return WEXITSTATUS(pclose(file));
}

static int copy_to(FILE *file)
{
    fputs("one\ntwo\n", file);
    return WEXITSTATUS(pclose(file));
}

int main(int argc, char **argv)
{
    int failed;
    pid_t pid;
    if (argc < 3)
        return 98;
    const char *how = argv[1];
    path = argv[2];
    arguments = argv + 3;
    if (strncmp(how, "posix_spawn", 11) == 0) {
        failed = how[11] == 'p' ? posix_spawnp(&pid, path, NULL, NULL, arguments, environ)
                                : posix_spawn(&pid, path, NULL, NULL, arguments, environ);
        return failed != 0 ? 100 + failed : wait_for(pid);
    }
    if (strcmp(how, "system") == 0)
        return WEXITSTATUS(system(path));
    if (strncmp(how, "popen-r", 7) == 0) {
        FILE *file = popen(path, how + 6);
        return file == NULL ? 100 + errno : copy_from(file);
    }
    if (strncmp(how, "popen-w", 7) == 0) {
        FILE *file = popen(path, how + 6);
        return file == NULL ? 100 + errno : copy_to(file);
    }
    if (strcmp(how, "vfork") == 0) {
        how = "execve";
        pid = vfork();
    } else if (strncmp(how, "self-", 5) == 0) { /* no child: this very process is replaced */
        how += 5;
        pid = 0;
    } else
        pid = fork();
    if (pid == 0)
        replace(how);
    return wait_for(pid);
}
