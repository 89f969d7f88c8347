/* view WHAT [ARGUMENT…]: what a program sees of itself and of where it is. Says it a line each, or an errno's number. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <locale.h>
#include <nl_types.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>
#ifdef __GLIBC__
#include <fts.h>
#endif

extern char **environ;

static void say(const char *what, const char *value)
{
    if (value == NULL)
        printf("%s: errno %d\n", what, errno);
    else
        printf("%s: %s\n", what, value);
}

static char text[PATH_MAX];

static const char *ended(ssize_t length)
{
    if (length < 0)
        return NULL;
    text[length] = '\0';
    return text;
}

/* ---- /proc/self/exe in its spellings ---- */

static const char *link_of(int directory, const char *path)
{
    return ended(readlinkat(directory, path, text, sizeof text - 1));
}

static const char *opened(int fd)
{
    char path[40];
    if (fd < 0)
        return NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *name = link_of(AT_FDCWD, path);
    close(fd);
    return name;
}

static void *in_thread(void *directory)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/self/task/%ld/exe", (long)syscall(SYS_gettid));
    say("thread", link_of(AT_FDCWD, path));
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)syscall(SYS_gettid));
    say("by number of thread", link_of(AT_FDCWD, path));
    say("of thread", link_of(AT_FDCWD, "/proc/thread-self/exe"));
    return directory;
}

static int own_exe(void)
{
    char path[80];
    pthread_t thread;
    struct stat status;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY), self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    say("link in directory", link_of(self, "exe"));
    say("link below", link_of(proc, "self/exe"));
    say("dot", link_of(self, "./exe"));
    snprintf(path, sizeof path, "%d/exe", (int)getpid());
    say("link by number", link_of(proc, path));
    snprintf(path, sizeof path, "//proc/./%d//exe", (int)getpid());
    say("odd spelling", link_of(AT_FDCWD, path));
    snprintf(path, sizeof path, "/proc/%d/task/%d/exe", (int)getpid(), (int)getpid());
    say("task", link_of(AT_FDCWD, path));
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    say("open in directory", opened(openat(self, "exe", O_RDONLY)));
    say("raw open", opened((int)syscall(SYS_openat, self, "exe", O_RDONLY)));
    say("open below", opened(openat(proc, "self/exe", O_RDONLY)));
    printf("links: %d %d %d\n", lstat("/proc/self/exe", &status) == 0 && S_ISLNK(status.st_mode),
           fstatat(self, "exe", &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode),
           stat("/proc/self/exe", &status) == 0 && S_ISREG(status.st_mode));
    if (fchdir(self) == 0) {
        say("working directory", link_of(AT_FDCWD, "exe"));
        say("open there", opened(open("exe", O_RDONLY)));
    }
    say("no link", link_of(AT_FDCWD, "nothing/exe"));
    return 0;
}

/* ---- the command line and the auxiliary vector ---- */

static int command_line(char **argv)
{
    static char line[65536];
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t length = read(fd, line, sizeof line);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(line + at) + 1)
        printf("[%s]\n", line + at);
    close(fd);
    size_t room = (size_t)(strchr(argv[1], '\0') - argv[0]);
    printf("whole: %d\n", argv[0] + strlen(argv[0]) + 1 == argv[1]);
    memset(argv[0], 0, room); /* as programs do that set their title */
    strncpy(argv[0], "title", room);
    fd = open("/proc/self/cmdline", O_RDONLY);
    length = read(fd, line, sizeof line);
    return printf("%s\n", length > 0 ? line : "nothing") < 0;
}

static int found_base(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    const char *slash = info->dlpi_name == NULL ? NULL : strrchr(info->dlpi_name, '/');
    if (slash != NULL && (strncmp(slash, "/ld-", 4) == 0 || strncmp(slash, "/libc.so", 8) == 0) &&
        *(unsigned long *)base == info->dlpi_addr)
        *(unsigned long *)base = 0;
    return 0;
}

extern char _start[] __attribute__((weak));

