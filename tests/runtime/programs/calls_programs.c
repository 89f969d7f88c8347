/* Calls that start programs, load libraries, or ask for what libc looks up itself. */
#include "calls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <libintl.h>
#include <netdb.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- exec: in a child whose output is read here ---- */

static char *arguments[] = {"called", "one", "two words", NULL};
static char *given_environment[] = {"PATH=/usr/bin:/bin:/usr/local/made/bin", "ONLY=this", NULL};

static void say_output(int from)
{
    char text[4096];
    size_t length = 0;
    for (long got; length < sizeof text && (got = read(from, text + length, sizeof text - length)) > 0;)
        length += (size_t)got;
    close(from);
    say(" <");
    say_text(text, length);
    say(">");
}

static void wait_for_program(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return;
    say_end(status);
}

#define IN_CHILD(start)                                                                                      \
    int ends[2];                                                                                             \
    if (pipe2(ends, O_CLOEXEC) != 0)                                                                         \
        return;                                                                                              \
    pid_t pid = call.number ? vfork() : fork();                                                              \
    if (pid == 0) {                                                                                          \
        dup2(ends[1], 1);                                                                                    \
        dup2(ends[1], 2);                                                                                    \
        start;                                                                                               \
        say(" not started, errno %d", errno);                                                                \
        _exit(99);                                                                                           \
    }                                                                                                        \
    close(ends[1]);                                                                                          \
    say_output(ends[0]);                                                                                     \
    wait_for_program(pid)

#define EXEC(name, start)                                                                                    \
    FUNCTION(name) { IN_CHILD(start); }

EXEC(execve, execve(call.path, arguments, given_environment))
EXEC(execv, execv(call.path, arguments))
EXEC(execvp, execvp(call.path, arguments))
EXEC(execvpe, execvpe(call.path, arguments, given_environment))
EXEC(execl, execl(call.path, "called", "one", "2", "3", "4", "5", "6", "7", "8", (char *)NULL))
EXEC(execlp, execlp(call.path, "called", "one", (char *)NULL))
EXEC(execle, execle(call.path, "called", "one", (char *)NULL, given_environment))
EXEC(fexecve, int fd = open(call.path, O_RDONLY | O_CLOEXEC); if (fd >= 0) fexecve(fd, arguments, environ))
EXEC(syscall_execve, syscall(SYS_execve, call.path, arguments, given_environment))
EXEC(syscall_execveat, syscall(SYS_execveat, call.directory, call.path, arguments, environ, (int)call.second))
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
EXEC(execveat, execveat(call.directory, call.path, arguments, environ, (int)call.second))
#endif
#endif
EXEC(_exit, _exit((int)call.second))
EXEC(_Exit, _Exit((int)call.second))

static void spawn(posix_spawn_file_actions_t *actions, const char *path,
                  int (*start)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                               char *const[], char *const[]),
                  char *const argv[])
{
    int ends[2];
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    posix_spawn_file_actions_adddup2(actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(actions, ends[1], 2);
    int failed = start(&pid, path, actions, NULL, argv, environ);
    close(ends[1]);
    say(" %d", failed);
    say_output(ends[0]);
    if (failed == 0)
        wait_for_program(pid);
    posix_spawn_file_actions_destroy(actions);
}

FUNCTION(posix_spawn)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    spawn(&actions, call.path, posix_spawn, arguments);
}

FUNCTION(posix_spawnp)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    spawn(&actions, call.path, posix_spawnp, arguments);
}

FUNCTION(posix_spawn_file_actions_addopen)
{
    char *argv[] = {"sh", "-c", "read -r line; echo \"$line\"", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    say_exactly(posix_spawn_file_actions_addopen(&actions, 0, call.path, O_RDONLY, 0));
    spawn(&actions, "/bin/sh", posix_spawn, argv);
}

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 29)
#define HAS_ADDCHDIR
#endif
#else
#define HAS_ADDCHDIR
#endif
#ifdef HAS_ADDCHDIR
FUNCTION(posix_spawn_file_actions_addchdir_np)
{
    char *argv[] = {"sh", "-c", "echo *", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    say_exactly(posix_spawn_file_actions_addchdir_np(&actions, call.path));
    spawn(&actions, "/bin/sh", posix_spawn, argv);
}
#endif

/* ---- by the shell ---- */

FUNCTION(system)
{
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "exec >&3 2>&1; %s one 'two words'", call.path);
    int ends[2];
    if (pipe2(ends, 0) != 0)
        return;
    int kept = dup(3);
    dup2(ends[1], 3);
    close(ends[1]);
    int status = system(call.path == NULL ? NULL : command);
    close(3);
    if (kept >= 0) {
        dup2(kept, 3);
        close(kept);
    }
    say_output(ends[0]);
    say_end(status);
}

