/* The functions that a program of calls can call: those which look at files or change them. */
#include "calls.h"

#include <dirent.h>
#include <ftw.h>
#include <mntent.h>
#include <nl_types.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>
#include <wordexp.h>
#ifdef __GLIBC__
#include <fts.h>
#endif
#include <glob.h>

#define PATH call.path
#define ROOM (call.number > 0 ? (size_t)call.number : sizeof text)
#define AT call.directory, call.path
#define OTHER call.other_path
#define OTHER_AT call.other_directory, call.other_path
#define FLAGS ((int)call.number)
#define MODE ((mode_t)call.second)

/* ---- open ---- */

DO(open, say_descriptor(open(PATH, FLAGS, MODE)))
DO(openat, say_descriptor(openat(AT, FLAGS, MODE)))
DO(creat, say_descriptor(creat(PATH, MODE)))
DO(fopen, say_stream(fopen(PATH, call.text)))
DO(freopen, say_stream(freopen(PATH, call.text, fopen("/dev/null", "r"))))
DO(setmntent, say_stream(setmntent(PATH, call.text)))
DO(opendir, say_directory(opendir(PATH)))
DO(truncate, say_number(truncate(PATH, call.number)))

/* ---- stat ---- */

#define DO_STAT(name, call_of_it)                                                                            \
    FUNCTION(name)                                                                                           \
    {                                                                                                        \
        struct stat status;                                                                                  \
        int result = call_of_it;                                                                             \
        say_status(result, &status);                                                                         \
    }

DO_STAT(stat, stat(PATH, &status))
DO_STAT(lstat, lstat(PATH, &status))
DO_STAT(fstatat, fstatat(AT, &status, FLAGS))

/* Which file system it is, is the place's own business. */
FUNCTION(statfs)
{
    struct statfs status;
    say_number(statfs(PATH, &status));
}
FUNCTION(statvfs)
{
    struct statvfs status;
    say_number(statvfs(PATH, &status));
}
DO(pathconf, say_exactly(pathconf(PATH, FLAGS)))

/* Whether two names lead to one file. */
FUNCTION(same)
{
    struct stat one, other;
    if (stat(PATH, &one) < 0 || stat(OTHER, &other) < 0)
        say_number(-1);
    else
        say(one.st_ino == other.st_ino && one.st_dev == other.st_dev ? " same" : " different");
}

DO(access, say_number(access(PATH, FLAGS)))
DO(eaccess, say_number(eaccess(PATH, FLAGS)))
DO(euidaccess, say_number(euidaccess(PATH, FLAGS)))
DO(faccessat, say_number(faccessat(AT, (int)call.second, FLAGS)))

/* ---- the working directory ---- */

DO(chdir, say_number(chdir(PATH)))
DO(fchdir, say_number(fchdir(call.directory)))
DO(getcwd, char text[PATH_MAX]; say_string(getcwd(text, call.number > 0 ? (size_t)call.number : sizeof text)))
DO(get_current_dir_name, char *text = get_current_dir_name(); say_string(text); free(text))

#ifdef __GLIBC__
extern char *__getcwd_chk(char *, size_t, size_t);
extern char *__getwd_chk(char *, size_t);
DO(getwd, char text[PATH_MAX]; say_string(getwd(text)))
DO(__getcwd_chk, char text[PATH_MAX]; say_string(__getcwd_chk(text, sizeof text, sizeof text)))
DO(__getwd_chk, char text[PATH_MAX]; say_string(__getwd_chk(text, sizeof text)))
#endif
DO(getcwd_null, char *text = getcwd(NULL, (size_t)call.number); say_string(text); free(text))
DO(syscall_getcwd, char text[PATH_MAX] = ""; say_exactly(syscall(SYS_getcwd, text, ROOM)); say(" %s", text))

/* ---- changes ---- */

