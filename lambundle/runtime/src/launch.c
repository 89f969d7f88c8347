/* Starting programs.
 *
 * A dynamic program of the bundle is started through the bundle's loader with this runtime, a script through
 * the interpreter in the bundle, a static program of the bundle directly, and anything else as the host would,
 * with nothing of the bundle in its environment. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr Header;
typedef Elf64_Phdr Segment;
#define LB_CLASS ELFCLASS64
#else
#error "lambundle's runtime knows 64-bit machines"
#endif

#if defined(__x86_64__)
#define LB_MACHINE EM_X86_64
#else
#define LB_MACHINE EM_AARCH64
#endif

enum {
    HEAD = 1024,          /* enough for the header and the segments of nearly every program */
    SHEBANG = 256,        /* BINPRM_BUF_SIZE: what the kernel reads */
    NESTED_SCRIPTS = 5,   /* as the kernel allows */
    SPLIT_WORDS = 8,      /* words of `#!/usr/bin/env -S` that are looked at */
    FRONT = 12 + NESTED_SCRIPTS * (2 + SPLIT_WORDS), /* arguments put before the caller's */
    EXTRA_VARIABLES = 3,
    ASKED_MAX = 65536, /* of LD_LIBRARY_PATH: one argument may have twice that (MAX_ARG_STRLEN) */
};

struct work {
    struct lb_launch *launch;
    char *const *given_envp;
    char *space; /* what is left of the scratch space */
    char **environment;
    size_t front; /* unused slots before launch->argv */
    int fd;
    long head_length;
    bool searched;           /* `found` is taken: only one `env` of a chain of scripts is seen through */
    size_t scripts;          /* how many of `script` are taken */
    char **script[NESTED_SCRIPTS]; /* the arguments that name scripts */
    struct lb_path served;   /* the file being looked at */
    struct lb_path real;     /* the program, every link followed */
    struct lb_path loader;
    struct lb_path found;    /* on PATH, for env */
    char head[HEAD];
};

size_t lb_count(char *const strings[])
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    return count;
}

/* Upper bound of a --library-path: the configured directories, LD_LIBRARY_PATH's, the runtime's own. */
static size_t library_path_size(char *const envp[])
{
    size_t size = lb_state.path_room + 2 * (lb_state.root_len + 16);
    const char *asked = lb_env_get(envp, "LD_LIBRARY_PATH");
    for (; asked != NULL && *asked != '\0'; asked++)
        size += *asked == ':' || *asked == ';' ? lb_state.root_len + 1 : 1;
    return size;
}

size_t lb_prepare_size(char *const argv[], char *const envp[])
{
    if (LB_UNLIKELY(!lb_state.found))
        lb_find();
    size_t pointers = lb_count(argv) + lb_count(envp) + FRONT + EXTRA_VARIABLES + 4;
    size_t texts = library_path_size(envp) + (NESTED_SCRIPTS + 2) * SHEBANG + 512;
    texts += NESTED_SCRIPTS * (lb_state.root_len + SHEBANG); /* where the scripts are */
    const char *preload = lb_env_get(envp, "LD_PRELOAD");
    if (preload != NULL)
        texts += strlen(preload);
    if (lb_state.tracing)
        texts += PATH_MAX;
    if (argv != NULL && argv[0] != NULL)
        texts += strlen(argv[0]);
    return pointers * sizeof(char *) + texts + sizeof(struct work);
}

static void *take(struct work *work, size_t size)
{
    char *result = work->space;
    work->space += (size + 7) & ~(size_t)7;
    return result;
}

static void prepend(struct work *work, const char *argument)
{
    if (work->front > 0) {
        work->front--;
        *--work->launch->argv = (char *)argument;
    }
}

/* ---- environments ---- */

static bool is_ours(const char *variable)
{
    for (size_t i = 0; lb_state.environment[i] != NULL; i++)
        if (strcmp(variable, lb_state.environment[i]) == 0)
            return true;
    return false;
}

