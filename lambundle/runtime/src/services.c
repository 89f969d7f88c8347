/* /etc/services and /etc/protocols. libc opens them itself, where no symbol can be put before another, so the bundle's
 * are searched here and then the host's by libc. getaddrinfo gets a number where it does not know a service's name. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

enum {
    LINE = 1024,  /* bytes of a line; the rest of a longer one counts as a line */
    WORDS = 32,   /* name, number and aliases of a line */
    SPACE = 2048, /* enough for any line and the pointers to its aliases */
};

static const char SERVICES[] = "/etc/services";
#ifdef __GLIBC__
static const char PROTOCOLS[] = "/etc/protocols";
#endif

struct reader {
    int fd;
    size_t have, at;
    char data[4096];
};

/* What is asked for: a name, or a number where that is NULL; `protocol` NULL is any. */
struct wanted {
    const char *file, *name, *protocol;
    int number;
};

struct entry {
    char *name, **aliases, *protocol;
    int number;
};

static bool next_line(struct reader *reader, char line[LINE])
{
    size_t length = 0;
    while (length < LINE - 1) {
        if (reader->at == reader->have) {
            long got = lb_sys_read(reader->fd, reader->data, sizeof reader->data);
            if (got <= 0)
                break;
            reader->have = (size_t)got;
            reader->at = 0;
        }
        char byte = reader->data[reader->at++];
        if (byte == '\n') {
            line[length] = '\0';
            return true;
        }
        line[length++] = byte;
    }
    line[length] = '\0';
    return length > 0;
}

/* Cuts a line into words; returns their number. */
static size_t split(char *line, char *words[WORDS])
{
    size_t count = 0;
    line[strcspn(line, "#\r")] = '\0';
    while (count < WORDS) {
        line += strspn(line, " \t");
        if (*line == '\0')
            break;
        words[count++] = line;
        line += strcspn(line, " \t");
        if (*line != '\0')
            *line++ = '\0';
    }
    return count;
}

/* Number and protocol of the second word, `80/tcp` or `17`; false where it has no number. */
static bool read_number(char *word, struct entry *entry)
{
    int number = 0;
    if (*word < '0' || *word > '9')
        return false;
    for (; *word >= '0' && *word <= '9' && number <= 0xffff; word++)
        number = number * 10 + (*word - '0');
    entry->number = number;
    entry->protocol = *word == '/' ? word + 1 : word;
    return number <= 0xffff;
}

static bool is_wanted(const struct wanted *wanted, const struct entry *entry, char *words[WORDS], size_t count)
{
    if (wanted->protocol != NULL && strcmp(wanted->protocol, entry->protocol) != 0)
        return false;
    if (wanted->name == NULL)
        return wanted->number == entry->number;
    for (size_t word = 0; word < count; word++)
        if (word != 1 && strcmp(wanted->name, words[word]) == 0)
            return true;
    return false;
}

/* Copies a line's words into the caller's space: false where that is too small. */
static bool keep(struct entry *entry, char *words[WORDS], size_t count, char *space, size_t room)
{
    size_t padding = -(uintptr_t)space % sizeof(char *), aliases = count - 2, at = padding + (aliases + 1) * sizeof(char *);
    if (at > room)
        return false;
    entry->aliases = (char **)(void *)(space + padding);
    char **slots[] = {&entry->name, &entry->protocol};
    words[1] = entry->protocol;
    for (size_t word = 0; word < count; word++) {
        size_t length = strlen(words[word]) + 1;
        if (length > room - at)
            return false;
        char *copy = memcpy(space + at, words[word], length);
        *(word < 2 ? slots[word] : &entry->aliases[word - 2]) = copy;
        at += length;
    }
    entry->aliases[aliases] = NULL;
    return true;
}

/* musl knows no aliases: an entry's name is what was asked for, and its only alias. Returns the number of words. */
static size_t name_as_libc(const struct wanted *wanted, char *words[WORDS], size_t count)
{
#ifdef __GLIBC__
    (void)wanted;
    (void)words;
    return count;
#else
    (void)count;
    if (wanted->name != NULL)
        words[0] = (char *)wanted->name;
    words[2] = words[0];
    return 3;
#endif
}

/* Searches the bundle's file. 0: found; ENOENT: not there, ERANGE: `space` is too small. */
static int find(const struct wanted *wanted, struct entry *entry, char *space, size_t room, const char *operation)
{
    struct lb_path buffer;
    struct reader reader = {.have = 0};
    char line[LINE], *words[WORDS];
    int answer = ENOENT;
    const char *path = lb_served(wanted->file, &buffer, operation);
    if (path == wanted->file || (reader.fd = lb_sys_open(path, O_RDONLY | O_CLOEXEC, 0)) < 0)
        return ENOENT;
    while (answer == ENOENT && next_line(&reader, line)) {
        size_t count = split(line, words);
        if (count > 1 && read_number(words[1], entry) && is_wanted(wanted, entry, words, count))
            answer = keep(entry, words, name_as_libc(wanted, words, count), space, room) ? 0 : ERANGE;
    }
    lb_sys_close(reader.fd);
    return answer;
}

/* glibc says ENOENT where there is no list. Where the bundle has one, what is not in it is just not found. */
static int unless_listed(const char *file, int failed)
{
#ifdef __GLIBC__
    struct lb_path buffer;
    if (failed == ENOENT && lb_find_in_bundle(file, &buffer) != file)
        return 0;
#else
    (void)file;
#endif
    return failed;
}

static int find_service(const char *name, int port, const char *protocol, struct servent *service, char *space,
                        size_t room, const char *operation)
{
    struct wanted wanted = {SERVICES, name, protocol, ntohs((uint16_t)port)};
    struct entry entry;
    int answer = find(&wanted, &entry, space, room, operation);
    if (answer == 0)
        *service = (struct servent){entry.name, entry.aliases, htons((uint16_t)entry.number), entry.protocol};
    return answer;
}

