/* Opens the port of the Runtime API inside a sandbox, hands it to the emulator outside, and becomes the function:
 *
 *     handover SOCKET PORT PROGRAM...
 *
 * A listening socket stays in the network namespace that it was made in, whoever accepts on it: the emulator serves
 * 127.0.0.1:PORT of a sandbox that has no network, and nothing of ours stays inside. SOCKET is the emulator's, of the
 * Unix kind. One message goes there: the first PROGRAM that exists and is no directory (empty when none does), and
 * with it the listening socket and the ends to read of two pipes, which are the function's output and errors. Then
 * the connection ends when the program has begun, or says why it could not: errno in decimal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    NOT_STARTED = 125, /* what env(1) and its kin exit with when they fail themselves */
    NOT_EXECUTABLE = 126,
    NOT_FOUND = 127,
    BACKLOG = 64,
    HANDED = 3, /* descriptors in the message */
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "lambundle: %s: %s\n", what, strerror(errno));
    exit(NOT_STARTED);
}

static in_port_t port_number(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > 65535) {
        errno = EINVAL;
        fail(text);
    }
    return htons((in_port_t)number);
}

static int listen_on(in_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, BACKLOG) != 0)
        fail("cannot listen on the port of the Runtime API");
    return listener;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    strcpy(address.sun_path, path);
    int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (channel < 0 || connect(channel, (struct sockaddr *)&address, sizeof address) != 0)
        fail(path);
    return channel;
}

/* Makes a pipe, its end to write as `target`, which the program inherits; returns the end to read. */
static int pipe_from(int target)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], target) < 0)
        fail("cannot make a pipe");
    return ends[0];
}

static const char *first_of(char **programs)
{
    struct stat found;
    for (; *programs != NULL; programs++)
        if (stat(*programs, &found) == 0 && !S_ISDIR(found.st_mode))
            return *programs;
    return "";
}

/* Sends `text` with its end, so that there is always a byte for the descriptors to travel with. */
static bool hand_over(int channel, const char *text, const int descriptors[HANDED])
{
    union { /* aligned as the header wants it */
        struct cmsghdr header;
        char space[CMSG_SPACE(HANDED * sizeof(int))];
    } control = {.space = {0}};
    struct iovec data = {.iov_base = (void *)text, .iov_len = strlen(text) + 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(HANDED * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, HANDED * sizeof(int));
    return sendmsg(channel, &message, MSG_NOSIGNAL) == (ssize_t)data.iov_len;
}

/* Becomes `program` with nothing open but its standard streams; returns when that cannot be. */
static int become(const char *program)
{
    char *arguments[] = {(char *)program, NULL};
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC: what the sandbox may have left open */);
    execv(program, arguments);
    return errno;
}

int main(int count, char **arguments)
{
    if (count < 4) {
        fputs("usage: handover SOCKET PORT PROGRAM...\n", stderr);
        return NOT_STARTED;
    }
    int channel = connect_to(arguments[1]);
    int listener = listen_on(port_number(arguments[2]));
    const char *program = first_of(arguments + 3);
    int descriptors[HANDED] = {listener, pipe_from(STDOUT_FILENO), pipe_from(STDERR_FILENO)};
    if (!hand_over(channel, program, descriptors))
        fail("cannot hand over the port of the Runtime API"); /* nobody is there to read it */
    if (*program == '\0')
        return NOT_FOUND;
    dprintf(channel, "%d", become(program));
    return NOT_EXECUTABLE;
}
