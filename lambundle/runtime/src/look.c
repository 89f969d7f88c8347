/* What a file is that is to be started: a script, a program with a loader, or something else. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

static bool read_at(struct work *work, int fd, void *to, size_t size, unsigned long offset)
{
    if (offset >= 1UL << 62) /* no file is as long, and a sum must not wrap */
        return false;
    if (work->head_length > 0 && offset + size <= (unsigned long)work->head_length) {
        memcpy(to, work->head + offset, size);
        return true;
    }
    return lb_sys_pread(fd, to, size, (long)offset) == (long)size;
}

/* Reads PT_INTERP into `interpreter`; false for a static program, or one of another machine. */
static bool read_interpreter(struct work *work, int fd, char *interpreter, size_t size)
{
    Header header;
    Segment segment;
    if (!read_at(work, fd, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != LB_CLASS || header.e_machine != LB_MACHINE ||
        header.e_phentsize != sizeof segment)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_at(work, fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
            return false;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz == 0 || segment.p_filesz >= size ||
            !read_at(work, fd, interpreter, segment.p_filesz, segment.p_offset))
            return false;
        interpreter[segment.p_filesz] = '\0';
        return interpreter[0] == '/';
    }
    return false;
}

/* A program outside the bundle is started through the bundle's loader if it is a copy of one inside, or if the host has
 * no loader for it. */
static enum lb_kind kind_of(struct work *work, int fd)
{
    if (work->head_length > 2 && work->head[0] == '#' && work->head[1] == '!')
        return LB_SCRIPT;
    if (lb_path_of_descriptor(fd, work->real.text, sizeof work->real.text) <= 0)
        return LB_FOREIGN;
    bool dynamic = read_interpreter(work, fd, work->interpreter.text, sizeof work->interpreter.text);
    if (lb_is_inside(work->real.text))
        return dynamic ? LB_DYNAMIC : LB_STATIC;
    struct stat status;
    const char *interpreter = work->interpreter.text;
    if (!dynamic || lb_find_in_bundle(interpreter, &work->loader) == interpreter ||
        lb_sys6(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) < 0)
        return LB_FOREIGN;
    if (lb_find_original(work, (unsigned long)status.st_size))
        return LB_COPY;
    work->original.text[0] = '\0';
    return lb_sys_access(interpreter, F_OK) < 0 ? LB_COPY : LB_FOREIGN;
}

static void look(void *argument)
{
    struct work *work = argument;
    int fd = lb_sys_open(work->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0); /* a pipe must not block */
    work->failed = fd < 0 ? fd : 0;
    if (fd < 0)
        return;
    work->head_length = lb_sys_read(fd, work->head, sizeof work->head);
    work->kind = kind_of(work, fd);
    lb_sys_close(fd);
}

/* In a process with limits and descriptors of its own. */
static void look_with_room(void *argument)
{
    struct work *work = argument;
    struct rlimit limit;
    if (lb_sys6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0) == 0) {
        limit.rlim_cur = limit.rlim_max;
        lb_sys6(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
    }
    look(work);
    if (work->failed == -EMFILE) {
        lb_sys_close(0);
        look(work);
    }
}

int lb_look(struct work *work, const char *file)
{
    int allowed = lb_sys_access(file, X_OK);
    if (allowed < 0)
        return allowed;
    work->file = file;
    look(work);
    if (LB_UNLIKELY(work->failed == -EMFILE)) /* the kernel needs no descriptor to start a program */
        lb_run_apart(look_with_room, work, work->stack + sizeof work->stack);
    if (work->failed == -EMFILE || work->failed == -ENFILE)
        return work->failed;
    if (work->failed < 0) /* executable but not readable: left to the kernel */
        work->kind = LB_FOREIGN;
    return 0;
}
