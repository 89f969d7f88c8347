/* A custom runtime in C, linked statically: it answers with the event, in chunks of a thousand bytes. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static FILE *connected(void)
{
    char *port = strchr(getenv("AWS_LAMBDA_RUNTIME_API"), ':') + 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* it writes in small parts */
    return fdopen(fd, "r+");
}

/* Reads a head, the request's id and the length of what follows. */
static long head(FILE *from, char *id, size_t size)
{
    char line[4096];
    long length = 0;
    while (fgets(line, sizeof line, from) != NULL && line[0] != '\r') {
        char *value = strstr(line, ": ");
        if (value == NULL)
            continue;
        value[strcspn(value, "\r")] = '\0';
        if (strncasecmp(line, "content-length", 14) == 0)
            length = atol(value + 2);
        if (strncasecmp(line, "lambda-runtime-aws-request-id", 29) == 0)
            snprintf(id, size, "%s", value + 2);
    }
    return length;
}

static void answer(FILE *to, const char *id, const char *event, long length)
{
    fprintf(to, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\n", id);
    fputs("Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n", to);
    for (long at = 0; at < length; at += 1000) {
        long size = length - at < 1000 ? length - at : 1000;
        fprintf(to, "%lx\r\n", size);
        fwrite(event + at, 1, (size_t)size, to);
        fputs("\r\n", to);
        fflush(to);
    }
    fputs("0\r\n\r\n", to);
    fflush(to);
}

int main(void)
{
    FILE *api = connected();
    for (;;) {
        char id[100] = "", nothing[100];
        fputs("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", api);
        fflush(api);
        long length = head(api, id, sizeof id);
        char *event = malloc((size_t)length + 1);
        if (event == NULL || id[0] == '\0' || fread(event, 1, (size_t)length, api) != (size_t)length)
            return 1;
        answer(api, id, event, length);
        for (length = head(api, nothing, sizeof nothing); length > 0; length--)
            fgetc(api);
        free(event);
    }
}
