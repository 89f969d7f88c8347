/* Asks for services and protocols in every way, on one line each. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void service(const char *way, const struct servent *found)
{
    if (found == NULL)
        printf("%s none\n", way);
    else
        printf("%s %s %d %s %s\n", way, found->s_name, ntohs((uint16_t)found->s_port), found->s_proto,
               found->s_aliases[0] == NULL ? "-" : found->s_aliases[0]);
}

#ifdef __GLIBC__
static void protocol(const char *way, const struct protoent *found)
{
    if (found == NULL)
        printf("%s none\n", way);
    else
        printf("%s %s %d %s\n", way, found->p_name, found->p_proto, found->p_aliases[0] == NULL ? "-" : found->p_aliases[0]);
}
#endif

static void address(const char *name, int type)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET, .ai_socktype = type}, *found = NULL;
    int status = getaddrinfo("127.0.0.1", name, &hints, &found);
    if (status != 0)
        printf("address %s\n", status == EAI_SERVICE ? "unknown" : "failed");
    else
        printf("address %d\n", ntohs(((struct sockaddr_in *)(void *)found->ai_addr)->sin_port));
}

int main(void)
{
    char space[512];
    struct servent one, *found;
    service("name", getservbyname("lb-first", "tcp"));
    service("alias", getservbyname("lb-alias", NULL));
    service("other protocol", getservbyname("lb-first", "sctp"));
    service("port", getservbyport(htons(60001), "udp"));
    printf("%d ", getservbyname_r("lb-first", "tcp", &one, space, sizeof space, &found));
    service("name_r", found);
    printf("%d ", getservbyport_r(htons(60001), NULL, &one, space + 1, sizeof space - 1, &found));
    service("port_r", found);
    printf("%d\n", getservbyname_r("lb-first", "tcp", &one, space, 9, &found) == ERANGE);
    address("lb-first", SOCK_STREAM);
    address("lb-second", SOCK_DGRAM);
    address("lb-absent", SOCK_STREAM);
#ifdef __GLIBC__
    struct protoent two, *kept;
    protocol("protocol", getprotobyname("LB-PROTOCOL"));
    protocol("number", getprotobynumber(253));
    printf("%d ", getprotobyname_r("lb-protocol", &two, space, sizeof space, &kept));
    protocol("protocol_r", kept);
    printf("%d ", getprotobynumber_r(253, &two, space, sizeof space, &kept));
    protocol("number_r", kept);
#endif
    return 0;
}
