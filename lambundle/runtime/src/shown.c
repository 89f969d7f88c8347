/* What the kernel shows of a program that was started through ld.so: name, command line, auxiliary vector, addresses. */
#define _GNU_SOURCE
#include "lb.h"
#include "procstat.h"
#include "sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Of linux/prctl.h, since Linux 3.18. */
#ifndef PR_SET_MM_MAP
#define PR_SET_MM_MAP 14
#endif

struct shown {
    uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start,
        env_end, auxv;
    uint32_t auxv_size, exe_fd;
};

/* ---- the name in ps: the kernel took it from ld.so's file ---- */

static void show_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash != NULL)
        name = slash + 1;
    if (*name == '-') /* a login shell */
        name++;
    lb_sys6(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
}

/* ---- the program's segments ---- */

struct program {
    ElfW(Addr) base;
    const ElfW(Phdr) *segments;
    size_t count;
};

/* The first object is the program. */
static int take_first(struct dl_phdr_info *info, size_t size, void *program)
{
    (void)size;
    *(struct program *)program = (struct program){info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum};
    return 1;
}

/* As the kernel does for a program that it starts (fs/binfmt_elf.c). */
static void show_segments(struct shown *shown, const struct program *program)
{
    shown->start_code = ~0UL;
    for (size_t i = 0; i < program->count; i++) {
        const ElfW(Phdr) *segment = &program->segments[i];
        uint64_t start = program->base + segment->p_vaddr, end = start + segment->p_filesz;
        if (segment->p_type != PT_LOAD)
            continue;
        if ((segment->p_flags & PF_X) != 0 && start < shown->start_code)
            shown->start_code = start;
        if ((segment->p_flags & PF_X) != 0 && end > shown->end_code)
            shown->end_code = end;
        if (start > shown->start_data)
            shown->start_data = start;
        if (end > shown->end_data)
            shown->end_data = end;
    }
}

/* The kernel put the heap behind ld.so. A program at a fixed address may count on having it behind itself (images of
 * Lisp, allocators of their own), where nothing else lies. It can move until libc's malloc has begun it, which takes many
 * pages at once; libc's own idea of its end moves too. */
static void move_heap(struct shown *shown, const struct program *program)
{
    const uint64_t page = 4096;
    uint64_t end = 0;
    for (size_t i = 0; i < program->count; i++) {
        const ElfW(Phdr) *segment = &program->segments[i];
        if (segment->p_type == PT_LOAD && segment->p_vaddr + segment->p_memsz > end)
            end = segment->p_vaddr + segment->p_memsz;
    }
    if (program->base == 0 && end != 0 && shown->brk - shown->start_brk < page)
        shown->start_brk = shown->brk = (end + page - 1) & ~(page - 1);
}

static void tell_libc(const struct shown *shown)
{
    void **known = dlsym(RTLD_DEFAULT, "__curbrk"); /* glibc's */
    if (known != NULL && *known != NULL)
        *known = (void *)(uintptr_t)shown->brk;
}

/* ---- the auxiliary vector ---- */

/* Where ld.so lies, which the kernel did not think of as a program's loader. */
static unsigned long base_of_loader(void)
{
#ifdef __GLIBC__
    const struct r_debug *debug = dlsym(RTLD_DEFAULT, "_r_debug");
    return debug == NULL ? 0 : debug->r_ldbase;
#else
    Dl_info info; /* musl's ld.so is its libc */
    return dladdr((void *)&dlsym, &info) == 0 ? 0 : (unsigned long)info.dli_fbase;
#endif
}

static const ElfW(Ehdr) *header_of(const struct program *program)
{
    for (size_t i = 0; i < program->count; i++) {
        const ElfW(Phdr) *segment = &program->segments[i];
        const ElfW(Ehdr) *header = (const void *)(program->base + segment->p_vaddr);
        if (segment->p_type == PT_LOAD && segment->p_offset == 0 && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0)
            return header;
    }
    return NULL;
}