DO(chmod, say_number(chmod(PATH, MODE)))
DO(lchmod, say_number(lchmod(PATH, MODE)))
DO(fchmodat, say_number(fchmodat(AT, MODE, FLAGS)))
DO(chown, say_number(chown(PATH, getuid(), (gid_t)-1)))
DO(lchown, say_number(lchown(PATH, getuid(), (gid_t)-1)))
DO(fchownat, say_number(fchownat(AT, getuid(), (gid_t)-1, FLAGS)))
DO(utime, say_number(utime(PATH, NULL)))
static const struct timeval times[2] = {{1000, 1}, {2000, 2}};
static const struct timespec exact_times[2] = {{1000, 1}, {2000, 2}};
DO(utimes, say_number(utimes(PATH, times)))
DO(lutimes, say_number(lutimes(PATH, times)))
DO(futimesat, say_number(futimesat(AT, times)))
DO(utimensat, say_number(utimensat(AT, exact_times, FLAGS)))
DO(unlink, say_number(unlink(PATH)))
DO(unlinkat, say_number(unlinkat(AT, FLAGS)))
DO(remove, say_number(remove(PATH)))
DO(rmdir, say_number(rmdir(PATH)))
DO(mkdir, say_number(mkdir(PATH, MODE)))
DO(mkdirat, say_number(mkdirat(AT, MODE)))
/* A pipe is removed again: who opens it would wait. */
FUNCTION(mkfifo)
{
    int result = mkfifo(PATH, MODE);
    say_number(result);
    if (result == 0)
        unlink(PATH);
}
FUNCTION(mkfifoat)
{
    int result = mkfifoat(AT, MODE);
    say_number(result);
    if (result == 0)
        unlinkat(AT, 0);
}
DO(mknod, say_number(mknod(PATH, S_IFREG | MODE, 0)))
DO(mknodat, say_number(mknodat(AT, S_IFREG | MODE, 0)))
DO(rename, say_number(rename(PATH, OTHER)))
DO(renameat, say_number(renameat(AT, OTHER_AT)))
DO(link, say_number(link(PATH, OTHER)))
DO(linkat, say_number(linkat(AT, OTHER_AT, FLAGS)))
DO(symlink, say_number(symlink(call.text, PATH)))
DO(symlinkat, say_number(symlinkat(call.text, AT)))

/* Writes a file, so that later calls find it. */
FUNCTION(write)
{
    int fd = open(PATH, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, MODE);
    if (fd >= 0 && write(fd, call.text, strlen(call.text)) < 0)
        say(" not written");
    say_descriptor(fd);
}

FUNCTION(mkstemp)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", PATH);
    int fd = mkstemp(text);
    say_number(fd);
    if (fd < 0)
        return;
    unlink(text);
    text[strlen(text) - 6] = '\0';
    say(" %s %zu", text, strlen(text));
    close(fd);
}

/* ---- extended attributes, watches, keys ---- */

static char value[256];
DO(getxattr, say_exactly(getxattr(PATH, call.text, value, sizeof value)))
DO(lgetxattr, say_exactly(lgetxattr(PATH, call.text, value, sizeof value)))
DO(listxattr, say_exactly(listxattr(PATH, value, sizeof value)))
DO(llistxattr, say_exactly(llistxattr(PATH, value, sizeof value)))
DO(setxattr, say_exactly(setxattr(PATH, call.text, "1", 1, 0)))
DO(lsetxattr, say_exactly(lsetxattr(PATH, call.text, "1", 1, 0)))
DO(removexattr, say_exactly(removexattr(PATH, call.text)))
DO(lremovexattr, say_exactly(lremovexattr(PATH, call.text)))
DO(ftok, say_number(ftok(PATH, 1)))
FUNCTION(inotify_add_watch)
{
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    say_number(inotify_add_watch(watch, PATH, IN_CREATE | (unsigned)call.number));
    close(watch);
}

/* ---- walks ---- */

static void say_scanned(int count, struct dirent **entries)
{
    say_exactly(count);
    for (int i = 0; i < count; i++)
        say(" %s", entries[i]->d_name);
}
static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }
#define DO_SCAN(name, call_of_it)                                                                            \
    FUNCTION(name)                                                                                           \
    {                                                                                                        \
        struct dirent **entries = NULL;                                                                      \
        int count = call_of_it;                                                                              \
        say_scanned(count, entries);                                                                         \
    }
DO_SCAN(scandir, scandir(PATH, &entries, call.number ? not_hidden : NULL, alphasort))

static int walked(const char *path, const struct stat *status, int type)
{
    add_line("%s %d %o", path, type, status->st_mode);
    return 0;
}
static int walked_new(const char *path, const struct stat *status, int type, struct FTW *place)
{
    add_line("%s %d %s %d", path, type, path + place->base, place->level);
    (void)status;
    return 0;
}
DO(ftw, int result = ftw(PATH, walked, 5); say_number(result); say_lines())
DO(nftw, int result = nftw(PATH, walked_new, 5, FLAGS); say_number(result); say_lines())

static void say_globbed(int result, const glob_t *found)
{
    say(" %d", result);
    for (size_t i = 0; result == 0 && i < found->gl_pathc; i++)
        say(" %s", found->gl_pathv[i]);
}
FUNCTION(glob)
{
    glob_t found = {0};
    say_globbed(glob(PATH, FLAGS, NULL, &found), &found);
}