void lb_clean_environment(char **to, char *const envp[])
{
    for (; envp != NULL && *envp != NULL; envp++)
        if (!is_ours(*envp))
            *to++ = *envp;
    *to = NULL;
}

static char *joined(struct work *work, const char *first, const char *second, const char *third)
{
    size_t a = strlen(first), b = strlen(second), c = strlen(third);
    char *text = take(work, a + b + c + 1);
    memcpy(text, first, a);
    memcpy(text + a, second, b);
    memcpy(text + a + b, third, c + 1);
    return text;
}

#ifndef LB_GLIBC_RUNTIME /* a build with sanitizers needs their library loaded before */
#define LB_GLIBC_RUNTIME "liblambundle-glibc.so"
#endif

static const char *runtime_name(bool musl)
{
    return musl ? "liblambundle-musl.so" : LB_GLIBC_RUNTIME;
}

/* For a program of the bundle. A loader without --argv0 and --preload is told by variables, and a trace goes on
 * even where the program clears its children's environment. */
static void bundle_environment(struct work *work, const char *name, bool musl)
{
    char **to = work->environment;
    bool old = lb_state.old_loader && !musl;
    const char *preload = lb_env_get(work->given_envp, "LD_PRELOAD");
    for (char *const *from = work->given_envp; from != NULL && *from != NULL; from++)
        if (!old || strncmp(*from, "LD_PRELOAD=", 11) != 0)
            *to++ = *from;
    if (old) {
        char *text = joined(work, "LD_PRELOAD=", runtime_name(false), preload == NULL ? "" : ":");
        *to++ = preload == NULL ? text : joined(work, text, preload, "");
        *to++ = joined(work, "LAMBUNDLE_ARGV0=", name, "");
    }
    if (lb_state.tracing && lb_env_get(work->given_envp, "LAMBUNDLE_TRACE") == NULL)
        *to++ = joined(work, "LAMBUNDLE_TRACE=", lb_state.trace, "");
    *to = NULL;
    work->launch->envp = work->environment;
}

/* ---- the loader's command line ---- */

