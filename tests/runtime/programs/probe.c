/* probe FUNCTION DIRECTORY ROOT: calls FUNCTION on DIRECTORY/bundle, …/host, …/both and …/neither, and says for
 * each which file answered: the bundle's (below ROOT), the host's, or an errno's name. */
#define _GNU_SOURCE
#include "sys.h" /* the runtime's own: system calls that nothing stands before */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <libintl.h>
#include <mntent.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>
#include <glob.h>
#ifdef __GLIBC__
#include <fts.h>
#endif

extern char **environ;

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

static const char *directory;
static char path[PATH_MAX], bundled[PATH_MAX], other[PATH_MAX], answer[PATH_MAX];
static int elsewhere; /* a directory that an absolute path must not care for */

/* ---- what came out ---- */

static const char *say(const char *text)
{
    snprintf(answer, sizeof answer, "%s", text);
    return answer;
}

static const char *failure(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{ENOENT, "ENOENT"}, {EACCES, "EACCES"}, {EEXIST, "EEXIST"}, {ENOSYS, "ENOSYS"},
                 {EINVAL, "EINVAL"}, {EFAULT, "EFAULT"}, {ENOTDIR, "ENOTDIR"}, {ENOEXEC, "ENOEXEC"},
                 {EOPNOTSUPP, "EOPNOTSUPP"}, {ENODATA, "ENODATA"}, {EXDEV, "EXDEV"}, {ENOTEMPTY, "ENOTEMPTY"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return say(names[i].name);
    snprintf(answer, sizeof answer, "errno %d", number);
    return answer;
}

static const char *line(const char *text, ssize_t length)
{
    if (length < 0)
        return failure(errno);
    snprintf(answer, sizeof answer, "%.*s", (int)length, text);
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

static const char *content(int fd)
{
    char text[64];
    if (fd < 0)
        return failure(errno);
    const char *result = line(text, read(fd, text, sizeof text));
    close(fd);
    return result;
}

static const char *stream_content(FILE *file)
{
    return file == NULL ? failure(errno) : content(fileno(file));
}

/* The bundle's files hold "bundle\n", the host's "host\n". */
static const char *sized(int result, const off_t *size)
{
    if (result < 0)
        return failure(errno);
    return say(*size == 7 ? "bundle" : *size == 5 ? "host" : "another size");
}

/* The bundle's files are executable, the host's are not. */
static const char *allowed(int result)
{
    if (result < 0 && errno == EACCES)
        return say("host");
    return result < 0 ? failure(errno) : say("bundle");
}

static const char *there(int result)
{
    return result < 0 ? failure(errno) : say("yes");
}

/* ---- which file was changed ---- */

struct seen {
    long missing, inode, links, seconds, nanoseconds, size;
};

static struct seen before[2];

static struct seen look(const char *file)
{
    struct seen seen = {0};
    struct stat status;
    seen.missing = lb_sys6(SYS_newfstatat, AT_FDCWD, (long)file, (long)&status, AT_SYMLINK_NOFOLLOW, 0, 0);
    if (seen.missing == 0) {
        seen.inode = (long)status.st_ino;
        seen.links = (long)status.st_nlink;
        seen.size = status.st_size;
        seen.seconds = status.st_ctim.tv_sec;
        seen.nanoseconds = status.st_ctim.tv_nsec;
    }
    return seen;
}

static const char *changed(int result)
{
    if (result < 0)
        return failure(errno);
    struct seen in_bundle = look(bundled), on_host = look(path);
    if (memcmp(&in_bundle, &before[0], sizeof in_bundle) != 0)
        return say("bundle");
    return say(memcmp(&on_host, &before[1], sizeof on_host) != 0 ? "host" : "nothing changed");
}

/* ---- directories: the bundle's hold a file "bundle", the host's one "host" ---- */

static const char *entry_of(DIR *open)
{
    if (open == NULL)
        return failure(errno);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;)
        if (entry->d_name[0] != '.')
            say(entry->d_name);
    closedir(open);
    return answer;
}

#define ENTRY_OF_SCAN(name, type)                                                                            \
    static const char *name(int count, struct type ***entries)                                              \
    {                                                                                                        \
        if (count < 0)                                                                                       \
            return failure(errno);                                                                           \
        say("empty");                                                                                        \
        for (int i = 0; i < count; i++)                                                                      \
            if ((*entries)[i]->d_name[0] != '.')                                                                \
                say((*entries)[i]->d_name);                                                                     \
        return answer;                                                                                       \
    }

ENTRY_OF_SCAN(scanned, dirent)
#ifdef __GLIBC__
ENTRY_OF_SCAN(scanned64, dirent64)
#endif

/* A walk must name what was asked for, and below it the one file. */
static const char *walked_wrong;

static void walk_at(const char *at)
{
    size_t length = strlen(path);
    if (strncmp(at, path, length) != 0)
        walked_wrong = "not the name asked for";
    else if (at[length] == '/')
        say(at + length + 1);
}

static int walk(const char *at, const struct stat *status, int type)
{
    (void)status;
    (void)type;
    walk_at(at);
    return 0;
}

static int walk_new(const char *at, const struct stat *status, int type, struct FTW *place)
{
    const char *slash = strrchr(at, '/');
    if (slash + 1 != at + place->base)
        walked_wrong = "base is wrong";
    return walk(at, status, type);
}

static const char *walked(int result)
{
    if (result < 0)
        return failure(errno);
    return walked_wrong != NULL ? walked_wrong : answer;
}

#ifdef __GLIBC__
static int walk64(const char *at, const struct stat64 *status, int type)
{
    (void)status;
    (void)type;
    walk_at(at);
    return 0;
}

static int walk_new64(const char *at, const struct stat64 *status, int type, struct FTW *place)
{
    (void)place;
    return walk64(at, status, type);
}
#endif

static const char *globbed(int result, const size_t *count, char ***names)
{
    if (result == GLOB_NOMATCH)
        return say("ENOENT");
    if (result != 0)
        return say("glob failed");
    if (*count != 1)
        return say("not one match");
    if (strncmp((*names)[0], path, strlen(path)) != 0)
        return say("not the name asked for");
    return say(strrchr((*names)[0], '/') + 1);
}

/* ---- programs ---- */

static char *no_arguments[] = {"whoami", NULL};

static const char *spawned(int failed, pid_t pid, int from)
{
    int status;
    if (failed != 0)
        return failure(failed);
    content(from);
    waitpid(pid, &status, 0);
    return answer;
}

/* Runs `start` in a child, or lets it spawn one, with standard output in a pipe. */
static const char *output_of(int (*start)(void))
{
    int ends[2], status;
    if (pipe(ends) != 0)
        return say("no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        int result = start();
        const char *text = result < 0 ? failure(errno) : failure(result);
        if (result != 0)
            dprintf(1, "%s\n", text);
        _exit(0);
    }
    close(ends[1]);
    content(ends[0]);
    waitpid(pid, &status, 0);
    return answer;
}

static int start_execve(void) { return execve(path, no_arguments, environ); }
static int start_execv(void) { return execv(path, no_arguments); }
static int start_execvp(void) { return execvp(path, no_arguments); }
static int start_execvpe(void) { return execvpe(path, no_arguments, environ); }
static int start_execl(void) { return execl(path, "whoami", "1", "2", "3", "4", "5", "6", "7", (char *)NULL); }
static int start_execlp(void) { return execlp(path, "whoami", "1", (char *)NULL); }
static int start_execle(void) { return execle(path, "whoami", "1", (char *)NULL, environ); }
static int start_fexecve(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fd : fexecve(fd, no_arguments, environ);
}
static int start_syscall_execve(void) { return (int)syscall(SYS_execve, path, no_arguments, environ); }
static int start_syscall_execveat(void)
{
    return (int)syscall(SYS_execveat, elsewhere, path, no_arguments, environ, 0);
}
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
static int start_execveat(void) { return execveat(elsewhere, path, no_arguments, environ, 0); }
#define HAS_EXECVEAT
#endif
#if __GLIBC_PREREQ(2, 29)
#define HAS_ADDCHDIR
#endif
#endif
#ifndef __GLIBC__
#define HAS_ADDCHDIR
#endif

static int wait_for(int failed, const pid_t *pid)
{
    int status;
    if (failed == 0)
        waitpid(*pid, &status, 0);
    return failed;
}

static int start_posix_spawn(void)
{
    pid_t pid = 0;
    return wait_for(posix_spawn(&pid, path, NULL, NULL, no_arguments, environ), &pid);
}

static int start_posix_spawnp(void)
{
    pid_t pid = 0;
    return wait_for(posix_spawnp(&pid, path, NULL, NULL, no_arguments, environ), &pid);
}

static int start_system(void)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "%s 2>/dev/null", path);
    int status = system(command);
    if (status != 0)
        dprintf(1, "%d\n", WEXITSTATUS(status));
    return 0;
}

