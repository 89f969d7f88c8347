/* LD_PRELOAD and LD_AUDIT: ld.so takes a name with a slash as it stands. A program of the bundle is started with the
 * bundle's paths, and its constructor gives the variable back as it was; a program of the host gets only what the host
 * has. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <string.h>

extern char **environ;

struct list {
    const char *name;
    size_t length;
    const char *separators; /* ld.so(8) */
};

static const struct list lists[] = {{"LD_PRELOAD=", 11, " :"}, {"LD_AUDIT=", 9, ":"}};

enum { LISTS = sizeof lists / sizeof *lists, LONGEST_LIB = 32 };

/* The values that $LIB has on Linux distributions. */
static const char *const libs[] = {
#if defined(__x86_64__)
    "lib/x86_64-linux-gnu",
#else
    "lib/aarch64-linux-gnu",
#endif
    "lib64", "lib"};

static bool is_list(const char *variable, const struct list *list)
{
    return strncmp(variable, list->name, list->length) == 0;
}

/* Bytes for a list with the root before each element, and once more for the element that is being looked at. */
static size_t room(const char *value)
{
    size_t elements = 2;
    for (const char *at = value; *at != '\0'; at++)
        elements += *at == ' ' || *at == ':';
    return 2 * strlen(value) + elements * (lb_state.root_len + LONGEST_LIB) + LB_HEAD;
}

size_t lb_preload_size(char *const envp[])
{
    size_t size = 0;
    for (char *const *at = envp; at != NULL && *at != NULL; at++)
        for (size_t i = 0; i < LISTS; i++)
            if (is_list(*at, &lists[i]))
                size += 2 * (room(*at) + lb_state.root_len) + LB_HEAD; /* with the runtime before it, see loader.c */
    return size;
}

static char *append(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

/* Writes an element below the root with `lib` in the place of the token at `token`; its end, or NULL where the bundle
 * has no such file. */
static char *write_with(char *to, const char *element, size_t length, const char *token, size_t token_length,
                        const char *lib)
{
    char *path = append(to, lb_state.root, lb_state.root_len), *end = path;
    if (token == NULL) {
        end = append(end, element, length);
    } else {
        const char *rest = token + token_length;
        end = append(end, element, (size_t)(token - element));
        end = append(end, lib, strlen(lib));
        end = append(end, rest, (size_t)(element + length - rest));
    }
    *end = '\0';
    bool served = !lb_is_inside(path) && lb_may_be_served(path) && lb_sys_access(to, F_OK) == 0;
    return served ? end : NULL;
}

/* Writes an element below the root; its end, or NULL where the bundle does not have it. */
static char *write_served(char *to, const char *element, size_t length)
{
    static const char *const tokens[] = {"$LIB/", "${LIB}/"};
    if (*element != '/' || length >= PATH_MAX)
        return NULL;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        size_t token_length = strlen(tokens[i]);
        const char *token = memmem(element, length, tokens[i], token_length);
        for (size_t j = 0; token != NULL && j < sizeof libs / sizeof *libs; j++) {
            if (write_with(to, element, length, token, token_length - 1, libs[j]) != NULL)
                return append(to + lb_state.root_len, element, length); /* ld.so knows which of them it is */
        }
    }
    return write_with(to, element, length, NULL, 0, NULL);
}

/* Whether only the bundle has the file of an element; `space` is free. */
static bool is_only_bundled(char *space, const char *element, size_t length)
{
    if (*element != '/' || length >= PATH_MAX)
        return false;
    *append(space, element, length) = '\0';
    if (lb_is_inside(space))
        return true;
    return lb_sys_access(space, F_OK) != 0 && write_served(space, element, length) != NULL;
}

/* A path with a separator in it cannot be in a list: ld.so then searches for the name. */
static char *bare_name(char *to, const char *element, size_t length)
{
    const char *slash = memrchr(element, '/', length);
    return append(to, slash + 1, (size_t)(element + length - slash - 1));
}

static char *served_list(struct work *work, const char *value, const struct list *list)
{
    char *text = lb_take(work, room(value) + list->length), *to = append(text, list->name, list->length);
    bool whole = strpbrk(lb_state.root, list->separators) == NULL;
    while (*value != '\0') {
        size_t length = strcspn(value, list->separators);
        char *end = write_served(to, value, length);
        if (end == NULL)
            to = append(to, value, length);
        else
            to = whole ? end : bare_name(to, value, length);
        value += length;
        if (*value != '\0')
            *to++ = *value++;
    }
    *to = '\0';
    return text;
}

static char *host_list(struct work *work, const char *value, const struct list *list)
{
    char *text = lb_take(work, room(value) + list->length), *start = append(text, list->name, list->length), *to = start;
    while (*value != '\0') {
        size_t length = strcspn(value, list->separators);
        if (length > 0 && !is_only_bundled(to + 1, value, length)) {
            if (to != start)
                *to++ = ':';
            to = append(to, value, length);
        }
        value += length + (value[length] != '\0');
    }
    *to = '\0';
    return to == start ? NULL : text;
}

void lb_serve_preloads(struct work *work)
{
    for (char **at = work->environment; *at != NULL; at++)
        for (size_t i = 0; i < LISTS; i++)
            if (is_list(*at, &lists[i]) && strchr(*at, '/') != NULL)
                *at = served_list(work, *at + lists[i].length, &lists[i]);
}

void lb_drop_preloads(struct work *work)
{
    char **to = work->environment;
    for (char **at = to; *at != NULL; at++) {
        char *kept = *at;
        for (size_t i = 0; i < LISTS; i++)
            if (is_list(*at, &lists[i]) && strchr(*at, '/') != NULL)
                kept = host_list(work, *at + lists[i].length, &lists[i]);
        if (kept != NULL)
            *to++ = kept;
    }
    *to = NULL;
}

char *lb_preload_argument(struct work *work, const char *runtime)
{
    const char *asked = lb_env_get(work->given_envp, "LD_PRELOAD");
    if (asked == NULL || *asked == '\0')
        return (char *)runtime;
    return lb_joined(work, served_list(work, asked, &lists[0]) + lists[0].length, ":", runtime);
}

/* ---- in the program that was started ---- */

static size_t root_before(const char *element)
{
    static const char below[] = "/root/";
    if (strncmp(element, lb_state.root, lb_state.root_len) == 0 && element[lb_state.root_len] == '/')
        return lb_state.root_len;
    if (strncmp(element, lb_state.given, lb_state.given_len) == 0 &&
        strncmp(element + lb_state.given_len, below, sizeof below - 1) == 0)
        return lb_state.given_len + sizeof below - 2;
    return 0;
}

/* In place: the strings lie on the stack and are ours to edit, as /proc/self/environ shows them. */
static void restore(char *value, const char *separators)
{
    char *to = value, *end = value + strlen(value);
    for (const char *at = value; *at != '\0';) {
        at += root_before(at);
        size_t length = strcspn(at, separators);
        memmove(to, at, length);
        to += length;
        at += length;
        if (*at != '\0')
            *to++ = *at++;
    }
    memset(to, 0, (size_t)(end - to));
}

void lb_restore_preloads(void)
{
    for (char **at = environ; at != NULL && *at != NULL; at++)
        for (size_t i = 0; i < LISTS; i++)
            if (LB_UNLIKELY(is_list(*at, &lists[i])))
                restore(*at + lists[i].length, lists[i].separators);
}