static char *append(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

/* The directories of LD_LIBRARY_PATH that the bundle holds come first, as they would at home; the others are the
 * host's and must not reach a program of the bundle (on Lambda the variable begins with /lib64). */
static char *append_asked(char *to, struct work *work)
{
    const char *at = lb_env_get(work->given_envp, "LD_LIBRARY_PATH"), *start = to;
    while (at != NULL && *at != '\0' && to - start < ASKED_MAX) {
        size_t length = strcspn(at, ":;");
        if (*at == '/') {
            char *end = append(append(to, lb_state.root, lb_state.root_len), at, length);
            *end = '\0';
            if (lb_is_inside(to + lb_state.root_len)) {
                to = append(to, at, length);
                *to++ = ':';
            } else if (lb_may_be_served(to + lb_state.root_len) && lb_sys_access(to, F_OK) == 0) {
                to = end;
                *to++ = ':';
            }
        }
        at += length + (at[length] != '\0');
    }
    return to;
}

static char *library_path(struct work *work)
{
    char *text = take(work, library_path_size(work->given_envp)), *to = append_asked(text, work);
    for (const char *at = lb_library_path_of(work->real.text + lb_state.root_len); *at != '\0';) {
        size_t length = strcspn(at, ":");
        to = append(to, lb_state.root, lb_state.root_len);
        to = append(to, at, length);
        *to++ = ':';
        at += length + (at[length] != '\0');
    }
    to = append(to, lb_state.top, lb_state.top_len);
    to = append(to, "/runtime", 9);
    return text;
}

static bool is_musl(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    return strncmp(slash == NULL ? interpreter : slash + 1, "ld-musl-", 8) == 0;
}

/* Puts `LOADER --library-path … PROGRAM` in the place of argv[0]. */
static void through_loader(struct work *work, const char *interpreter, const char *loader)
{
    bool musl = is_musl(interpreter), old = lb_state.old_loader && !musl;
    char *name = work->launch->argv[0];
    char *path = library_path(work);
    bundle_environment(work, name, musl);
    work->launch->argv[0] = work->real.text;
    if (!old) {
        prepend(work, name);
        prepend(work, "--argv0");
        prepend(work, runtime_name(musl));
        prepend(work, "--preload");
    }
    prepend(work, path);
    prepend(work, "--library-path");
    if (!musl)
        prepend(work, "--inhibit-cache");
    prepend(work, loader);
    work->launch->file = loader;
}

/* ---- looking at the file ---- */

static bool read_real_path(struct work *work)
{
    char link[40] = "/proc/self/fd/";
    size_t at = 14, count = 0;
    char digits[12];
    for (int rest = work->fd; count == 0 || rest > 0; rest /= 10)
        digits[count++] = (char)('0' + rest % 10);
    while (count > 0)
        link[at++] = digits[--count];
    link[at] = '\0';
    long length = lb_sys_readlink(link, work->real.text, sizeof work->real.text - 1);
    if (length <= 0)
        return false;
    work->real.text[length] = '\0';
    return true;
}

static bool read_at(struct work *work, void *to, size_t size, unsigned long offset)
{
    if (work->head_length > 0 && offset + size <= (unsigned long)work->head_length) {
        memcpy(to, work->head + offset, size);
        return true;
    }
    return offset < (1UL << 62) && lb_sys_pread(work->fd, to, size, (long)offset) == (long)size;
}

/* Reads PT_INTERP into `interpreter`; false for a static program, or one of another machine. */
static bool read_interpreter(struct work *work, char *interpreter, size_t size)
{
    Header header;
    Segment segment;
    if (!read_at(work, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != LB_CLASS || header.e_machine != LB_MACHINE ||
        header.e_phentsize != sizeof segment)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_at(work, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
            return false;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz == 0 || segment.p_filesz >= size ||
            !read_at(work, interpreter, segment.p_filesz, segment.p_offset))
            return false;
        interpreter[segment.p_filesz] = '\0';
        return interpreter[0] == '/';
    }
    return false;
}

/* An interpreter of the host's finds a script of the bundle only by its full name. The first may be named by a
 * path of any length; the others' names stood in a script. */
static void name_scripts(struct work *work)
{
    struct lb_path *buffer = &work->loader; /* no loader is needed */
    for (size_t i = 0; i < work->scripts; i++) {
        char *name = *work->script[i];
        const char *served = lb_find_in_bundle(name, buffer);
        if (served == name || (i > 0 && strlen(served) >= lb_state.root_len + SHEBANG))
            continue;
        *work->script[i] = i == 0 ? buffer->text : joined(work, served, "", "");
        buffer = &work->real;
    }
}

static int natively(struct work *work, const char *file, const char *where)
{
    name_scripts(work);
    lb_clean_environment(work->environment, work->given_envp);
    work->launch->envp = work->environment;
    work->launch->file = file;
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(file, where);
    return 0;
}

static int start_program(struct work *work, const char *file)
{
    char *interpreter = take(work, SHEBANG);
    if (!read_real_path(work) || !lb_is_inside(work->real.text))
        return natively(work, file, "host");
    if (!read_interpreter(work, interpreter, SHEBANG))
        return natively(work, file, "static");
    const char *loader = lb_find_in_bundle(interpreter, &work->loader);
    if (loader == interpreter)
        return natively(work, file, "static");
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(work->real.text, "bundle");
    through_loader(work, interpreter, loader);
    return 0;
}

/* ---- scripts ---- */

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

/* `#!/usr/bin/env NAME` and `env -S NAME ARGS` where the bundle has no env of its own: the host's would not
 * find NAME in the bundle. Anything more special is left to the host's env. Returns the program's path. */
static const char *search_for_env(struct work *work, const char *interpreter, char *argument)
{
    char *words[SPLIT_WORDS];
    size_t count = 0;
    struct lb_path unused;
    bool denied;
    if (work->searched ||
        (strcmp(interpreter, "/usr/bin/env") != 0 && strcmp(interpreter, "/bin/env") != 0) ||
        lb_find_in_bundle(interpreter, &unused) != interpreter)
        return NULL;
    bool split = strncmp(argument, "-S", 2) == 0;
    char *rest = split ? argument + 2 : argument;
    while (count < (split ? SPLIT_WORDS : 1) && *rest != '\0') {
        words[count] = split ? next_word(&rest) : rest;
        if (!split)
            rest += strlen(rest);
        if (*words[count] == '\0')
            break;
        count++;
    }
    if (count == 0 || words[0][0] == '-' || strchr(words[0], '=') != NULL || strchr(words[0], '/') != NULL)
        return NULL;
    const char *path = lb_search_path(words[0], lb_env_get(work->given_envp, "PATH"), &work->found, &denied);
    if (path == NULL || lb_find_in_bundle(path, &unused) == path)
        return NULL;
    work->searched = true;
    while (count > 0)
        prepend(work, words[--count]);
    return path;
}

/* Reads `#! INTERPRETER [ARGUMENT]` as the kernel does (fs/binfmt_script.c): the argument is one word, with its
 * inner blanks. Puts both before the script's path; returns the interpreter's, or NULL. */
static const char *read_shebang(struct work *work, const char *script)
{
    char *line = take(work, SHEBANG);
    size_t length = (size_t)(work->head_length < SHEBANG - 1 ? work->head_length : SHEBANG - 1);
    memcpy(line, work->head, length);
    line[length] = '\0';
    size_t end_of_line = strcspn(line, "\n");
    bool cut_off = end_of_line == SHEBANG - 1;
    line[end_of_line] = '\0';
    char *at = line + 2;
    char *interpreter = next_word(&at);
    if (cut_off && at == line + end_of_line) /* the kernel would not start half a name either */
        return NULL;
    while (is_blank(*at))
        at++;
    char *end = at + strlen(at);
    while (end > at && is_blank(end[-1]))
        *--end = '\0';
    if (*interpreter == '\0')
        return NULL;
    work->launch->argv[0] = (char *)script;
    if (work->scripts < NESTED_SCRIPTS)
        work->script[work->scripts++] = &work->launch->argv[0];
    const char *program = search_for_env(work, interpreter, at);
    if (program != NULL)
        return program;
    if (*at != '\0')
        prepend(work, at);
    prepend(work, interpreter);
    return interpreter;
}

/* ---- the whole ---- */

static int open_and_read(struct work *work, const char *file)
{
    int allowed = lb_sys_access(file, X_OK);
    if (allowed < 0)
        return allowed;
    work->fd = lb_sys_open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0); /* it may be a pipe */
    if (work->fd >= 0)
        work->head_length = lb_sys_read(work->fd, work->head, sizeof work->head);
    return 0;
}