/* What a shell tells of its standard input or its working directory, which were set by file actions. */
static const char *shell_with(posix_spawn_file_actions_t *actions, int failed, const char *command)
{
    char *argv[] = {"sh", "-c", (char *)command, NULL};
    int ends[2];
    pid_t pid;
    if (failed != 0 || pipe2(ends, O_CLOEXEC) != 0)
        return failure(failed);
    posix_spawn_file_actions_adddup2(actions, ends[1], 1);
    failed = posix_spawn(&pid, "/bin/sh", actions, NULL, argv, environ);
    close(ends[1]);
    return spawned(failed, pid, ends[0]);
}

/* ---- the functions ---- */

#define PROBE(name) static const char *probe_##name(void)

PROBE(open) { return content(open(path, O_RDONLY)); }
PROBE(openat) { return content(openat(elsewhere, path, O_RDONLY)); }
PROBE(creat) { return changed(creat(path, 0644)); }
PROBE(fopen) { return stream_content(fopen(path, "r")); }
PROBE(setmntent) { return stream_content(setmntent(path, "r")); }
PROBE(freopen)
{
    FILE *file = fopen("/dev/null", "r");
    return stream_content(freopen(path, "r", file));
}
PROBE(fclose) /* what popen gave and fclose ends has to be waited for, as in libc */
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "%s 2>/dev/null", path);
    char text[64];
    FILE *file = popen(command, "r");
    if (file == NULL)
        return failure(errno);
    const char *result = line(text, read(fileno(file), text, sizeof text));
    fclose(file);
