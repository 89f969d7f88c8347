/* Starting programs.
 *
 * A dynamic program of the bundle is started through the bundle's loader with this runtime, a script through
 * the interpreter in the bundle, a static program of the bundle directly, and anything else as the host would,
 * with nothing of the bundle in its environment. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

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

size_t lb_count(char *const strings[])
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    return count;
}

size_t lb_prepare_size(char *const argv[], char *const envp[])
{
    if (LB_UNLIKELY(!lb_state.found))
        lb_find();
    size_t pointers = lb_count(argv) + lb_count(envp) + LB_FRONT + LB_EXTRA_VARIABLES + 4;
    size_t texts = lb_library_path_size(envp) + (LB_NESTED_SCRIPTS + 1) * 2 * LB_SHEBANG + 512;
    texts += LB_NESTED_SCRIPTS * (lb_state.root_len + LB_SHEBANG); /* where the scripts are */
    texts += lb_preload_size(envp);
    if (lb_state.tracing)
        texts += PATH_MAX;
    if (argv != NULL && argv[0] != NULL)
        texts += strlen(argv[0]);
    return pointers * sizeof(char *) + texts + sizeof(struct work);
}

void *lb_take(struct work *work, size_t size)
{
    char *result = work->space;
    work->space += (size + 7) & ~(size_t)7;
    return result;
}

void lb_prepend(struct work *work, const char *argument)
{
    if (work->front > 0) {
        work->front--;
        *--work->launch->argv = (char *)argument;
    }
}

char *lb_joined(struct work *work, const char *first, const char *second, const char *third)
{
    size_t a = strlen(first), b = strlen(second), c = strlen(third);
    char *text = lb_take(work, a + b + c + 1);
    memcpy(text, first, a);
    memcpy(text + a, second, b);
    memcpy(text + a + b, third, c + 1);
    return text;
}

/* ---- looking at the file ---- */

static bool read_real_path(struct work *work)
{
    return lb_path_of_descriptor(work->fd, work->real.text, sizeof work->real.text) > 0;
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

static int natively(struct work *work, const char *file, const char *where)
{
    lb_name_scripts(work);
    lb_clean_environment(work->environment, work->given_envp);
    lb_drop_preloads(work);
    work->launch->envp = work->environment;
    work->launch->file = file;
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(file, where);
    return 0;
}

static int start_program(struct work *work, const char *file)
{
    char *interpreter = work->interpreter.text;
    if (!read_real_path(work) || !lb_is_inside(work->real.text))
        return natively(work, file, "host");
    if (!read_interpreter(work, interpreter, sizeof work->interpreter.text))
        return natively(work, file, "static");
    const char *loader = lb_find_in_bundle(interpreter, &work->loader);
    if (loader == interpreter)
        return natively(work, file, "static");
    if (LB_UNLIKELY(lb_state.tracing))
        lb_trace_exec(work->real.text, "bundle");
    lb_through_loader(work, loader);
    return 0;
}

/* ---- the whole ---- */

static int open_and_read(struct work *work, const char *file)
{
    int allowed = lb_sys_access(file, X_OK);
    if (allowed < 0)
        return allowed;
    work->fd = lb_sys_open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0); /* a pipe must not block */
    if (work->fd >= 0)
        work->head_length = lb_sys_read(work->fd, work->head, sizeof work->head);
    return 0;
}

static int prepare(struct work *work, const char *path)
{
    for (int depth = 0; depth <= LB_NESTED_SCRIPTS; depth++) {
        const char *file = lb_lookup(AT_FDCWD, path, &work->served, "execve");
        int failed = open_and_read(work, file);
        if (failed < 0)
            return failed;
        if (work->fd < 0) /* executable but not readable: left to the kernel */
            return natively(work, file, "host");
        bool script = work->head_length > 2 && work->head[0] == '#' && work->head[1] == '!';
        if (!script) {
            int result = start_program(work, file);
            lb_sys_close(work->fd);
            return result;
        }
        lb_sys_close(work->fd);
        path = lb_read_shebang(work, path);
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
    work->front = LB_FRONT;
    work->head_length = 0;
    work->space = space + sizeof *work;
    launch->argv = (char **)lb_take(work, (LB_FRONT + argc + 2) * sizeof(char *)) + LB_FRONT;
    work->environment = lb_take(work, (lb_count(envp) + LB_EXTRA_VARIABLES + 1) * sizeof(char *));
    for (size_t i = 0; i < argc; i++)
        launch->argv[i] = argv[i];
    if (argc == 0) /* as Linux since 5.18: a program always has a name */
        launch->argv[argc++] = (char *)"";
    launch->argv[argc] = NULL;
    if (!lb_state.active) {
        launch->file = path;
        launch->envp = (char **)envp;
        if (LB_UNLIKELY(lb_state.tracing) && lb_is_readable(path))
            lb_trace_exec(path, "host");
        return 0;
    }
    if (!lb_is_readable(path))
        return -EFAULT;
    return prepare(work, path);
}

int lb_exec(const char *path, char *const argv[], char *const envp[])
{
    if (!lb_are_readable(argv) || !lb_are_readable(envp))
        return lb_sys_execve(path, argv, envp); /* which fails */
    struct lb_launch launch;
    char space[lb_prepare_size(argv, envp)] __attribute__((aligned(16)));
    int failed = lb_prepare(&launch, space, path, argv, envp);
    if (failed < 0)
        return failed;
    lb_trace_objects();
    return lb_sys_execve(launch.file, launch.argv, launch.envp);
}