static int prepare(struct work *work, const char *path)
{
    for (int depth = 0; depth <= NESTED_SCRIPTS; depth++) {
        const char *file = lb_lookup(AT_FDCWD, path, &work->served, "execve");
        int failed = open_and_read(work, file);
        if (failed < 0)
            return failed;
        if (work->fd < 0) /* executable but not readable: only the kernel can start it */
            return natively(work, file, "host");
        bool script = work->head_length > 2 && work->head[0] == '#' && work->head[1] == '!';
        if (!script) {
            int result = start_program(work, file);
            lb_sys_close(work->fd);
            return result;
        }
        lb_sys_close(work->fd);
        path = read_shebang(work, path);
        if (path == NULL)
            return -ENOEXEC;
    }
    return -ELOOP;
}

int lb_prepare(struct lb_launch *launch, char *space, const char *path, char *const argv[],
               char *const envp[])
{
    struct work *work = (struct work *)space;
    size_t argc = lb_count(argv);
    work->launch = launch;
    work->given_envp = envp;
    work->searched = false;
    work->scripts = 0;
    work->front = FRONT;
    work->head_length = 0;
    work->space = space + sizeof *work;
    launch->argv = (char **)take(work, (FRONT + argc + 2) * sizeof(char *)) + FRONT;
    work->environment = take(work, (lb_count(envp) + EXTRA_VARIABLES + 1) * sizeof(char *));
    for (size_t i = 0; i < argc; i++)
        launch->argv[i] = argv[i];
    if (argc == 0) /* as Linux since 5.18: a program always has a name */
        launch->argv[argc++] = (char *)"";
    launch->argv[argc] = NULL;
    if (!lb_state.active) {
        launch->file = path;
        launch->envp = (char **)envp;
        if (LB_UNLIKELY(lb_state.tracing) && path != NULL)
            lb_trace_exec(path, "host");
        return 0;
    }
    if (path == NULL)
        return -EFAULT;
    return prepare(work, path);
}