#ifdef __GLIBC__
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        return say("a child is left");
#endif
    return *result == '\0' ? say("127") : result;
}
PROBE(opendir) { return entry_of(opendir(path)); }
PROBE(truncate) { return changed(truncate(path, 3)); }

PROBE(stat)
{
    struct stat status;
    return sized(stat(path, &status), &status.st_size);
}
PROBE(lstat)
{
    struct stat status;
    return sized(lstat(path, &status), &status.st_size);
}
PROBE(fstatat)
{
    struct stat status;
    return sized(fstatat(elsewhere, path, &status, 0), &status.st_size);
}
PROBE(statfs)
{
    struct statfs status;
    return there(statfs(path, &status));
}
PROBE(statvfs)
{
    struct statvfs status;
    return there(statvfs(path, &status));
}
PROBE(pathconf) { return there(pathconf(path, _PC_NAME_MAX) > 0 ? 0 : -1); }
PROBE(access) { return allowed(access(path, X_OK)); }
PROBE(eaccess) { return allowed(eaccess(path, X_OK)); }
PROBE(euidaccess) { return allowed(euidaccess(path, X_OK)); }
PROBE(faccessat) { return allowed(faccessat(elsewhere, path, X_OK, 0)); }
PROBE(chdir)
{
    if (chdir(path) != 0)
        return failure(errno);
    return entry_of(opendir("."));
}

PROBE(chmod) { return changed(chmod(path, 0700)); }
PROBE(lchmod) { return changed(lchmod(path, 0700)); }
PROBE(fchmodat) { return changed(fchmodat(elsewhere, path, 0700, 0)); }
PROBE(chown) { return changed(chown(path, getuid(), getgid())); }
PROBE(lchown) { return changed(lchown(path, getuid(), getgid())); }
PROBE(fchownat) { return changed(fchownat(elsewhere, path, getuid(), getgid(), 0)); }
PROBE(utime) { return changed(utime(path, NULL)); }
PROBE(utimes) { return changed(utimes(path, NULL)); }
PROBE(lutimes)
{
    struct timeval times[2] = {{1, 0}, {1, 0}};
    return changed(lutimes(path, times));
}
PROBE(futimesat) { return changed(futimesat(elsewhere, path, NULL)); }
PROBE(utimensat) { return changed(utimensat(elsewhere, path, NULL, 0)); }
PROBE(unlink) { return changed(unlink(path)); }
PROBE(unlinkat) { return changed(unlinkat(elsewhere, path, 0)); }
PROBE(remove) { return changed(remove(path)); }
PROBE(rmdir) { return changed(rmdir(path)); }
PROBE(mkdir) { return changed(mkdir(path, 0755)); }
PROBE(mkdirat) { return changed(mkdirat(elsewhere, path, 0755)); }
PROBE(mkfifo) { return changed(mkfifo(path, 0644)); }
PROBE(mkfifoat) { return changed(mkfifoat(elsewhere, path, 0644)); }
PROBE(mknod) { return changed(mknod(path, S_IFREG | 0644, 0)); }
PROBE(mknodat) { return changed(mknodat(elsewhere, path, S_IFREG | 0644, 0)); }

