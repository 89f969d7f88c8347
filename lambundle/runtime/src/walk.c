/* Functions that walk directories: scandir, ftw, fts. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#ifdef __GLIBC__
#include <fts.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- scandir ---- */

typedef int (*filter_t)(const struct dirent *);
typedef int (*order_t)(const struct dirent **, const struct dirent **);

#define LB_SCANDIR(name)                                                                                     \
    LB_WRAP(int, name, (const char *path, struct dirent ***entries, filter_t filter, order_t order))         \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        return lb_real_##name()(lb_reached_at(AT_FDCWD, path, &buffer, #name), entries, filter, order);     \
    }

LB_SCANDIR(scandir)
#ifdef __GLIBC__
LB_SCANDIR(scandir64)

#define LB_SCANDIRAT(name)                                                                                   \
    LB_WRAP(int, name,                                                                                       \
            (int directory, const char *path, struct dirent ***entries, filter_t filter, order_t order))     \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        return lb_real_##name()(directory, lb_reached_at(directory, path, &buffer, #name), entries, filter,  \
                                order);                                                                      \
    }

LB_SCANDIRAT(scandirat)
LB_SCANDIRAT(scandirat64)
#endif

/* ---- ftw and nftw: the callback hears the names that the caller asked for, without the bundle's root ---- */

typedef int (*ftw_t)(const char *, const struct stat *, int);
typedef int (*nftw_t)(const char *, const struct stat *, int, struct FTW *);

static __thread ftw_t ftw_callback;
static __thread nftw_t nftw_callback;
static __thread size_t walk_skip; /* what is before the names that were asked for */

/* A relative path that goes up is not at the end of what it became: its names are absolute. */
static size_t before_asked(const char *served, const char *path)
{
    size_t length = strlen(served), end = strlen(path);
    if (end <= length && strcmp(served + length - end, path) == 0)
        return length - end;
    return lb_is_inside(served) ? lb_state.root_len : 0;
}

static int call_ftw(const char *path, const struct stat *status, int type)
{
    return ftw_callback(path + walk_skip, status, type);
}

static int call_nftw(const char *path, const struct stat *status, int type, struct FTW *place)
{
    struct FTW moved = *place;
    moved.base -= (int)walk_skip;
    return nftw_callback(path + walk_skip, status, type, &moved);
}

#define LB_FTW(name)                                                                                         \
    LB_WRAP(int, name, (const char *path, ftw_t callback, int descriptors))                                  \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        const char *served = lb_reached_at(AT_FDCWD, path, &buffer, #name);                                  \
        if (served == path)                                                                                  \
            return lb_real_##name()(path, callback, descriptors);                                            \
        ftw_t before = ftw_callback;                                                                         \
        size_t skip = walk_skip;                                                                             \
        ftw_callback = callback;                                                                             \
        walk_skip = before_asked(served, path);                                                              \
        int result = lb_real_##name()(served, call_ftw, descriptors);                                        \
        ftw_callback = before;                                                                               \
        walk_skip = skip;                                                                                    \
        return result;                                                                                       \
    }

#define LB_NFTW(name)                                                                                        \
    LB_WRAP(int, name, (const char *path, nftw_t callback, int descriptors, int flags))                      \
    {                                                                                                        \
        struct lb_path buffer;                                                                               \
        const char *served = lb_reached_at(AT_FDCWD, path, &buffer, #name);                                  \
        if (served == path)                                                                                  \
            return lb_real_##name()(path, callback, descriptors, flags);                                     \
        nftw_t before = nftw_callback;                                                                       \
        size_t skip = walk_skip;                                                                             \
        nftw_callback = callback;                                                                            \
        walk_skip = before_asked(served, path);                                                              \
        int result = lb_real_##name()(served, call_nftw, descriptors, flags);                                \
        nftw_callback = before;                                                                              \
        walk_skip = skip;                                                                                    \
        return result;                                                                                       \
    }

LB_FTW(ftw)
LB_NFTW(nftw)

#ifdef __GLIBC__
LB_FTW(ftw64)
LB_NFTW(nftw64)

/* ---- fts: it copies the names when it opens. A name of the bundle has a second slash behind the root, by which the
 * entries are known that are to be given as they were asked for ---- */

static const char *marked(const char *path, struct lb_path *buffer, const char *operation)
{
    const char *served = lb_served(path, buffer, operation);
    size_t length = served == path ? 0 : strlen(path);
    if (served != buffer->text || lb_state.root_len + length + 2 > sizeof buffer->text)
        return served;
    buffer->text[lb_state.root_len] = '/';
    memcpy(buffer->text + lb_state.root_len + 1, path, length + 1);
    return buffer->text;
}

static bool is_marked(const char *path)
{
    return lb_state.active && strncmp(path, lb_state.root, lb_state.root_len) == 0 &&
           path[lb_state.root_len] == '/' && path[lb_state.root_len + 1] == '/';
}

/* Moves where the names of an entry begin: behind the root for the caller, back again for libc. */
static void move_names(FTSENT *entry, long by)
{
    if (entry->fts_accpath == entry->fts_path)
        entry->fts_accpath += by;
    entry->fts_path += by;
    entry->fts_pathlen = (unsigned short)(entry->fts_pathlen - by);
}

static FTSENT *shown(FTSENT *entry)
{
    if (entry != NULL && is_marked(entry->fts_path))
        move_names(entry, (long)lb_state.root_len + 1);
    return entry;
}

/* All entries share one buffer for their path. */
static FTSENT *hide_current(FTS *stream)
{
    FTSENT *entry = lb_is_readable((const char *)stream) ? stream->fts_cur : NULL;
    if (entry == NULL || entry->fts_path == stream->fts_path)
        return NULL;
    move_names(entry, -((long)lb_state.root_len + 1));
    return entry;
}

#define LB_FTS(name)                                                                                         \
    LB_WRAP_POINTER(FTS *, name##_open, (char *const *paths, int options, void *compare))                    \
    {                                                                                                        \
        if (!lb_are_readable(paths))                                                                         \
            return lb_real_##name##_open()(paths, options, compare);                                         \
        size_t count = lb_count(paths);                                                                      \
        struct lb_path *buffers = calloc(count + 1, sizeof *buffers);                                        \
        char **served = calloc(count + 1, sizeof *served);                                                   \
        FTS *result = NULL;                                                                                  \
        if (buffers != NULL && served != NULL) {                                                             \
            for (size_t i = 0; i < count; i++)                                                               \
                served[i] = (char *)marked(paths[i], &buffers[i], #name "_open");                            \
            result = lb_real_##name##_open()(served, options, compare);                                      \
        }                                                                                                    \
        int saved = errno;                                                                                   \
        free(buffers);                                                                                       \
        free(served);                                                                                        \
        errno = saved;                                                                                       \
        return result;                                                                                       \
    }                                                                                                        \
    LB_WRAP_POINTER(FTSENT *, name##_read, (FTS * stream))                                                   \
    {                                                                                                        \
        hide_current(stream);                                                                                \
        return shown(lb_real_##name##_read()(stream));                                                       \
    }                                                                                                        \
    LB_WRAP_POINTER(FTSENT *, name##_children, (FTS * stream, int options))                                  \
    {                                                                                                        \
        FTSENT *current = hide_current(stream), *result = lb_real_##name##_children()(stream, options);      \
        shown(current);                                                                                      \
        for (FTSENT *child = result; child != NULL; child = child->fts_link)                                 \
            shown(child);                                                                                    \
        return result;                                                                                       \
    }

LB_FTS(fts)
LB_FTS(fts64)
#endif
