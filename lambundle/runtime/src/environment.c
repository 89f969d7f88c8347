/* The variables of the configuration: set in the process, removed for programs of the host. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <string.h>
#include <sys/mman.h>

extern char **environ;

static const char *find_variable(char *const envp[], const char *name, size_t length)
{
    for (; envp != NULL && *envp != NULL; envp++)
        if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
            return *envp + length + 1;
    return NULL;
}

const char *lb_env_get(char *const envp[], const char *name)
{
    return find_variable(envp, name, strlen(name));
}

/* A line of the configuration, NAME=VALUE or NAME=@PATH, where @ stands for the bundle's root. */
struct setting {
    const char *name;
    size_t name_len;
    const char *root;
    size_t root_len;
    const char *rest;
};

/* The next setting in the configuration; false at the end. Starts with `name` NULL. */
static bool next_setting(struct setting *setting, const char **line)
{
    while ((*line = lb_config_next("environment", *line)) != NULL) {
        const char *equals = strchr(*line, '=');
        if (equals == NULL)
            continue;
        bool rooted = equals[1] == '@';
        *setting = (struct setting){*line, (size_t)(equals - *line), lb_state.root, rooted ? lb_state.root_len : 0,
                                    equals + 1 + rooted};
        return true;
    }
    return false;
}

static bool is_ours(const char *variable)
{
    struct setting setting;
    for (const char *line = NULL; next_setting(&setting, &line);) {
        const char *value = variable + setting.name_len + 1;
        if (strncmp(variable, setting.name, setting.name_len + 1) == 0 &&
            strncmp(value, setting.root, setting.root_len) == 0 && strcmp(value + setting.root_len, setting.rest) == 0)
            return true;
    }
    return false;
}

void lb_clean_environment(char **to, char *const envp[])
{
    for (; envp != NULL && *envp != NULL; envp++)
        if (!is_ours(*envp))
            *to++ = *envp;
    *to = NULL;
}

/* Writes NAME=VALUE; returns its end. */
static char *write_setting(char *to, const struct setting *setting)
{
    size_t rest = strlen(setting->rest) + 1;
    memcpy(to, setting->name, setting->name_len + 1);
    memcpy(to + setting->name_len + 1, setting->root, setting->root_len);
    memcpy(to + setting->name_len + 1 + setting->root_len, setting->rest, rest);
    return to + setting->name_len + 1 + setting->root_len + rest;
}

/* Files that libc opens cannot be redirected; libc finds them by these variables. Set without setenv, which a program
 * may define itself. The array replaces the one on the stack. */
void lb_set_environment(void)
{
    struct setting setting;
    size_t have = lb_count(environ), wanted = 0, text = 0;
    for (const char *line = NULL; next_setting(&setting, &line); wanted++)
        text += setting.name_len + 1 + setting.root_len + strlen(setting.rest) + 1;
    if (wanted == 0)
        return;
    size_t array = (have + wanted + 1) * sizeof(char *);
    long pages = lb_sys6(SYS_mmap, 0, (long)(array + text), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages < 0 && pages > -4096)
        return;
    char **fresh = (char **)pages, *at = (char *)pages + array;
    memcpy(fresh, environ, have * sizeof *fresh);
    for (const char *line = NULL; next_setting(&setting, &line);) {
        if (find_variable(environ, setting.name, setting.name_len) != NULL)
            continue;
        fresh[have++] = at;
        at = write_setting(at, &setting);
    }
    fresh[have] = NULL;
    environ = fresh;
}