PROBE(rename) { return changed(rename(path, other)); }
PROBE(renameat) { return changed(renameat(elsewhere, path, elsewhere, other)); }
#ifdef __GLIBC__
PROBE(renameat2) { return changed(renameat2(elsewhere, path, elsewhere, other, 0)); }
#endif
PROBE(link) { return changed(link(path, other)); }
PROBE(linkat) { return changed(linkat(elsewhere, path, elsewhere, other, 0)); }
PROBE(symlink) { return changed(symlink("anywhere", path)); }
PROBE(symlinkat) { return changed(symlinkat("anywhere", elsewhere, path)); }

/* The second path of those that take two: a new file is put in its place. */
static const char *fresh(void)
{
    close(open(other, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return other;
}
PROBE(rename_to) { return changed(rename(fresh(), path)); }
PROBE(renameat_to) { return changed(renameat(elsewhere, fresh(), elsewhere, path)); }
#ifdef __GLIBC__
PROBE(renameat2_to) { return changed(renameat2(elsewhere, fresh(), elsewhere, path, 0)); }
#endif
PROBE(link_to) { return changed(link(fresh(), path)); }
PROBE(linkat_to) { return changed(linkat(elsewhere, fresh(), elsewhere, path, 0)); }

PROBE(getxattr) { char text[64]; return line(text, getxattr(path, "user.who", text, sizeof text)); }
PROBE(lgetxattr) { char text[64]; return line(text, lgetxattr(path, "user.who", text, sizeof text)); }
static const char *listed(char *text, ssize_t length)
{
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(text + at) + 1)
        if (strcmp(text + at, "user.of-bundle") == 0 || strcmp(text + at, "user.of-host") == 0)
            return say(text + at + 8);
    return length < 0 ? failure(errno) : say("no attribute");
}
PROBE(listxattr) { char text[1024]; return listed(text, listxattr(path, text, sizeof text)); }
PROBE(llistxattr) { char text[1024]; return listed(text, llistxattr(path, text, sizeof text)); }
PROBE(setxattr) { return changed(setxattr(path, "user.new", "1", 1, 0)); }
PROBE(lsetxattr) { return changed(lsetxattr(path, "user.new", "1", 1, 0)); }
PROBE(removexattr) { return changed(removexattr(path, "user.who")); }
PROBE(lremovexattr) { return changed(lremovexattr(path, "user.who")); }

PROBE(inotify_add_watch)
{
    char file[PATH_MAX + 8], event[4096];
    int watch = inotify_init1(IN_NONBLOCK);
    if (inotify_add_watch(watch, path, IN_CREATE) < 0)
        return failure(errno);
    const char *sides[] = {bundled, path};
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/new", sides[i]);
        int fd = (int)lb_sys6(SYS_openat, AT_FDCWD, (long)file, O_WRONLY | O_CREAT, 0644, 0, 0);
        if (fd >= 0)
            close(fd);
        lb_sys6(SYS_unlinkat, AT_FDCWD, (long)file, 0, 0, 0, 0);
        if (read(watch, event, sizeof event) > 0)
            return say(i == 0 ? "bundle" : "host");
    }
    return say("no event");
}
PROBE(ftok)
{
    key_t key = ftok(path, 1);
    if (key == -1)
        return failure(errno);
    return say((key & 0xffff) == (before[0].inode & 0xffff) && before[0].missing == 0 ? "bundle" : "host");
}

PROBE(scandir)
{
    struct dirent **entries;
    return scanned(scandir(path, &entries, NULL, alphasort), &entries);
}
PROBE(ftw) { return walked(ftw(path, walk, 8)); }
PROBE(nftw) { return walked(nftw(path, walk_new, 8, FTW_PHYS)); }