static int vector(void)
{
    unsigned long saved[128], base = getauxval(AT_BASE), now[64];
    int fd = open("/proc/self/auxv", O_RDONLY);
    size_t count = (size_t)read(fd, saved, sizeof saved) / sizeof *saved;
    printf("base: %d\n", base != 0 && (dl_iterate_phdr(found_base, &base), base == 0));
    printf("entry: %d\n", getauxval(AT_ENTRY) == (unsigned long)_start);
    const ElfW(Phdr) *segments = (const void *)getauxval(AT_PHDR);
    const ElfW(Ehdr) *header = (const void *)((const char *)segments - sizeof *header);
    printf("segments: %d\n", segments[0].p_type == PT_PHDR && getauxval(AT_PHNUM) == header->e_phnum &&
                                 (unsigned long)segments - segments[0].p_vaddr == (unsigned long)_start - header->e_entry);
    for (size_t i = 0; i + 1 < count && saved[i] != AT_NULL; i += 2)
        if (saved[i] == AT_BASE || saved[i] == AT_ENTRY || saved[i] == AT_PHDR || saved[i] == AT_PHNUM)
            printf("%lu is shown: %d\n", saved[i], saved[i + 1] == getauxval(saved[i]));
    FILE *file = fopen("/proc/self/stat", "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL)
        return 1;
    char *at = strrchr(text, ')') + 4;
    for (int i = 4; i <= 28; i++)
        now[i] = strtoul(at, &at, 10);
    return printf("code: %d\n", now[26] <= (unsigned long)_start && (unsigned long)_start < now[27]) < 0;
}

/* ---- the working directory ---- */

static int working_directory(const char *directory, const char *file)
{
    char small[8];
    if (chdir(directory) != 0)
        return printf("errno %d\n", errno) < 0;
    say("getcwd", getcwd(text, sizeof text));
    say("allocated", getcwd(NULL, 0));
    say("too small", getcwd(small, sizeof small));
    say("no room", getcwd(text, 0));
#ifdef __GLIBC__
    say("old", getwd(text));
#endif
    unsetenv("PWD");
    say("name", get_current_dir_name());
    say("realpath", realpath(".", text));
    say("realpath of a file", realpath(file, text));
    say("link", link_of(AT_FDCWD, "/proc/self/cwd"));
    say("raw", ended(syscall(SYS_getcwd, text, sizeof text)));
    getcwd(text, sizeof text);
    strcat(strcat(text, "/"), file);
    return printf("served again: %d\n", access(text, F_OK)) < 0;
}

/* ---- relative to a directory ---- */

static int content(int fd)
{
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    const char *read_text = ended(length);
    if (read_text != NULL)
        text[strcspn(text, "\n")] = '\0';
    say("content", read_text);
    return 0;
}

/* relative DIRECTORY FILE: by its descriptor, by a stream's, and as the working directory. */
static int relative(const char *directory, const char *file)
{
    struct stat status;
    struct statvfs room;
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    DIR *stream = opendir(directory);
    if (fd < 0 || stream == NULL)
        return printf("errno %d\n", errno) < 0;
    content(openat(fd, file, O_RDONLY));
    content(openat(dirfd(stream), file, O_RDONLY));
    content((int)syscall(SYS_openat, fd, file, O_RDONLY));
    printf("%d %d\n", fstatat(fd, file, &status, 0), faccessat(fd, file, F_OK, 0));
    if (fchdir(fd) != 0)
        return 1;
    content(open(file, O_RDONLY));
    FILE *opened_file = fopen(file, "r");
    content(opened_file == NULL ? -1 : fileno(opened_file));
    printf("%d %d %d\n", stat(file, &status), access(file, F_OK), statvfs(file, &room));
    say("realpath", realpath(file, text));
    say("link", link_of(fd, file));
    struct dirent **entries;
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", file);
    *strrchr(parent, '/') = '\0';
    printf("%d\n", scandir(parent, &entries, NULL, NULL));
    return 0;
}

/* ---- walks ---- */

static int walk(char **paths)
{
#ifdef __GLIBC__
    FTS *stream = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; stream != NULL && (entry = fts_read(stream)) != NULL;) {
        printf("%d %s %s %d %d\n", entry->fts_info, entry->fts_path, entry->fts_accpath,
               strlen(entry->fts_path) == entry->fts_pathlen, access(entry->fts_accpath, F_OK));
        if (entry->fts_info == FTS_D)
            for (FTSENT *child = fts_children(stream, FTS_NAMEONLY); child != NULL; child = child->fts_link)
                printf("  %s\n", child->fts_name);
    }
    return fts_close(stream);
#else
    (void)paths;
    return 0;
#endif
}

static int expand(int count, char **patterns)
{
    glob_t found = {.gl_offs = 2};
    for (int i = 0; i < count; i++)
        printf("%d\n", glob(patterns[i], GLOB_DOOFFS | GLOB_NOCHECK | GLOB_MARK | (i > 0 ? GLOB_APPEND : 0), NULL, &found));
    for (size_t i = 0; i < found.gl_pathc; i++)
        puts(found.gl_pathv[2 + i]);
    globfree(&found);
    return 0;
}

static int words(int count, char **lines)
{
    wordexp_t found = {.we_offs = 3};
    setenv("HERE", "a variable", 1);
    for (int i = 0; i < count; i++)
        printf("%d\n", wordexp(lines[i], &found, WRDE_DOOFFS | (i > 0 ? WRDE_APPEND : 0)));
    for (size_t i = 0; i < found.we_wordc; i++)
        printf("[%s]\n", found.we_wordv[3 + i]);
    printf("%d\n", found.we_wordv[3 + found.we_wordc] == NULL);
    wordfree(&found);
    return 0;
}

static int message(const char *name, const char *locale)
{
    setlocale(LC_ALL, locale);
    nl_catd catalogue = catopen(name, 0);
    if (catalogue == (nl_catd)-1)
        return printf("errno %d\n", errno) < 0;
    puts(catgets(catalogue, 1, 1, "none"));
    return catclose(catalogue);
}

static int link_size(const char *path)
{
    struct stat status;
    char directory[PATH_MAX], *name;
    snprintf(directory, sizeof directory, "%s", path);
    name = strrchr(directory, '/');
    *name++ = '\0';
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    printf("%ld\n", lstat(path, &status) == 0 ? (long)status.st_size : -1L);
    printf("%ld\n", fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (long)status.st_size : -1L);
    printf("%zd\n", readlink(path, text, sizeof text));
#if defined(STATX_SIZE)
    struct statx more;
    printf("%ld\n", statx(fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &more) == 0 ? (long)more.stx_size : -1L);
#else
    printf("%zd\n", readlink(path, text, sizeof text));
#endif
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "exe") == 0)
        return own_exe();
    if (strcmp(what, "line") == 0)
        return command_line(argv);
    if (strcmp(what, "vector") == 0)
        return vector();
    if (strcmp(what, "cwd") == 0)
        return working_directory(argv[2], argv[3]);
    if (strcmp(what, "relative") == 0)
        return relative(argv[2], argv[3]);
    if (strcmp(what, "walk") == 0)
        return walk(argv + 2);
    if (strcmp(what, "glob") == 0)
        return expand(argc - 2, argv + 2);
    if (strcmp(what, "words") == 0)
        return words(argc - 2, argv + 2);
    if (strcmp(what, "message") == 0)
        return message(argv[2], argv[3]);
    if (strcmp(what, "link-size") == 0)
        return link_size(argv[2]);
    return 2;
}
