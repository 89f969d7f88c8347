/* Another process of the bundle: to the kernel it runs the loader. */
#define _GNU_SOURCE
#include "lb.h"
#include "procstat.h"
#include "sys.h"

#include <string.h>

struct reader {
    int fd;
    long at, have;
    char bytes[512];
};

/* The text up to `end`, cut off where it is too long; false at the end of the file. */
static bool next_text(struct reader *reader, char end, struct lb_path *text)
{
    size_t length = 0;
    for (;;) {
        if (reader->at >= reader->have) {
            reader->at = 0;
            reader->have = lb_sys_read(reader->fd, reader->bytes, sizeof reader->bytes);
            if (reader->have <= 0)
                return false;
        }
        char byte = reader->bytes[reader->at++];
        if (byte == end) {
            text->text[length] = '\0';
            return true;
        }
        if (length < sizeof text->text - 1)
            text->text[length++] = byte;
    }
}

/* Until its runtime has run: LOADER [--inhibit-cache] [--OPTION VALUE]… PROGRAM …, as launchers and launch.c write it. */
static bool find_in_command_line(struct reader *line, struct lb_path *text)
{
    if (!next_text(line, '\0', text) || !lb_is_loader(text->text, strlen(text->text)))
        return false;
    while (next_text(line, '\0', text)) {
        if (strncmp(text->text, "--", 2) != 0)
            return lb_is_inside(text->text);
        if (strcmp(text->text, "--inhibit-cache") != 0 && !next_text(line, '\0', text))
            return false;
    }
    return false;
}

static unsigned long take_hexadecimal(const char **at)
{
    unsigned long number = 0;
    for (; (**at >= '0' && **at <= '9') || (**at >= 'a' && **at <= 'f'); ++*at)
        number = number * 16 + (unsigned long)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
    return number;
}

/* START-END PERMISSIONS OFFSET DEVICE INODE PATH: the file that holds the program's code. */
static bool find_in_maps(struct reader *maps, unsigned long code, struct lb_path *text)
{
    while (next_text(maps, '\n', text)) {
        const char *at = text->text;
        unsigned long start = take_hexadecimal(&at), end = *at == '-' ? (at++, take_hexadecimal(&at)) : 0;
        if (code < start || code >= end)
            continue;
        at = strchr(at, '/');
        if (at == NULL || !lb_is_inside(at) || lb_is_loader(at, strlen(at)))
            return false;
        memmove(text->text, at, strlen(at) + 1);
        return true;
    }
    return false;
}

/* `directory` is a directory of /proc with a slash at its end, and `length` its length. */
static bool open_entry(struct reader *reader, struct lb_path *directory, size_t length, const char *name)
{
    strcpy(directory->text + length, name);
    *reader = (struct reader){.fd = lb_sys_open(directory->text, O_RDONLY | O_CLOEXEC, 0)};
    return reader->fd >= 0;
}

bool lb_find_program_of(const char *exe, struct lb_path *program)
{
    struct lb_path directory;
    struct reader reader;
    unsigned long fields[LB_STAT_FIELDS];
    size_t length = strlen(exe) - strlen("exe");
    bool found;
    if (length + sizeof "cmdline" > sizeof directory.text)
        return false;
    memcpy(directory.text, exe, length);
    if (!open_entry(&reader, &directory, length, "cmdline"))
        return false;
    found = find_in_command_line(&reader, program);
    lb_sys_close(reader.fd);
    strcpy(directory.text + length, "stat");
    if (found || !lb_read_stat(directory.text, fields) || !open_entry(&reader, &directory, length, "maps"))
        return found;
    found = find_in_maps(&reader, fields[LB_STAT_START_CODE], program);
    lb_sys_close(reader.fd);
    return found;
}