PROBE(readlink) { char text[PATH_MAX]; return line(text, readlink(path, text, sizeof text)); }
PROBE(readlinkat) { char text[PATH_MAX]; return line(text, readlinkat(elsewhere, path, text, sizeof text)); }
static const char *resolved(const char *result)
{
    if (result == NULL)
        return failure(errno);
    size_t length = strlen(directory);
    if (strncmp(result, directory, length) != 0 || result[length] != '/')
        return say("not below the directory asked for");
    return say(result + length + 1);
}
PROBE(realpath) { char text[PATH_MAX]; return resolved(realpath(path, text)); }

static const char *plugin(void *handle)
{
    if (handle == NULL)
        return say("ENOENT");
    const char *(*whoami)(void) = (const char *(*)(void))dlsym(handle, "whoami");
    return say(whoami == NULL ? "no symbol" : whoami());
}
PROBE(dlopen) { return plugin(dlopen(path, RTLD_NOW)); }
/* A directory that is not there is told apart only by where it would be. */
PROBE(bindtextdomain)
{
    const char *result = bindtextdomain(strrchr(path, '/') + 1, path);
    if (result == NULL)
        return failure(errno);
    return say(strcmp(result, bundled) == 0 ? "bundle" : strcmp(result, path) == 0 ? "host" : "elsewhere");
}

PROBE(execve) { return output_of(start_execve); }
PROBE(execv) { return output_of(start_execv); }
PROBE(execvp) { return output_of(start_execvp); }
PROBE(execvpe) { return output_of(start_execvpe); }
PROBE(execl) { return output_of(start_execl); }
PROBE(execlp) { return output_of(start_execlp); }
PROBE(execle) { return output_of(start_execle); }
PROBE(fexecve) { return output_of(start_fexecve); }
#ifdef HAS_EXECVEAT
PROBE(execveat) { return output_of(start_execveat); }
#endif
PROBE(posix_spawn) { return output_of(start_posix_spawn); }
PROBE(posix_spawnp) { return output_of(start_posix_spawnp); }
PROBE(system) { return output_of(start_system); }
PROBE(popen)
{
    char command[PATH_MAX + 32], text[64];
    snprintf(command, sizeof command, "%s 2>/dev/null", path);
    FILE *file = popen(command, "r");
    if (file == NULL)
        return failure(errno);
    ssize_t length = read(fileno(file), text, sizeof text);
    int status = pclose(file);
    if (status != 0)
        snprintf(text, sizeof text, "%d", WEXITSTATUS(status));
    return line(text, status != 0 ? (ssize_t)strlen(text) : length);
}
PROBE(posix_spawn_file_actions_addopen)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int failed = posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0);
    return shell_with(&actions, failed, "read line; echo \"$line\"");
}
#ifdef HAS_ADDCHDIR
PROBE(posix_spawn_file_actions_addchdir_np)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int failed = posix_spawn_file_actions_addchdir_np(&actions, path);
    return shell_with(&actions, failed, "echo *");
}
#endif

#ifdef SYS_open
PROBE(syscall_open) { return content((int)syscall(SYS_open, path, O_RDONLY)); }
PROBE(syscall_stat)
{
    struct stat status;
    return sized((int)syscall(SYS_stat, path, &status), &status.st_size);
}
PROBE(syscall_lstat)
{
    struct stat status;
    return sized((int)syscall(SYS_lstat, path, &status), &status.st_size);
}
PROBE(syscall_access) { return allowed((int)syscall(SYS_access, path, X_OK)); }
PROBE(syscall_readlink)
{
    char text[PATH_MAX];
    return line(text, syscall(SYS_readlink, path, text, sizeof text));
}
#endif
PROBE(syscall_openat) { return content((int)syscall(SYS_openat, elsewhere, path, O_RDONLY)); }
PROBE(syscall_openat2)
{
    unsigned long how[3] = {O_RDONLY, 0, 0};
    return content((int)syscall(SYS_openat2, elsewhere, path, how, sizeof how));
}
PROBE(syscall_faccessat) { return allowed((int)syscall(SYS_faccessat, elsewhere, path, X_OK)); }
PROBE(syscall_faccessat2) { return allowed((int)syscall(SYS_faccessat2, elsewhere, path, X_OK, 0)); }
PROBE(syscall_newfstatat)
{
    struct stat status;
    return sized((int)syscall(SYS_newfstatat, elsewhere, path, &status, 0), &status.st_size);
}
static const char *sized_x(int result, const unsigned char *status)
{
    off_t size; /* stx_size, whatever these headers know of the structure */
    memcpy(&size, status + 40, sizeof size);
    return sized(result, &size);
}
PROBE(syscall_statx)
{
    unsigned char status[256];
    return sized_x((int)syscall(SYS_statx, elsewhere, path, 0, 0x7ff, status), status);
}
PROBE(syscall_statfs)
{
    struct statfs status;
    return there((int)syscall(SYS_statfs, path, &status));
}
PROBE(syscall_chdir)
{
    if (syscall(SYS_chdir, path) != 0)
        return failure(errno);
    return entry_of(opendir("."));
}
PROBE(syscall_readlinkat)
{
    char text[PATH_MAX];
    return line(text, syscall(SYS_readlinkat, elsewhere, path, text, sizeof text));
}
PROBE(syscall_execve) { return output_of(start_syscall_execve); }
PROBE(syscall_execveat) { return output_of(start_syscall_execveat); }