FUNCTION(wordexp)
{
    wordexp_t words = {0};
    int failed = wordexp(PATH, &words, FLAGS);
    say(" %d", failed);
    for (size_t i = 0; failed == 0 && i < words.we_wordc; i++)
        say(" (%s)", words.we_wordv[i]);
}
FUNCTION(catopen)
{
    nl_catd catalog = catopen(PATH, 0);
    say_number(catalog == (nl_catd)-1 ? -1 : 0);
    if (catalog != (nl_catd)-1)
        catclose(catalog);
}

/* ---- names ---- */

static void say_link(ssize_t length, const char *text)
{
    say_exactly(length);
    say(" ");
    say_text(text, length < 0 ? 0 : (size_t)length);
}
DO(readlink, char text[PATH_MAX]; say_link(readlink(PATH, text, ROOM), text))
DO(readlinkat, char text[PATH_MAX]; say_link(readlinkat(AT, text, ROOM), text))
DO(realpath, char text[PATH_MAX]; say_string(realpath(PATH, text)))
DO(realpath_null, char *text = realpath(PATH, NULL); say_string(text); free(text))

/* ---- syscall(2) ---- */

FUNCTION(syscall_openat2)
{
    unsigned long how[3] = {(unsigned long)call.number & ~(unsigned long)O_CREAT, 0, 0};
    say_descriptor((int)syscall(437, AT, how, sizeof how));
}
DO(syscall_openat, say_descriptor((int)syscall(SYS_openat, AT, FLAGS, MODE)))
DO(syscall_faccessat, say_number(syscall(SYS_faccessat, AT, (int)call.second)))
DO(syscall_faccessat2, say_number(syscall(439, AT, (int)call.second, FLAGS)))
DO_STAT(syscall_newfstatat, (int)syscall(SYS_newfstatat, AT, &status, FLAGS))
static void say_extended_status(int result, const unsigned char *status)
{
    unsigned short mode; /* stx_mode, whatever these headers know of the structure */
    memcpy(&mode, status + 28, sizeof mode);
    say_number(result);
    if (result >= 0)
        say(" %o", mode);
}
DO(syscall_statx, unsigned char status[256]; say_extended_status((int)syscall(332, AT, FLAGS, 0x7ff, status), status))
DO(syscall_statfs, struct statfs status; say_number(syscall(SYS_statfs, PATH, &status)))
DO(syscall_chdir, say_number(syscall(SYS_chdir, PATH)))
DO(syscall_readlinkat, char text[PATH_MAX]; say_link(syscall(SYS_readlinkat, AT, text, ROOM), text))
#ifdef SYS_open
DO(syscall_open, say_descriptor((int)syscall(SYS_open, PATH, FLAGS, MODE)))
DO_STAT(syscall_stat, (int)syscall(SYS_stat, PATH, &status))
DO_STAT(syscall_lstat, (int)syscall(SYS_lstat, PATH, &status))
DO(syscall_access, say_number(syscall(SYS_access, PATH, FLAGS)))
DO(syscall_readlink, char text[PATH_MAX]; say_link(syscall(SYS_readlink, PATH, text, ROOM), text))
#endif

/* ---- glibc's ---- */

