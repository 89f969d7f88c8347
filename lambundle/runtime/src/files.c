/* libc functions that only take a path: the bundle is searched first, then the host. */
#define _GNU_SOURCE
#include "lb.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <utime.h>

struct statx;

/* NAME(path, …): `rest` is the call's arguments with PATH in its place. */
#define LB_PATH_FIRST(result, name, parameters, ...)                                                         \
    LB_WRAP(result, name, parameters)                                                                        \
    {                                                                                                        \
        LB_BUFFER(buffer, path);                                                                             \
        path = lb_served(path, buffer, #name);                                                               \
        return lb_real_##name()(__VA_ARGS__);                                                                \
    }

/* NAME(directory, path, …) */
#define LB_PATH_AT(result, name, parameters, ...)                                                            \
    LB_WRAP(result, name, parameters)                                                                        \
    {                                                                                                        \
        LB_BUFFER(buffer, path);                                                                             \
        path = lb_served_at(directory, path, buffer, #name);                                                 \
        return lb_real_##name()(__VA_ARGS__);                                                                \
    }

#define LB_PATH_POINTER(result, name, parameters, ...)                                                       \
    LB_WRAP_POINTER(result, name, parameters)                                                                \
    {                                                                                                        \
        LB_BUFFER(buffer, path);                                                                             \
        path = lb_served(path, buffer, #name);                                                               \
        return lb_real_##name()(__VA_ARGS__);                                                                \
    }

/* ---- open. The mode is declared, though variadic in libc's headers: it arrives in the same register ---- */

LB_PATH_FIRST(int, open, (const char *path, int flags, unsigned mode), path, flags, mode)
LB_PATH_AT(int, openat, (int directory, const char *path, int flags, unsigned mode), directory, path, flags,
           mode)
LB_PATH_FIRST(int, creat, (const char *path, mode_t mode), path, mode)
LB_PATH_POINTER(FILE *, fopen, (const char *path, const char *mode), path, mode)
LB_PATH_POINTER(FILE *, freopen, (const char *path, const char *mode, FILE *file), path, mode, file)
LB_PATH_POINTER(DIR *, opendir, (const char *path), path)
LB_PATH_FIRST(int, truncate, (const char *path, off_t length), path, length)

/* ---- stat ---- */

LB_PATH_FIRST(int, stat, (const char *path, struct stat *status), path, status)
LB_PATH_FIRST(int, lstat, (const char *path, struct stat *status), path, status)
LB_PATH_AT(int, fstatat, (int directory, const char *path, struct stat *status, int flags), directory, path,
           status, flags)
LB_PATH_AT(int, statx, (int directory, const char *path, int flags, unsigned mask, struct statx *status),
           directory, path, flags, mask, status)
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
LB_PATH_FIRST(int, unlink, (const char *path), path)
LB_PATH_AT(int, unlinkat, (int directory, const char *path, int flags), directory, path, flags)
LB_PATH_FIRST(int, remove, (const char *path), path)
LB_PATH_FIRST(int, rmdir, (const char *path), path)
LB_PATH_FIRST(int, mkdir, (const char *path, mode_t mode), path, mode)
LB_PATH_AT(int, mkdirat, (int directory, const char *path, mode_t mode), directory, path, mode)
LB_PATH_FIRST(int, mkfifo, (const char *path, mode_t mode), path, mode)
LB_PATH_AT(int, mkfifoat, (int directory, const char *path, mode_t mode), directory, path, mode)
LB_PATH_FIRST(int, mknod, (const char *path, mode_t mode, dev_t device), path, mode, device)
LB_PATH_AT(int, mknodat, (int directory, const char *path, mode_t mode, dev_t device), directory, path, mode,
           device)

/* ---- two paths ---- */

#define LB_TWO_PATHS(name, parameters, directory1, directory2, ...)                                          \
    LB_WRAP(int, name, parameters)                                                                           \
    {                                                                                                        \
        LB_BUFFER(old_buffer, old_path);                                                                     \
        LB_BUFFER(new_buffer, new_path);                                                                     \
        old_path = lb_served_at(directory1, old_path, old_buffer, #name);                                    \
        new_path = lb_served_at(directory2, new_path, new_buffer, #name);                                    \
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

/* The target of a symbolic link is text, not a path to look up. */
LB_PATH_FIRST(int, symlink, (const char *target, const char *path), target, path)
LB_PATH_AT(int, symlinkat, (const char *target, int directory, const char *path), target, directory, path)

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
struct stat64;
struct statfs64;
struct statvfs64;

LB_PATH_FIRST(int, open64, (const char *path, int flags, unsigned mode), path, flags, mode)
LB_PATH_AT(int, openat64, (int directory, const char *path, int flags, unsigned mode), directory, path, flags,
           mode)
LB_PATH_FIRST(int, creat64, (const char *path, mode_t mode), path, mode)
LB_PATH_POINTER(FILE *, fopen64, (const char *path, const char *mode), path, mode)
LB_PATH_POINTER(FILE *, freopen64, (const char *path, const char *mode, FILE *file), path, mode, file)
LB_PATH_FIRST(int, truncate64, (const char *path, off_t length), path, length)
LB_PATH_FIRST(int, stat64, (const char *path, struct stat64 *status), path, status)
LB_PATH_FIRST(int, lstat64, (const char *path, struct stat64 *status), path, status)
LB_PATH_AT(int, fstatat64, (int directory, const char *path, struct stat64 *status, int flags), directory,
           path, status, flags)
LB_PATH_FIRST(int, statfs64, (const char *path, struct statfs64 *status), path, status)
LB_PATH_FIRST(int, statvfs64, (const char *path, struct statvfs64 *status), path, status)

/* _FORTIFY_SOURCE: open without a mode */
LB_PATH_FIRST(int, __open_2, (const char *path, int flags), path, flags)
LB_PATH_FIRST(int, __open64_2, (const char *path, int flags), path, flags)
LB_PATH_AT(int, __openat_2, (int directory, const char *path, int flags), directory, path, flags)
LB_PATH_AT(int, __openat64_2, (int directory, const char *path, int flags), directory, path, flags)

/* before glibc 2.33, stat and its kin were inline functions that called these */
LB_PATH_FIRST(int, __xstat, (int version, const char *path, struct stat *status), version, path, status)
LB_PATH_FIRST(int, __lxstat, (int version, const char *path, struct stat *status), version, path, status)
LB_PATH_FIRST(int, __xstat64, (int version, const char *path, struct stat64 *status), version, path, status)
LB_PATH_FIRST(int, __lxstat64, (int version, const char *path, struct stat64 *status), version, path, status)
LB_PATH_AT(int, __fxstatat, (int version, int directory, const char *path, struct stat *status, int flags),
           version, directory, path, status, flags)
LB_PATH_AT(int, __fxstatat64, (int version, int directory, const char *path, struct stat64 *status, int flags),
           version, directory, path, status, flags)
LB_PATH_FIRST(int, __xmknod, (int version, const char *path, mode_t mode, dev_t *device), version, path, mode,
              device)
LB_PATH_AT(int, __xmknodat, (int version, int directory, const char *path, mode_t mode, dev_t *device),
           version, directory, path, mode, device)
#endif