static char *pattern(void)
{
    static char text[PATH_MAX + 4];
    snprintf(text, sizeof text, "%s/*", path);
    return text;
}
PROBE(glob)
{
    glob_t found = {0};
    return globbed(glob(pattern(), GLOB_MARK, NULL, &found), &found.gl_pathc, &found.gl_pathv);
}

#ifdef __GLIBC__
PROBE(statx)
{
    struct statx status;
    return sized_x(statx(elsewhere, path, 0, STATX_ALL, &status), (unsigned char *)&status);
}
PROBE(open64) { return content(open64(path, O_RDONLY)); }
PROBE(openat64) { return content(openat64(elsewhere, path, O_RDONLY)); }
PROBE(creat64) { return changed(creat64(path, 0644)); }
PROBE(fopen64) { return stream_content(fopen64(path, "r")); }
PROBE(freopen64)
{
    FILE *file = fopen64("/dev/null", "r");
    return stream_content(freopen64(path, "r", file));
}
PROBE(truncate64) { return changed(truncate64(path, 3)); }
PROBE(stat64)
{
    struct stat64 status;
    return sized(stat64(path, &status), &status.st_size);
}
PROBE(lstat64)
{
    struct stat64 status;
    return sized(lstat64(path, &status), &status.st_size);
}
PROBE(fstatat64)
{
    struct stat64 status;
    return sized(fstatat64(elsewhere, path, &status, 0), &status.st_size);
}
PROBE(statfs64)
{
    struct statfs64 status;
    return there(statfs64(path, &status));
}
PROBE(statvfs64)
{
    struct statvfs64 status;
    return there(statvfs64(path, &status));
}
PROBE(scandir64)
{
    struct dirent64 **entries;
    return scanned64(scandir64(path, &entries, NULL, alphasort64), &entries);
}
PROBE(scandirat)
{
    struct dirent **entries;
    return scanned(scandirat(elsewhere, path, &entries, NULL, alphasort), &entries);
}
PROBE(scandirat64)
{
    struct dirent64 **entries;
    return scanned64(scandirat64(elsewhere, path, &entries, NULL, alphasort64), &entries);
}
PROBE(ftw64) { return walked(ftw64(path, walk64, 8)); }
PROBE(nftw64) { return walked(nftw64(path, walk_new64, 8, FTW_PHYS)); }