static struct {
    struct servent service;
    char space[SPACE];
} last_service; /* as libc's own: of no use to two threads at once */

LB_WRAP_POINTER(struct servent *, getservbyname, (const char *name, const char *protocol))
{
    if (find_service(name, 0, protocol, &last_service.service, last_service.space, SPACE, "getservbyname") == 0)
        return &last_service.service;
    return lb_real_getservbyname()(name, protocol);
}

LB_WRAP_POINTER(struct servent *, getservbyport, (int port, const char *protocol))
{
    if (find_service(NULL, port, protocol, &last_service.service, last_service.space, SPACE, "getservbyport") == 0)
        return &last_service.service;
    return lb_real_getservbyport()(port, protocol);
}

LB_WRAP(int, getservbyname_r, (const char *name, const char *protocol, struct servent *service, char *space, size_t room,
                               struct servent **found))
{
    int answer = find_service(name, 0, protocol, service, space, room, "getservbyname_r");
    if (answer == ENOENT)
        return unless_listed(SERVICES, lb_real_getservbyname_r()(name, protocol, service, space, room, found));
    *found = answer == 0 ? service : NULL;
    return answer;
}

LB_WRAP(int, getservbyport_r, (int port, const char *protocol, struct servent *service, char *space, size_t room,
                               struct servent **found))
{
    int answer = find_service(NULL, port, protocol, service, space, room, "getservbyport_r");
    if (answer == ENOENT)
        return unless_listed(SERVICES, lb_real_getservbyport_r()(port, protocol, service, space, room, found));
    *found = answer == 0 ? service : NULL;
    return answer;
}

/* Port of a service for a kind of socket, in `number`; false where the bundle's list has none. */
static bool find_port(const char *service, const char *protocol, char number[12])
{
    struct servent known;
    char space[SPACE];
    if (find_service(service, 0, protocol, &known, space, SPACE, "getaddrinfo") != 0)
        return false;
    *lb_decimal(number, ntohs((uint16_t)known.s_port)) = '\0';
    return true;
}

/* Of a service that is known by its name there are no raw sockets, which libc adds for a number. */
static void drop_raw(struct addrinfo **at)
{
    while (*at != NULL) {
        struct addrinfo *entry = *at;
        if (entry->ai_socktype == SOCK_RAW) {
            *at = entry->ai_next;
            entry->ai_next = NULL;
            freeaddrinfo(entry);
        } else {
            at = &entry->ai_next;
        }
    }
}

LB_WRAP(int, getaddrinfo, (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found))
{
    int status = lb_real_getaddrinfo()(node, service, hints, found);
    if (status != EAI_SERVICE || service == NULL || (service[0] >= '0' && service[0] <= '9'))
        return status;
    static const struct addrinfo usual = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG}; /* as libc's where there are none */
    struct addrinfo asked = hints == NULL ? usual : *hints;
    char stream[12], datagram[12];
    bool any = asked.ai_socktype == 0;
    bool streams = (any || asked.ai_socktype == SOCK_STREAM) && find_port(service, "tcp", stream);
    bool datagrams = (any || asked.ai_socktype == SOCK_DGRAM) && find_port(service, "udp", datagram);
    if (!streams && !datagrams)
        return status;
    if (any && streams != datagrams)
        asked.ai_socktype = streams ? SOCK_STREAM : SOCK_DGRAM;
    status = lb_real_getaddrinfo()(node, streams ? stream : datagram, &asked, found);
    if (status == 0 && asked.ai_socktype == 0)
        drop_raw(found);
    return status;
}

#ifdef __GLIBC__ /* musl has a table of its own */
static int find_protocol(const char *name, int number, struct protoent *protocol, char *space, size_t room,
                         const char *operation)
{
    struct wanted wanted = {PROTOCOLS, name, NULL, number};
    struct entry entry;
    int answer = find(&wanted, &entry, space, room, operation);
    if (answer == 0)
        *protocol = (struct protoent){entry.name, entry.aliases, entry.number};
    return answer;
}

static struct {
    struct protoent protocol;
    char space[SPACE];
} last_protocol;

LB_WRAP_POINTER(struct protoent *, getprotobyname, (const char *name))
{
    if (find_protocol(name, 0, &last_protocol.protocol, last_protocol.space, SPACE, "getprotobyname") == 0)
        return &last_protocol.protocol;
    return lb_real_getprotobyname()(name);
}

LB_WRAP_POINTER(struct protoent *, getprotobynumber, (int number))
{
    if (find_protocol(NULL, number, &last_protocol.protocol, last_protocol.space, SPACE, "getprotobynumber") == 0)
        return &last_protocol.protocol;
    return lb_real_getprotobynumber()(number);
}

LB_WRAP(int, getprotobyname_r, (const char *name, struct protoent *protocol, char *space, size_t room,
                                struct protoent **found))
{
    int answer = find_protocol(name, 0, protocol, space, room, "getprotobyname_r");
    if (answer == ENOENT)
        return unless_listed(PROTOCOLS, lb_real_getprotobyname_r()(name, protocol, space, room, found));
    *found = answer == 0 ? protocol : NULL;
    return answer;
}

LB_WRAP(int, getprotobynumber_r, (int number, struct protoent *protocol, char *space, size_t room,
                                  struct protoent **found))
{
    int answer = find_protocol(NULL, number, protocol, space, room, "getprotobynumber_r");
    if (answer == ENOENT)
        return unless_listed(PROTOCOLS, lb_real_getprotobynumber_r()(number, protocol, space, room, found));
    *found = answer == 0 ? protocol : NULL;
    return answer;
}
#endif
