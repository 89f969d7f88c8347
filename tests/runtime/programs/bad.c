/* bad ADDRESS FUNCTION…: calls each function, in a child, with that address as every argument, and then with the working
 * directory's descriptor as the first; says what came of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef long function(long, long, long, long, long, long);

static void call(const char *name, function *called, long first, long address)
{
    int ends[2], status;
    char said[64] = "";
    if (pipe(ends) != 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit nothing = {0, 0};
        setrlimit(RLIMIT_CORE, &nothing);
        alarm(5);
        errno = 0;
        long result = called(first, address, address, address, address, address);
        int length = snprintf(said, sizeof said, "%s %d", result == 0 ? "0" : (int)result == -1 ? "-1" : "another", errno);
        write(ends[1], said, (size_t)length);
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], said, sizeof said - 1);
    said[length < 0 ? 0 : length] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (length > 0)
        printf("%s %s\n", name, said);
    else if (WIFSIGNALED(status))
        printf("%s signal %d\n", name, WTERMSIG(status));
    else
        printf("%s status %d\n", name, WEXITSTATUS(status));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long address = strtol(argv[1], NULL, 0);
    for (int i = 2; i < argc; i++) {
        function *called = (function *)dlsym(RTLD_DEFAULT, argv[i]);
        if (called == NULL)
            continue;
        call(argv[i], called, address, address);
        call(argv[i], called, AT_FDCWD, address);
    }
    return 0;
}