static void by_popen(int (*end)(FILE *))
{
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "%s one 2>&1", call.path);
    FILE *file = popen(command, "r");
    say_number(file == NULL ? -1 : 0);
    if (file == NULL)
        return;
    say_output(dup(fileno(file)));
    say_end(end(file));
}
DO(popen, by_popen(pclose))
DO(pclose, by_popen(pclose))
FUNCTION(fclose)
{
#ifdef __GLIBC__
    by_popen(fclose);
#else
    say_stream(fopen(call.path, "r"));
#endif
}

FUNCTION(fork)
{
    pid_t pid = fork();
    if (pid == 0) {
        say_number(access(call.path, R_OK));
        _exit((int)call.second);
    }
    wait_for_program(pid);
}

/* ---- libraries ---- */

static void say_library(void *handle)
{
    say(handle == NULL ? " none" : " loaded");
    if (handle == NULL)
        return;
    const char *(*whoami)(void) = (const char *(*)(void))dlsym(handle, "whoami");
    if (whoami != NULL)
        say(" %s", whoami());
    dlclose(handle);
}
DO(dlopen, say_library(dlopen(call.path, RTLD_NOW | (int)call.number)))
#ifdef __GLIBC__
DO(dlmopen, say_library(dlmopen(LM_ID_BASE, call.path, RTLD_NOW)))
#endif
FUNCTION(bindtextdomain)
{
    say_string(bindtextdomain("made", call.path));
    say_string(bindtextdomain("made", NULL));
}

/* ---- variables, services ---- */

DO(getenv, say_string(getenv(call.text)))
#ifdef __GLIBC__
DO(secure_getenv, say_string(secure_getenv(call.text)))
#endif
FUNCTION(environ)
{
    for (char **variable = environ; *variable != NULL; variable++)
        add_line("%s", *variable);
    say_lines();
}

static void say_service(const struct servent *found)
{
    if (found == NULL) {
        say(" none");
        return;
    }
    say(" %s %d %s", found->s_name, ntohs((unsigned short)found->s_port), found->s_proto);
    for (char **alias = found->s_aliases; *alias != NULL; alias++)
        say(" (%s)", *alias);
}
static char space[1024];
#define ROOM (call.second > 0 ? (size_t)call.second : sizeof space)
#define PROTOCOL call.path
#define PORT htons((unsigned short)call.number)
DO(getservbyname, say_service(getservbyname(call.text, PROTOCOL)))
DO(getservbyport, say_service(getservbyport(PORT, PROTOCOL)))
DO(getservbyname_r, struct servent entry, *found = NULL;
   say(" %d", getservbyname_r(call.text, PROTOCOL, &entry, space, ROOM, &found)); say_service(found))
DO(getservbyport_r, struct servent entry, *found = NULL;
   say(" %d", getservbyport_r(PORT, PROTOCOL, &entry, space, ROOM, &found)); say_service(found))
FUNCTION(getaddrinfo)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = (int)call.number}, *found = NULL;
    int failed = getaddrinfo("127.0.0.1", call.text, &hints, &found);
    say(" %d", failed);
    for (struct addrinfo *at = failed ? NULL : found; at != NULL; at = at->ai_next)
        say(" %d:%d", at->ai_socktype, ntohs(((struct sockaddr_in *)at->ai_addr)->sin_port));
}

#ifdef __GLIBC__
static void say_protocol(const struct protoent *found)
{
    if (found == NULL) {
        say(" none");
        return;
    }
    say(" %s %d", found->p_name, found->p_proto);
    for (char **alias = found->p_aliases; *alias != NULL; alias++)
        say(" (%s)", *alias);
}
DO(getprotobyname, say_protocol(getprotobyname(call.text)))
DO(getprotobynumber, say_protocol(getprotobynumber((int)call.number)))
DO(getprotobyname_r, struct protoent entry, *found = NULL;
   say(" %d", getprotobyname_r(call.text, &entry, space, ROOM, &found)); say_protocol(found))
DO(getprotobynumber_r, struct protoent entry, *found = NULL;
   say(" %d", getprotobynumber_r((int)call.number, &entry, space, ROOM, &found)); say_protocol(found))
#endif