#ifdef __GLIBC__
DO(statx, struct statx status; say_extended_status(statx(AT, FLAGS, STATX_BASIC_STATS, &status), (unsigned char *)&status))
DO(open64, say_descriptor(open64(PATH, FLAGS, MODE)))
DO(openat64, say_descriptor(openat64(AT, FLAGS, MODE)))
DO(creat64, say_descriptor(creat64(PATH, MODE)))
DO(fopen64, say_stream(fopen64(PATH, call.text)))
DO(freopen64, say_stream(freopen64(PATH, call.text, fopen64("/dev/null", "r"))))
DO(truncate64, say_number(truncate64(PATH, call.number)))
/* On 64-bit machines the structures are the same. */
#define SAME (struct stat64 *)&status
DO_STAT(stat64, stat64(PATH, SAME))
DO_STAT(lstat64, lstat64(PATH, SAME))
DO_STAT(fstatat64, fstatat64(AT, SAME, FLAGS))
DO(statfs64, struct statfs64 status; say_number(statfs64(PATH, &status)))
DO(statvfs64, struct statvfs64 status; say_number(statvfs64(PATH, &status)))
DO(renameat2, say_number(renameat2(AT, OTHER_AT, (unsigned)call.number)))
#define SAME_ENTRIES (struct dirent64 ***)&entries, NULL, (int (*)(const struct dirent64 **, const struct dirent64 **))alphasort
DO_SCAN(scandir64, scandir64(PATH, SAME_ENTRIES))
DO_SCAN(scandirat, scandirat(AT, &entries, NULL, alphasort))
DO_SCAN(scandirat64, scandirat64(AT, SAME_ENTRIES))
DO(ftw64, int result = ftw64(PATH, (__ftw64_func_t)walked, 5); say_number(result); say_lines())
DO(nftw64, int result = nftw64(PATH, (__nftw64_func_t)walked_new, 5, FLAGS); say_number(result); say_lines())
FUNCTION(glob64)
{
    glob64_t found = {0};
    say_globbed(glob64(PATH, FLAGS, NULL, &found), (glob_t *)&found);
}
static void walk_tree(FTS *(*open_tree)(char *const *, int, int (*)(const FTSENT **, const FTSENT **)),
                      FTSENT *(*read_tree)(FTS *), int (*close_tree)(FTS *))
{
    char *paths[] = {(char *)PATH, (char *)OTHER, NULL};
    FTS *tree = open_tree(paths, FLAGS, NULL);
    say_number(tree == NULL ? -1 : 0);
    if (tree == NULL)
        return;
    for (FTSENT *at; (at = read_tree(tree)) != NULL;)
        add_line("%s %s %d %d", at->fts_path, at->fts_name, at->fts_info, at->fts_level);
    close_tree(tree);
    say_lines();
}
DO(fts_open, walk_tree(fts_open, fts_read, fts_close))
DO(fts_read, walk_tree(fts_open, fts_read, fts_close))
FUNCTION(fts_children)
{
    char *paths[] = {(char *)PATH, (char *)OTHER, NULL};
    FTS *tree = fts_open(paths, FLAGS, NULL);
    say_number(tree == NULL ? -1 : 0);
    if (tree == NULL)
        return;
    if (fts_read(tree) != NULL)
        for (FTSENT *at = fts_children(tree, 0); at != NULL; at = at->fts_link)
            add_line("%s %s %d", at->fts_path, at->fts_name, at->fts_info);
    fts_close(tree);
    say_lines();
}
#if __GLIBC_PREREQ(2, 34)
DO(fts64_open, walk_tree((void *)fts64_open, (void *)fts64_read, (void *)fts64_close))
DO(fts64_read, walk_tree((void *)fts64_open, (void *)fts64_read, (void *)fts64_close))
FUNCTION(fts64_children)
{
    char *paths[] = {(char *)PATH, NULL};
    FTS64 *tree = fts64_open(paths, FLAGS, NULL);
    say_number(tree == NULL ? -1 : 0);
    if (tree != NULL && fts64_read(tree) != NULL)
        for (FTSENT64 *at = fts64_children(tree, 0); at != NULL; at = at->fts_link)
            add_line("%s", at->fts_name);
    if (tree != NULL)
        fts64_close(tree);
    say_lines();
}
#endif
DO(canonicalize_file_name, char *text = canonicalize_file_name(PATH); say_string(text); free(text))

extern int __open_2(const char *, int);
extern int __open64_2(const char *, int);
extern int __openat_2(int, const char *, int);
extern int __openat64_2(int, const char *, int);
extern char *__realpath_chk(const char *, char *, size_t);
extern ssize_t __readlink_chk(const char *, char *, size_t, size_t);
extern ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
#define READ_FLAGS (FLAGS & ~(O_CREAT | __O_TMPFILE))
DO(__open_2, say_descriptor(__open_2(PATH, READ_FLAGS)))
DO(__open64_2, say_descriptor(__open64_2(PATH, READ_FLAGS)))
DO(__openat_2, say_descriptor(__openat_2(AT, READ_FLAGS)))
DO(__openat64_2, say_descriptor(__openat64_2(AT, READ_FLAGS)))
DO(__realpath_chk, char text[PATH_MAX]; say_string(__realpath_chk(PATH, text, sizeof text)))
DO(__readlink_chk, char text[PATH_MAX]; say_link(__readlink_chk(PATH, text, ROOM, sizeof text), text))
DO(__readlinkat_chk, char text[PATH_MAX]; say_link(__readlinkat_chk(AT, text, ROOM, sizeof text), text))

#include "old_stat.h"

DO_STAT(__xstat, __xstat(VERSION, PATH, &status))
DO_STAT(__lxstat, __lxstat(VERSION, PATH, &status))
DO_STAT(__xstat64, __xstat64(VERSION, PATH, SAME))
DO_STAT(__lxstat64, __lxstat64(VERSION, PATH, SAME))
DO_STAT(__fxstatat, __fxstatat(VERSION, AT, &status, FLAGS))
DO_STAT(__fxstatat64, __fxstatat64(VERSION, AT, SAME, FLAGS))
DO(__xmknod, dev_t device = 0; say_number(__xmknod(0, PATH, S_IFREG | MODE, &device)))
DO(__xmknodat, dev_t device = 0; say_number(__xmknodat(0, AT, S_IFREG | MODE, &device)))
#endif
