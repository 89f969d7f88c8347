/* The trace: one line a record, fields separated by tabs, to the file that LAMBUNDLE_TRACE names.
 * lambundle/runtime/trace.py explains and reads the records.
 *
 * Backslash, tab, newline and bytes below 32 are written as \xHH. Each record is one write(2) to a file opened
 * for appending and closed again: the records of many processes do not mix, and no descriptor of the program's
 * is taken from it. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <link.h>
#include <string.h>

struct line {
    size_t length;
    char text[LB_RECORD_MAX];
    struct lb_path whole; /* of a path */
    struct lb_memory memory;
};

static void add_char(struct line *line, char character)
{
    if (line->length < sizeof line->text - 1)
        line->text[line->length++] = character;
}

static void add_plain(struct line *line, const char *text)
{
    while (*text != '\0')
        add_char(line, *text++);
}

static void add_field(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    add_char(line, '\t');
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 32 && byte != '\\') {
            add_char(line, (char)byte);
        } else {
            add_plain(line, "\\x");
            add_char(line, digits[byte >> 4]);
            add_char(line, digits[byte & 15]);
        }
    }
}

/* A record in memory of its own, since the stack may be small; NULL without any. */
static struct line *begin(const char *kind)
{
    struct lb_memory memory;
    struct line *line = lb_take_memory(&memory, sizeof *line);
    if (line == NULL)
        return NULL;
    line->memory = memory;
    line->length = (size_t)(lb_decimal(line->text, lb_sys_getpid()) - line->text);
    add_field(line, kind);
    return line;
}

static void finish(struct line *line)
{
    struct lb_memory memory = line->memory;
    int fd = lb_sys_open(lb_state.trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd >= 0) {
        line->text[line->length++] = '\n'; /* add_char leaves room for it */
        lb_sys_write(fd, line->text, line->length);
        lb_sys_close(fd);
    }
    lb_free_memory(&memory);
}

void lb_trace_lookup(int directory, const char *path, bool served, bool exists, const char *operation)
{
    struct line *line = begin("lookup");
    if (line == NULL)
        return;
    const char *whole = lb_absolute(directory, path, &line->whole);
    add_field(line, !exists ? "nowhere" : served || lb_is_inside(whole) ? "bundle" : "host");
    add_field(line, operation);
    add_field(line, whole);
    finish(line);
}

void lb_trace_exec(const char *path, const char *where)
{
    struct line *line = begin("exec");
    if (line == NULL)
        return;
    add_field(line, where);
    add_field(line, lb_absolute(AT_FDCWD, path, &line->whole));
    finish(line);
}

static void record(const char *kind, const char *state, const char *name)
{
    struct line *line = begin(kind);
    if (line == NULL)
        return;
    if (state != NULL)
        add_field(line, state);
    add_field(line, name);
    finish(line);
}

void lb_trace_start(void)
{
    record("start", NULL, lb_state.program);
}

void lb_trace_variable(const char *name, bool set)
{
    record("env", set ? "set" : "unset", name);
}

static int trace_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (info->dlpi_name != NULL && info->dlpi_name[0] == '/')
        record("object", NULL, info->dlpi_name);
    return 0;
}

void lb_trace_objects(void)
{
    /* A vfork child shares its parent's memory: the mapped objects are the parent's. */
    if (lb_state.tracing && lb_sys_getpid() == lb_state.pid)
        dl_iterate_phdr(trace_object, NULL);
}
