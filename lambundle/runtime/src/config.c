/* The configuration: lines of KEY SPACE VALUE, written by `lambundle pack` (lambundle/pack/config.py). */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <string.h>

static void read_file(void)
{
    static const char name[] = "/runtime/config";
    struct lb_path path;
    size_t used = 0;
    if (lb_state.top_len + sizeof name > sizeof path.text)
        return;
    memcpy(path.text, lb_state.top, lb_state.top_len);
    memcpy(path.text + lb_state.top_len, name, sizeof name);
    int fd = lb_sys_open(path.text, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    while (used < sizeof lb_state.config - 1) {
        long count = lb_sys_read(fd, lb_state.config + used, sizeof lb_state.config - 1 - used);
        if (count <= 0)
            break;
        used += (size_t)count;
    }
    lb_sys_close(fd);
    lb_state.config[used] = '\0';
    lb_state.config_len = used;
}

/* Ends each line by NUL. */
static void split_lines(void)
{
    for (char *end = lb_state.config; (end = strchr(end, '\n')) != NULL;)
        *end++ = '\0';
}

const char *lb_config_next(const char *key, const char *after)
{
    size_t length = strlen(key);
    const char *line = after == NULL ? lb_state.config : after + strlen(after) + 1;
    for (const char *end = lb_state.config + lb_state.config_len; line < end; line += strlen(line) + 1)
        if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == '\0'))
            return line + length + (line[length] == ' ');
    return NULL;
}

/* Bytes of a list of directories with the root before each. */
static void measure_path(const char *list)
{
    size_t room = lb_state.root_len + 1;
    for (; *list != '\0'; list++)
        room += *list == ':' || *list == '=' ? lb_state.root_len + 1 : 1;
    if (room > lb_state.path_room)
        lb_state.path_room = room;
}

void lb_read_config(void)
{
    read_file();
    split_lines();
    const char *common = lb_config_next("library-path", NULL);
    lb_state.library_path = common == NULL ? "" : common;
    measure_path(lb_state.library_path);
    for (const char *of = NULL; (of = lb_config_next("library-path-of", of)) != NULL;)
        measure_path(of);
    lb_state.old_loader = lb_config_next("old-loader", NULL) != NULL;
    lb_state.serves_tmp = lb_config_next("serves-tmp", NULL) != NULL;
}

const char *lb_library_path_of(const char *program)
{
    size_t length = strlen(program);
    for (const char *of = NULL; (of = lb_config_next("library-path-of", of)) != NULL;)
        if (strncmp(of, program, length) == 0 && of[length] == '=')
            return of + length + 1;
    return lb_state.library_path;
}