int lb_exec(const char *path, char *const argv[], char *const envp[])
{
    struct lb_launch launch;
    char space[lb_prepare_size(argv, envp)] __attribute__((aligned(16)));
    int failed = lb_prepare(&launch, space, path, argv, envp);
    if (failed < 0)
        return failed;
    lb_trace_objects();
    return lb_sys_execve(launch.file, launch.argv, launch.envp);
}

/* ---- PATH ---- */

static const char default_path[] = "/bin:/usr/bin"; /* confstr(_CS_PATH), the other way round since merged-/usr */

/* One candidate of PATH in `buffer`; moves `*at` on. NULL when it is too long. */
static const char *candidate(const char **at, const char *file, struct lb_path *buffer)
{
    size_t length = strcspn(*at, ":"), name = strlen(file);
    const char *directory = *at;
    *at += length + ((*at)[length] != '\0' ? 1 : 0);
    if (length + name + 2 > sizeof buffer->text)
        return NULL;
    memcpy(buffer->text, directory, length);
    if (length > 0) /* an empty element is the working directory */
        buffer->text[length++] = '/';
    memcpy(buffer->text + length, file, name + 1);
    return buffer->text;
}

static const char *search_start(const char *search)
{
    return search == NULL ? default_path : search;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lb_sys6(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) == 0 && S_ISDIR(status.st_mode);
}

const char *lb_search_path(const char *file, const char *search, struct lb_path *buffer, bool *denied)
{
    struct lb_path served;
    const char *at = search_start(search);
    bool last = file[0] == '\0';
    *denied = false;
    while (!last) {
        last = at[strcspn(at, ":")] == '\0';
        const char *path = candidate(&at, file, buffer);
        if (path == NULL)
            continue;
        const char *found = lb_find_in_bundle(path, &served);
        int failed = lb_sys_access(found, X_OK);
        if (failed == 0 && !is_directory(found))
            return path;
        *denied |= failed == 0 || failed == -EACCES;
    }
    return NULL;
}

/* A file that the kernel does not know is a shell script (execvp(3)). */
static int exec_or_shell(const char *path, char *const argv[], char *const envp[])
{
    int failed = lb_exec(path, argv, envp);
    if (failed != -ENOEXEC)
        return failed;
    size_t argc = lb_count(argv);
    char *shell[argc + 3];
    shell[0] = (char *)"/bin/sh";
    shell[1] = (char *)path;
    for (size_t i = 1; i <= argc; i++)
        shell[i + 1] = argv[i];
    shell[argc == 0 ? 2 : argc + 1] = NULL;
    return lb_exec(shell[0], shell, envp);
}

int lb_exec_search(const char *file, char *const argv[], char *const envp[])
{
    struct lb_path buffer;
    bool denied = false, last = false;
    if (file[0] == '\0')
        return -ENOENT;
    if (strchr(file, '/') != NULL)
        return exec_or_shell(file, argv, envp);
    for (const char *at = search_start(lb_env_get(environ, "PATH")); !last;) {
        last = at[strcspn(at, ":")] == '\0';
        const char *path = candidate(&at, file, &buffer);
        if (path == NULL)
            continue;
        int failed = exec_or_shell(path, argv, envp);
        if (failed == -EACCES)
            denied = true;
        else if (failed != -ENOENT && failed != -ENOTDIR && failed != -ESTALE && failed != -ENODEV &&
                 failed != -ETIMEDOUT)
            return failed;
    }
    return denied ? -EACCES : -ENOENT;
}
