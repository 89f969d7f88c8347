/* Scripts: shebangs, and the arguments of their interpreters. */
#define _GNU_SOURCE
#include "launch.h"

#include <string.h>

/* An interpreter of the host's finds a script of the bundle only by its full name. The first may be named by a
 * path of any length; the others' names stood in a script. */
void lb_name_scripts(struct work *work)
{
    struct lb_path *buffer = &work->loader; /* no loader is needed */
    for (size_t i = 0; i < work->scripts; i++) {
        char *name = *work->script[i];
        const char *served = lb_find_in_bundle(name, buffer);
        if (served == name || (i > 0 && strlen(served) >= lb_state.root_len + LB_SHEBANG))
            continue;
        *work->script[i] = i == 0 ? buffer->text : lb_joined(work, served, "", "");
        buffer = &work->real;
    }
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static char *next_word(char **at)
{
    char *word = *at;
    while (is_blank(*word))
        word++;
    char *end = word;
    while (*end != '\0' && !is_blank(*end))
        end++;
    if (*end != '\0')
        *end++ = '\0';
    *at = end;
    return word;
}

/* The words after `env`: the whole argument is one, unless it begins with -S. Returns how many there are. The
 * argument stays whole: the host's env may have to be given it. */
static size_t split_for_env(struct work *work, char *argument, char **words)
{
    size_t count = 0;
    if (strncmp(argument, "-S", 2) != 0) {
        words[0] = argument;
        return *argument != '\0';
    }
    if (strpbrk(argument, "'\"\\$#") != NULL) /* env's own business; pack adds it for such a script */
        return 0;
    for (char *rest = lb_joined(work, argument + 2, "", ""); count < LB_SPLIT_WORDS; count++) {
        words[count] = next_word(&rest);
        if (*words[count] == '\0')
            break;
    }
    return count;
}

/* `#!/usr/bin/env NAME` and `env -S NAME ARGS` in a bundle without env: the host's would not find NAME in the bundle.
 * Other options are left to the host's env. Returns the program's path. */
static const char *search_for_env(struct work *work, const char *interpreter, char *argument)
{
    char **words = work->words;
    size_t count;
    struct lb_path *unused = &work->loader;
    bool denied;
    if (work->searched ||
        (strcmp(interpreter, "/usr/bin/env") != 0 && strcmp(interpreter, "/bin/env") != 0) ||
        lb_find_in_bundle(interpreter, unused) != interpreter)
        return NULL;
    count = split_for_env(work, argument, words);
    if (count == 0 || words[0][0] == '-' || strchr(words[0], '=') != NULL || strchr(words[0], '/') != NULL)
        return NULL;
    const char *path = lb_search_path(words[0], lb_env_get(work->given_envp, "PATH"), work->found.text,
                                      sizeof work->found.text, &denied);
    if (path == NULL || lb_find_in_bundle(path, unused) == path)
        return NULL;
    work->searched = true;
    while (count > 0)
        lb_prepend(work, words[--count]);
    return path;
}

/* A copy of the first line, without its end, cut off where the kernel does. */
static char *take_line(struct work *work, size_t *length)
{
    char *line = lb_take(work, LB_SHEBANG);
    size_t have = (size_t)(work->head_length < LB_SHEBANG - 1 ? work->head_length : LB_SHEBANG - 1);
    memcpy(line, work->head, have);
    line[have] = '\0';
    *length = strcspn(line, "\n");
    line[*length] = '\0';
    return line;
}

static char *trimmed(char *text)
{
    while (is_blank(*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && is_blank(end[-1]))
        *--end = '\0';
    return text;
}

/* Reads `#! INTERPRETER [ARGUMENT]` as the kernel does (fs/binfmt_script.c): the argument is one word, with its
 * inner blanks. Puts both before the script's path; returns the interpreter's, or NULL. */
const char *lb_read_shebang(struct work *work, const char *script)
{
    size_t length;
    char *line = take_line(work, &length), *at = line + 2;
    char *interpreter = next_word(&at);
    if (length == LB_SHEBANG - 1 && at == line + length) /* cut off: the kernel would not start half a name either */
        return NULL;
    if (*interpreter == '\0')
        return NULL;
    at = trimmed(at);
    work->launch->argv[0] = (char *)script;
    if (work->scripts < LB_NESTED_SCRIPTS)
        work->script[work->scripts++] = &work->launch->argv[0];
    const char *program = search_for_env(work, interpreter, at);
    if (program != NULL)
        return program;
    if (*at != '\0')
        lb_prepend(work, at);
    lb_prepend(work, interpreter);
    return interpreter;
}
