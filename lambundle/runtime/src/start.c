/* Before main: makes a program started through ld.so look as if the kernel had started it. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

static bool begins_with(const char *text, const char *prefix, size_t length)
{
    return strncmp(text, prefix, length) == 0;
}

static bool keep_program(const char *directory, size_t directory_length, const char *rest)
{
    size_t length = strlen(rest);
    if (directory_length + length + 1 > sizeof lb_state.program)
        return false;
    memcpy(lb_state.program, directory, directory_length);
    memcpy(lb_state.program + directory_length, rest, length + 1);
    return true;
}

/* `text` is the program as ld.so was told it: keeps the physical name of one below the bundle's root, and the name of a
 * copy elsewhere. */
static bool take_program(const char *text)
{
    static const char below[] = "/root/";
    if (begins_with(text, lb_state.given, lb_state.given_len) &&
        begins_with(text + lb_state.given_len, below, sizeof below - 1))
        return keep_program(lb_state.top, lb_state.top_len, text + lb_state.given_len);
    return text[0] == '/' && keep_program("", 0, text);
}

/* ld.so was started as `… --argv0 NAME PROGRAM ARGS`: argv[0] is NAME, and the kernel laid the strings of a
 * command line one behind the other, so the option is before it in memory, and PROGRAM follows it. Returns PROGRAM, or
 * NULL. */
static char *find_program(char **argv)
{
    static const char option[] = "--argv0";
    char *program = argv[0] + strlen(argv[0]) + 1;
    bool named = memcmp(argv[0] - sizeof option, option, sizeof option) == 0;
    return named && take_program(program) ? program : NULL;
}

#ifdef __GLIBC__
/* Older loaders know no --argv0: argv[0] is PROGRAM, and its name travels in a variable, which is removed
 * again, as is this library in LD_PRELOAD. Both strings and the array lie on the stack and are ours to edit.
 * What is kept moves up, since behind the array's end programs look for the auxiliary vector; the slots that
 * become free, where nobody looks but who counts from argv, repeat a variable that is kept. */
static void drop_variable(const char *name)
{
    size_t length = strlen(name);
    char **from = environ + lb_count(environ), **to = from;
    while (from-- > environ)
        if (!begins_with(*from, name, length) || (*from)[length] != '=')
            *--to = *from;
    for (from = environ; from < to; from++)
        *from = *to == NULL ? (char *)"" : *to;
    environ = to;
}

static void drop_own_preload(void)
{
    char *value = (char *)lb_env_get(environ, "LD_PRELOAD");
    if (value == NULL)
        return;
    size_t own = strcspn(value, " :");
    if (memmem(value, own, "liblambundle", 12) == NULL)
        return;
    if (value[own] == '\0')
        drop_variable("LD_PRELOAD");
    else
        memmove(value, value + own + 1, strlen(value + own + 1) + 1);
}

static char *find_program_of_old_loader(char **argv)
{
    const char *name = lb_env_get(environ, "LAMBUNDLE_ARGV0");
    char *program = argv[0];
    if (name == NULL || !take_program(program))
        return NULL;
    argv[0] = (char *)name;
    const char *slash = strrchr(name, '/');
    program_invocation_name = (char *)name;
    program_invocation_short_name = (char *)(slash == NULL ? name : slash + 1);
    drop_variable("LAMBUNDLE_ARGV0");
    drop_own_preload();
    return program;
}
#else
static char *find_program_of_old_loader(char **argv)
{
    return find_program(argv); /* every supported musl has --argv0 */
}
#endif

/* In another namespace (dlmopen) this library comes into a program that has started long ago: the name of the executed
 * file is then the first copy's, and no longer on the stack, where the kernel and ld.so have theirs. */
static bool has_started(char **argv)
{
    const char *file = (const char *)getauxval(AT_EXECFN);
    if (file == NULL || (unsigned long)file >= (unsigned long)argv || !lb_is_inside(file))
        return false;
    memcpy(lb_state.program, file, strlen(file) + 1); /* it is of the same size */
    return true;
}

static void start(int argc, char **argv, char **envp)
{
    lb_find();
    lb_find_getenv();
    if (lb_state.active && argc > 0 && argv[0] != NULL && has_started(argv))
        return;
    if (lb_state.active && argc > 0 && argv[0] != NULL) {
        /* Not one after the other: a first argument may lie in the bundle too. */
        char *program = lb_state.old_loader ? find_program_of_old_loader(argv) : find_program(argv);
        if (program != NULL) {
            lb_show_program(argc, argv, envp, program + strlen(program) + 1);
            lb_restore_preloads();
        }
        lb_set_environment();
    }
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_start();
}

#ifdef __GLIBC__
/* glibc hands main's own arguments to constructors. */
__attribute__((constructor)) static void lb_start(int argc, char **argv, char **envp)
{
    start(argc, argv, envp);
}
#else
/* Elsewhere they are found before the environment, where the kernel laid them: argc, argv…, NULL, envp…. */
__attribute__((constructor)) static void lb_start(void)
{
    char **argv = environ - 1;
    long argc = 0;
    while (((long *)argv)[-1] != argc && argc < 1000000) {
        argv--;
        argc++;
    }
    start((int)argc, argv, environ);
}
#endif

__attribute__((destructor)) static void lb_end(void)
{
    lb_trace_objects();
}
