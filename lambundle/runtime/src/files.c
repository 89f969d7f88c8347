/* libc functions that only take a path: the bundle is searched first, then the host. */
#define _GNU_SOURCE
#include "lb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <utime.h>

struct statx;

/* A call with `path` as it is served (`makes`: of a name that is made or removed), then, where it is relative and not
 * there, from the other side: `rest` is the call's arguments with PATH in its place. */
#define LB_CALL(result, name, failed, makes, directory, ...)                                                 \
    {                                                                                                        \
        LB_BUFFER(buffer, path);                                                                             \
        const char *asked = path;                                                                            \
        path = (makes) ? lb_placed_at(directory, path, buffer, #name)                                        \
                       : lb_served_at(directory, path, buffer, #name);                                       \
        result answer = lb_real_##name()(__VA_ARGS__);                                                       \
        if (LB_UNLIKELY(answer == failed) && (errno == ENOENT || ((makes) && errno == EROFS)) &&             \
            lb_is_relative(asked)) {                                                                         \
            LB_REACH_BUFFER(other, asked);                                                                   \
            if (lb_is_elsewhere(directory, asked, &path, other))                                             \
                answer = lb_real_##name()(__VA_ARGS__);                                                      \
        }                                                                                                    \
        return answer;                                                                                       \
    }

/* NAME(path, …) */
#define LB_PATH_FIRST(result, name, parameters, ...)                                                         \
    LB_WRAP(result, name, parameters) LB_CALL(result, name, -1, false, AT_FDCWD, __VA_ARGS__)

/* NAME(directory, path, …) */
#define LB_PATH_AT(result, name, parameters, ...)                                                            \
    LB_WRAP(result, name, parameters) LB_CALL(result, name, -1, false, directory, __VA_ARGS__)

#define LB_PATH_POINTER(result, name, parameters, ...)                                                       \
    LB_WRAP_POINTER(result, name, parameters) LB_CALL(result, name, NULL, false, AT_FDCWD, __VA_ARGS__)

/* The same for functions that make or remove the name, if `makes`. */
#define LB_NAME_FIRST(result, name, makes, parameters, ...)                                                  \
    LB_WRAP(result, name, parameters) LB_CALL(result, name, -1, makes, AT_FDCWD, __VA_ARGS__)

#define LB_NAME_AT(result, name, makes, parameters, ...)                                                     \
    LB_WRAP(result, name, parameters) LB_CALL(result, name, -1, makes, directory, __VA_ARGS__)

static inline bool makes_file(const char *mode)
{
    return lb_is_readable(mode) && (mode[0] == 'w' || mode[0] == 'a');
}

#define LB_FOPEN(name)                                                                                       \
    LB_WRAP_POINTER(FILE *, name, (const char *path, const char *mode))                                      \
    LB_CALL(FILE *, name, NULL, makes_file(mode), AT_FDCWD, path, mode)

/* For functions that cannot be called twice. */
static const char *placed_or_reached(int directory, const char *path, struct lb_path *buffer,
                                     const char *operation)
{
    const char *reached = lb_reached_at(directory, path, buffer, operation);
    return reached == path && lb_is_readable(path) ? lb_find_place(path, buffer) : reached;
}

/* One that fails has closed the stream: there is no second call. */
#define LB_FREOPEN(name)                                                                                     \
    LB_WRAP_POINTER(FILE *, name, (const char *path, const char *mode, FILE *file))                          \
    {                                                                                                        \
        LB_REACH_BUFFER(buffer, path);                                                                       \
        path = makes_file(mode) ? placed_or_reached(AT_FDCWD, path, buffer, #name)                           \
                                : lb_reached_at(AT_FDCWD, path, buffer, #name);                              \
        return lb_real_##name()(path, mode, file);                                                           \
    }

/* A look at a link itself, if `itself`. */
#define LB_STAT(name, parameters, directory, itself, mend, ...)                                              \
    LB_WRAP(int, name, parameters)                                                                           \
    {                                                                                                        \
        LB_BUFFER(buffer, path);                                                                             \
        const char *asked = path;                                                                            \
        path = lb_served_at(directory, path, buffer, #name);                                                 \
        if (path == lb_state.program && (itself))                                                            \
            path = asked; /* /proc/self/exe is a link */                                                     \
        int answer = lb_real_##name()(__VA_ARGS__);                                                          \
        LB_REACH_BUFFER(other, answer == -1 && errno == ENOENT ? asked : NULL);                              \
        if (LB_UNLIKELY(answer == -1) && errno == ENOENT &&                                                  \
            lb_is_elsewhere(directory, asked, &path, other))                                                 \
            answer = lb_real_##name()(__VA_ARGS__);                                                          \
        if (answer == 0 && (itself))                                                                         \
            mend(directory, path, (void *)status);                                                           \
        return answer;                                                                                       \
    }

/* ---- open. The mode is declared, though variadic in libc's headers: it arrives in the same register ---- */

LB_NAME_FIRST(int, open, flags & O_CREAT, (const char *path, int flags, unsigned mode), path, flags, mode)
LB_NAME_AT(int, openat, flags & O_CREAT, (int directory, const char *path, int flags, unsigned mode), directory, path, flags,
           mode)
LB_NAME_FIRST(int, creat, true, (const char *path, mode_t mode), path, mode)
LB_FOPEN(fopen)
LB_FREOPEN(freopen)
LB_PATH_POINTER(DIR *, opendir, (const char *path), path)
LB_FOPEN(setmntent)
LB_PATH_FIRST(int, truncate, (const char *path, off_t length), path, length)

/* ---- stat ---- */

LB_PATH_FIRST(int, stat, (const char *path, struct stat *status), path, status)
LB_STAT(lstat, (const char *path, struct stat *status), AT_FDCWD, true, lb_mend_stat, path, status)
LB_STAT(fstatat, (int directory, const char *path, struct stat *status, int flags),
        directory, flags & AT_SYMLINK_NOFOLLOW, lb_mend_stat, directory, path, status, flags)
LB_STAT(statx, (int directory, const char *path, int flags, unsigned mask, struct statx *status),
        directory, flags & AT_SYMLINK_NOFOLLOW, lb_mend_statx, directory, path, flags, mask, status)
LB_PATH_FIRST(int, statfs, (const char *path, struct statfs *status), path, status)
LB_PATH_FIRST(int, statvfs, (const char *path, struct statvfs *status), path, status)
LB_PATH_FIRST(long, pathconf, (const char *path, int name), path, name)

/* ---- access ---- */

LB_PATH_FIRST(int, access, (const char *path, int mode), path, mode)
LB_PATH_FIRST(int, eaccess, (const char *path, int mode), path, mode)
LB_PATH_FIRST(int, euidaccess, (const char *path, int mode), path, mode)
LB_PATH_AT(int, faccessat, (int directory, const char *path, int mode, int flags), directory, path, mode,
           flags)

/* ---- the working directory ---- */

LB_PATH_FIRST(int, chdir, (const char *path), path)

/* ---- changes: fail for a path of the bundle (read-only), even if the host has it ---- */

LB_PATH_FIRST(int, chmod, (const char *path, mode_t mode), path, mode)
LB_PATH_FIRST(int, lchmod, (const char *path, mode_t mode), path, mode)
LB_PATH_AT(int, fchmodat, (int directory, const char *path, mode_t mode, int flags), directory, path, mode,
           flags)
LB_PATH_FIRST(int, chown, (const char *path, uid_t owner, gid_t group), path, owner, group)
LB_PATH_FIRST(int, lchown, (const char *path, uid_t owner, gid_t group), path, owner, group)
LB_PATH_AT(int, fchownat, (int directory, const char *path, uid_t owner, gid_t group, int flags), directory,
           path, owner, group, flags)
LB_PATH_FIRST(int, utime, (const char *path, const struct utimbuf *times), path, times)
LB_PATH_FIRST(int, utimes, (const char *path, const struct timeval *times), path, times)
LB_PATH_FIRST(int, lutimes, (const char *path, const struct timeval *times), path, times)
LB_PATH_AT(int, futimesat, (int directory, const char *path, const struct timeval *times), directory, path,
           times)
LB_PATH_AT(int, utimensat, (int directory, const char *path, const struct timespec *times, int flags),
           directory, path, times, flags)
LB_NAME_FIRST(int, unlink, true, (const char *path), path)
LB_NAME_AT(int, unlinkat, true, (int directory, const char *path, int flags), directory, path, flags)
LB_NAME_FIRST(int, remove, true, (const char *path), path)
LB_NAME_FIRST(int, rmdir, true, (const char *path), path)
LB_NAME_FIRST(int, mkdir, true, (const char *path, mode_t mode), path, mode)
LB_NAME_AT(int, mkdirat, true, (int directory, const char *path, mode_t mode), directory, path, mode)
LB_NAME_FIRST(int, mkfifo, true, (const char *path, mode_t mode), path, mode)
LB_NAME_AT(int, mkfifoat, true, (int directory, const char *path, mode_t mode), directory, path, mode)
LB_NAME_FIRST(int, mknod, true, (const char *path, mode_t mode, dev_t device), path, mode, device)
LB_NAME_AT(int, mknodat, true, (int directory, const char *path, mode_t mode, dev_t device), directory, path, mode,
           device)

/* ---- two paths ---- */

#define LB_TWO_PATHS(name, parameters, directory1, directory2, ...)                                          \
    LB_WRAP(int, name, parameters)                                                                           \
    {                                                                                                        \
        LB_REACH_BUFFER(old_buffer, old_path);                                                               \
        LB_REACH_BUFFER(new_buffer, new_path);                                                               \
        old_path = placed_or_reached(directory1, old_path, old_buffer, #name);                               \
        new_path = placed_or_reached(directory2, new_path, new_buffer, #name);                               \
        return lb_real_##name()(__VA_ARGS__);                                                                \
    }

LB_TWO_PATHS(rename, (const char *old_path, const char *new_path), AT_FDCWD, AT_FDCWD, old_path, new_path)
LB_TWO_PATHS(renameat, (int from, const char *old_path, int to, const char *new_path), from, to, from,
             old_path, to, new_path)
LB_TWO_PATHS(renameat2, (int from, const char *old_path, int to, const char *new_path, unsigned flags), from,
             to, from, old_path, to, new_path, flags)
LB_TWO_PATHS(link, (const char *old_path, const char *new_path), AT_FDCWD, AT_FDCWD, old_path, new_path)
LB_TWO_PATHS(linkat, (int from, const char *old_path, int to, const char *new_path, int flags), from, to,
             from, old_path, to, new_path, flags)

/* The target of a symbolic link is not looked up: it may be anything. */
#define LB_TARGET lb_link_target(target, &(struct lb_path){.text = ""})
LB_NAME_FIRST(int, symlink, true, (const char *target, const char *path), LB_TARGET, path)
LB_NAME_AT(int, symlinkat, true, (const char *target, int directory, const char *path), LB_TARGET, directory, path)

/* ---- extended attributes, watches, keys ---- */

LB_PATH_FIRST(ssize_t, getxattr, (const char *path, const char *name, void *value, size_t size), path, name,
              value, size)
LB_PATH_FIRST(ssize_t, lgetxattr, (const char *path, const char *name, void *value, size_t size), path, name,
              value, size)
LB_PATH_FIRST(ssize_t, listxattr, (const char *path, char *list, size_t size), path, list, size)
LB_PATH_FIRST(ssize_t, llistxattr, (const char *path, char *list, size_t size), path, list, size)
LB_PATH_FIRST(int, setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
              path, name, value, size, flags)
LB_PATH_FIRST(int, lsetxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
              path, name, value, size, flags)
LB_PATH_FIRST(int, removexattr, (const char *path, const char *name), path, name)
LB_PATH_FIRST(int, lremovexattr, (const char *path, const char *name), path, name)
LB_PATH_FIRST(int, inotify_add_watch, (int watch, const char *path, unsigned mask), watch, path, mask)
LB_PATH_FIRST(key_t, ftok, (const char *path, int project), path, project)

/* ---- glibc's other names of the same ---- */

#ifdef __GLIBC__
struct stat64; /* the same structure on 64-bit machines */
struct statfs64;
struct statvfs64;

LB_NAME_FIRST(int, open64, flags & O_CREAT, (const char *path, int flags, unsigned mode), path, flags, mode)
LB_NAME_AT(int, openat64, flags & O_CREAT, (int directory, const char *path, int flags, unsigned mode), directory, path, flags,
           mode)
LB_NAME_FIRST(int, creat64, true, (const char *path, mode_t mode), path, mode)
LB_FOPEN(fopen64)
LB_FREOPEN(freopen64)
LB_PATH_FIRST(int, truncate64, (const char *path, off_t length), path, length)
LB_PATH_FIRST(int, stat64, (const char *path, struct stat64 *status), path, status)
LB_STAT(lstat64, (const char *path, struct stat64 *status), AT_FDCWD, true, lb_mend_stat, path, status)
LB_STAT(fstatat64, (int directory, const char *path, struct stat64 *status, int flags),
        directory, flags & AT_SYMLINK_NOFOLLOW, lb_mend_stat, directory, path, status, flags)
LB_PATH_FIRST(int, statfs64, (const char *path, struct statfs64 *status), path, status)
LB_PATH_FIRST(int, statvfs64, (const char *path, struct statvfs64 *status), path, status)

/* _FORTIFY_SOURCE: open without a mode */
LB_PATH_FIRST(int, __open_2, (const char *path, int flags), path, flags)
LB_PATH_FIRST(int, __open64_2, (const char *path, int flags), path, flags)
LB_PATH_AT(int, __openat_2, (int directory, const char *path, int flags), directory, path, flags)
LB_PATH_AT(int, __openat64_2, (int directory, const char *path, int flags), directory, path, flags)

/* before glibc 2.33, stat and its kin were inline functions that called these */
LB_PATH_FIRST(int, __xstat, (int version, const char *path, struct stat *status), version, path, status)
LB_STAT(__lxstat, (int version, const char *path, struct stat *status),
        AT_FDCWD, true, lb_mend_stat, version, path, status)
LB_PATH_FIRST(int, __xstat64, (int version, const char *path, struct stat64 *status), version, path, status)
LB_STAT(__lxstat64, (int version, const char *path, struct stat64 *status),
        AT_FDCWD, true, lb_mend_stat, version, path, status)
LB_STAT(__fxstatat, (int version, int directory, const char *path, struct stat *status, int flags),
        directory, flags & AT_SYMLINK_NOFOLLOW, lb_mend_stat, version, directory, path, status, flags)
LB_STAT(__fxstatat64, (int version, int directory, const char *path, struct stat64 *status, int flags),
        directory, flags & AT_SYMLINK_NOFOLLOW, lb_mend_stat, version, directory, path, status, flags)
LB_NAME_FIRST(int, __xmknod, true, (int version, const char *path, mode_t mode, dev_t *device), version, path, mode,
              device)
LB_NAME_AT(int, __xmknodat, true, (int version, int directory, const char *path, mode_t mode, dev_t *device),
           version, directory, path, mode, device)
#endif