/* Returns its end. glibc's ld.so has mended what is about the program, musl's has not. */
static ElfW(auxv_t) *mend_vector(ElfW(auxv_t) *entry, const struct program *program)
{
    const ElfW(Ehdr) *header = header_of(program);
    for (; entry->a_type != AT_NULL; entry++) {
        if (entry->a_type == AT_EXECFN)
            entry->a_un.a_val = (unsigned long)lb_state.program;
        else if (entry->a_type == AT_BASE)
            entry->a_un.a_val = base_of_loader();
        else if (entry->a_type == AT_PHDR)
            entry->a_un.a_val = (unsigned long)program->segments;
        else if (entry->a_type == AT_PHNUM)
            entry->a_un.a_val = program->count;
        else if (entry->a_type == AT_ENTRY && header != NULL)
            entry->a_un.a_val = program->base + header->e_entry;
    }
    return entry + 1;
}

/* ---- the command line ---- */

static void rename_program(char **argv, char *name)
{
    const char *slash = strrchr(name, '/');
    argv[0] = name;
    program_invocation_name = name;
    program_invocation_short_name = (char *)(slash == NULL ? name : slash + 1);
}

/* The name moves to the arguments, over what was ld.so's, so that the line is whole, and may be written over up to the
 * environment's end, as programs do that set their title. False where it has no room. */
static bool move_name(char **argv, char *end_of_program, struct shown *shown)
{
#ifdef __GLIBC__
    size_t length = strlen(argv[0]) + 1;
    char *place = end_of_program - length;
    if ((uint64_t)(uintptr_t)place < shown->arg_start)
        return false;
    memmove(place, argv[0], length);
    rename_program(argv, place);
    shown->arg_start = (uintptr_t)place;
    return true;
#else
    (void)argv;
    (void)end_of_program;
    (void)shown;
    return false; /* musl keeps pointers to the words of its own command line */
#endif
}

static bool copy_line(int argc, char **argv, char *end_of_program, struct shown *shown)
{
    size_t length = strlen(argv[0]) + 1, rest = argc > 1 ? shown->arg_end - (uintptr_t)end_of_program : 0;
    long pages = lb_sys6(SYS_mmap, 0, (long)(length + rest), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages < 0 && pages > -4096)
        return false;
    char *place = (char *)pages;
    memcpy(place, argv[0], length);
    memcpy(place + length, end_of_program, rest);
    for (int i = 1; i < argc; i++)
        argv[i] = place + length + (argv[i] - end_of_program);
    rename_program(argv, place);
    shown->arg_start = (uintptr_t)place;
    shown->arg_end = shown->arg_start + length + rest;
    return true;
}

/* Needs no privilege as long as the file of /proc/PID/exe stays. A kernel without it shows ld.so's line. */
static void show_line(int argc, char **argv, char *end_of_program, const struct program *program,
                      const ElfW(auxv_t) *vector, const ElfW(auxv_t) *end_of_vector)
{
    unsigned long now[LB_STAT_FIELDS];
    if (!lb_read_stat("/proc/self/stat", now) || now[LB_STAT_THREADS] != 1) /* another might change the break */
        return;
    struct shown shown = {
        .start_brk = now[LB_STAT_START_BRK],
        .brk = (uint64_t)lb_sys6(SYS_brk, 0, 0, 0, 0, 0, 0),
        .start_stack = now[LB_STAT_START_STACK],
        .arg_start = now[LB_STAT_ARG_START],
        .arg_end = now[LB_STAT_ARG_END],
        .env_start = now[LB_STAT_ENV_START],
        .env_end = now[LB_STAT_ENV_END],
        .auxv = (uintptr_t)vector,
        .auxv_size = (uint32_t)((const char *)end_of_vector - (const char *)vector),
        .exe_fd = (uint32_t)-1,
    };
    show_segments(&shown, program);
    if (shown.arg_start == 0 || (argc > 1 && argv[1] != end_of_program))
        return;
    uint64_t heap = shown.brk;
    move_heap(&shown, program);
    if ((move_name(argv, end_of_program, &shown) || copy_line(argc, argv, end_of_program, &shown)) &&
        lb_sys6(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&shown, sizeof shown, 0, 0) == 0 && shown.brk != heap)
        tell_libc(&shown);
}

void lb_show_program(int argc, char **argv, char **envp, char *end_of_program)
{
    struct program program = {0};
    show_name(argv[0]);
    dl_iterate_phdr(take_first, &program);
    while (*envp != NULL)
        envp++;
    ElfW(auxv_t) *vector = (void *)(envp + 1);
    ElfW(auxv_t) *end = mend_vector(vector, &program);
    show_line(argc, argv, end_of_program, &program, vector, end);
}