/* Ten paths, the last is the one asked for. */
#define PROBE_FTS(name, prefix, tree, entry)                                                                 \
    PROBE(name)                                                                                              \
    {                                                                                                        \
        char *paths[] = {"/dev/null", "/dev/null", "/dev/null", "/dev/null", "/dev/null", "/dev/null",      \
                         "/dev/null", "/dev/null", "/dev/null", path, NULL};                                 \
        tree *walk_of = prefix##_open(paths, FTS_PHYSICAL, NULL);                                            \
        if (walk_of == NULL)                                                                                 \
            return failure(errno);                                                                           \
        say("nothing");                                                                                      \
        for (entry *at; (at = prefix##_read(walk_of)) != NULL;) {                                            \
            if (at->fts_info == FTS_NS)                                                                      \
                failure(at->fts_errno);                                                                      \
            if (at->fts_info == FTS_F && at->fts_level == 1)                                                 \
                say(at->fts_name);                                                                           \
        }                                                                                                    \
        prefix##_close(walk_of);                                                                             \
        return answer;                                                                                       \
    }
PROBE_FTS(fts_open, fts, FTS, FTSENT)
#if __GLIBC_PREREQ(2, 34)
PROBE_FTS(fts64_open, fts64, FTS64, FTSENT64)
#endif

PROBE(glob64)
{
    /* Names without a wildcard are only asked for. */
    glob64_t found = {0};
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s/bundle", path);
    glob64(name, 0, NULL, &found);
    snprintf(name, sizeof name, "%s/host", path);
    int result = glob64(name, GLOB_APPEND, NULL, &found);
    size_t one = 1; /* directories are not merged by listing, but by name each file of both is there */
    return globbed(found.gl_pathc > 0 ? 0 : result, &one, &found.gl_pathv);
}
PROBE(canonicalize_file_name) { return resolved(canonicalize_file_name(path)); }
PROBE(dlmopen) { return plugin(dlmopen(LM_ID_BASE, path, RTLD_NOW)); }

/* What _FORTIFY_SOURCE calls instead. */
extern int __open_2(const char *, int);
extern int __open64_2(const char *, int);
extern int __openat_2(int, const char *, int);
extern int __openat64_2(int, const char *, int);
extern char *__realpath_chk(const char *, char *, size_t);
extern ssize_t __readlink_chk(const char *, char *, size_t, size_t);
extern ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
PROBE(__open_2) { return content(__open_2(path, O_RDONLY)); }
PROBE(__open64_2) { return content(__open64_2(path, O_RDONLY)); }
PROBE(__openat_2) { return content(__openat_2(elsewhere, path, O_RDONLY)); }
PROBE(__openat64_2) { return content(__openat64_2(elsewhere, path, O_RDONLY)); }
PROBE(__realpath_chk) { char text[PATH_MAX]; return resolved(__realpath_chk(path, text, sizeof text)); }
PROBE(__readlink_chk)
{
    char text[PATH_MAX];
    return line(text, __readlink_chk(path, text, sizeof text, sizeof text));
}
PROBE(__readlinkat_chk)
{
    char text[PATH_MAX];
    return line(text, __readlinkat_chk(elsewhere, path, text, sizeof text, sizeof text));
}

#include "old_stat.h"

PROBE(__xstat)
{
    struct stat status;
    return sized(__xstat(VERSION, path, &status), &status.st_size);
}
PROBE(__lxstat)
{
    struct stat status;
    return sized(__lxstat(VERSION, path, &status), &status.st_size);
}
PROBE(__xstat64)
{
    struct stat64 status;
    return sized(__xstat64(VERSION, path, &status), &status.st_size);
}
PROBE(__lxstat64)
{
    struct stat64 status;
    return sized(__lxstat64(VERSION, path, &status), &status.st_size);
}
PROBE(__fxstatat)
{
    struct stat status;
    return sized(__fxstatat(VERSION, elsewhere, path, &status, 0), &status.st_size);
}
PROBE(__fxstatat64)
{
    struct stat64 status;
    return sized(__fxstatat64(VERSION, elsewhere, path, &status, 0), &status.st_size);
}
PROBE(__xmknod)
{
    dev_t device = 0;
    return changed(__xmknod(0, path, S_IFREG | 0644, &device));
}
PROBE(__xmknodat)
{
    dev_t device = 0;
    return changed(__xmknodat(0, elsewhere, path, S_IFREG | 0644, &device));
}
#endif

/* ---- which there are: the test writes the list, so that it knows what this program was built with ---- */

static const struct {
    const char *name;
    const char *(*probe)(void);
} probes[] = {
#define HAS(name) {#name, probe_##name},
#include "probes.h"
};

int main(int argc, char **argv)
{
    static const char *const cases[] = {"bundle", "host", "both", "neither"};
    const char *(*probe)(void) = NULL;
    if (argc != 4)
        return 2;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (strcmp(probes[i].name, argv[1]) == 0)
            probe = probes[i].probe;
    if (probe == NULL)
        return 2;
    directory = argv[2];
    elsewhere = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, cases[i]);
        snprintf(bundled, sizeof bundled, "%s%s", argv[3], path);
        snprintf(other, sizeof other, "%s/other-%s", directory, cases[i]);
        before[0] = look(bundled);
        before[1] = look(path);
        answer[0] = '\0';
        errno = 0;
        printf("%s %s\n", cases[i], probe());
        fflush(stdout);
    }
    return 0;
}
