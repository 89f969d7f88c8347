/* posix_spawn: the file is chosen here, in the parent; libc does the rest. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>

extern char **environ;

/* A missing relative path may exist once the child has changed its directory. */
static bool may_appear(const char *path, const posix_spawn_file_actions_t *actions)
{
    return lb_is_readable(path) && path[0] != '/' && actions != NULL;
}

LB_WRAP(int, posix_spawn,
        (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
         const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]))
{
    return lb_spawn(pid, path, actions, attributes, argv, envp);
}

int lb_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
             const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    struct lb_launch launch;
    int failed = lb_prepare(&launch, path, argv, envp);
    if (failed < 0 && !may_appear(path, actions))
        return -failed;
    /* Where the kernel refuses clone3, libc leaves ENOSYS in errno though it succeeds: who looks there after system()
     * would take that for a failure. */
    int saved = errno;
    if (failed < 0) {
        char *clean[lb_count(envp) + 1];
        lb_clean_environment(clean, envp);
        failed = lb_real_posix_spawn()(pid, path, actions, attributes, argv, clean);
    } else {
        failed = lb_real_posix_spawn()(pid, launch.file, actions, attributes, launch.argv, launch.envp);
        lb_forget(&launch);
    }
    errno = saved;
    return failed;
}

LB_EXPORT int lb_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                              const posix_spawnattr_t *attributes, char *const argv[],
                              char *const envp[]) __asm__("posix_spawnp");
int lb_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    if (!lb_is_readable(file) || strchr(file, '/') != NULL)
        return lb_spawn(pid, file, actions, attributes, argv, envp);
    if (strlen(file) > NAME_MAX)
        return ENAMETOOLONG;
    const char *search = lb_env_get(environ, "PATH");
    char found[lb_search_room(file, search)];
    bool denied = false;
    const char *path = lb_search_path(file, search, found, sizeof found, &denied);
    if (path == NULL)
        return denied ? EACCES : ENOENT;
    return lb_spawn(pid, path, actions, attributes, argv, envp);
}

LB_WRAP(int, posix_spawn_file_actions_addopen,
        (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode))
{
    LB_BUFFER(buffer, path);
    return lb_real_posix_spawn_file_actions_addopen()(
        actions, fd, lb_served(path, buffer, "posix_spawn_file_actions_addopen"), flags, mode);
}

LB_WRAP(int, posix_spawn_file_actions_addchdir_np, (posix_spawn_file_actions_t * actions, const char *path))
{
    LB_BUFFER(buffer, path);
    return lb_real_posix_spawn_file_actions_addchdir_np()(
        actions, lb_served(path, buffer, "posix_spawn_file_actions_addchdir_np"));
}
