/* wordexp: libc looks for file names itself, so the wildcards are hidden from it and expanded here. */
#define _GNU_SOURCE
#include "lb.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

/* Stand for the three wildcards: no text has these bytes. */
static const char wildcards[] = "*?[", hidden[] = "\1\2\3";

/* Behind what begins at `at`: what stands in quotes, a backslash and its character, a substitution. */
static const char *skip_quoted(const char *at)
{
    char end = *at;
    for (at++; *at != '\0' && *at != end; at++)
        if (*at == '\\' && end != '\'' && at[1] != '\0')
            at++;
    return *at == '\0' ? at : at + 1;
}

static const char *skip_substitution(const char *at)
{
    int depth = 0;
    for (at++; *at != '\0'; at++) {
        if (strchr("'\"`", *at) != NULL) {
            at = skip_quoted(at) - 1;
        } else if (*at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '(' || *at == '{') {
            depth++;
        } else if ((*at == ')' || *at == '}') && --depth <= 0) {
            return at + 1;
        }
    }
    return at;
}

static const char *skip(const char *at)
{
    if (*at == '\\')
        return at[1] == '\0' ? at + 1 : at + 2;
    if (*at == '\'' || *at == '"' || *at == '`')
        return skip_quoted(at);
    return *at == '$' && (at[1] == '(' || at[1] == '{') ? skip_substitution(at) : at;
}

/* A copy with the wildcards hidden; NULL where there is none, or no memory. */
static char *hide(const char *words)
{
    size_t count = 0;
    char *copy = strpbrk(words, wildcards) == NULL || strpbrk(words, hidden) != NULL ? NULL : strdup(words);
    for (const char *at = words; copy != NULL && *at != '\0';) {
        const char *behind = skip(at), *which;
        if (behind == at) {
            which = strchr(wildcards, *at);
            if (which != NULL) {
                copy[at - words] = hidden[which - wildcards];
                count++;
            }
            behind++;
        }
        at = behind;
    }
    if (count > 0)
        return copy;
    free(copy);
    return NULL;
}

/* The word as a pattern: what was not hidden stands for itself. */
static char *pattern_of(const char *word)
{
    char *pattern = malloc(2 * strlen(word) + 1), *to = pattern;
    for (; pattern != NULL && *word != '\0'; word++) {
        const char *which = strchr(hidden, *word);
        if (which == NULL && (strchr(wildcards, *word) != NULL || *word == '\\'))
            *to++ = '\\';
        *to++ = which == NULL ? *word : wildcards[which - hidden];
    }
    if (pattern != NULL)
        *to = '\0';
    return pattern;
}

static void show(char *word)
{
    for (const char *which; *word != '\0'; word++)
        if ((which = strchr(hidden, *word)) != NULL)
            *word = wildcards[which - hidden];
}

/* The files that a word means take its place; returns how many, 0 where it stays, and -1 without memory. */
static long replace(wordexp_t *result, size_t offset, size_t at, const glob_t *found)
{
    size_t count = found->gl_pathc, have = offset + at;
    char **array = realloc(result->we_wordv, (offset + result->we_wordc + count) * sizeof *array);
    if (array == NULL)
        return -1;
    result->we_wordv = array;
    free(array[have]);
    memmove(array + have + count, array + have + 1, (result->we_wordc - at) * sizeof *array); /* with the NULL */
    result->we_wordc += count - 1;
    for (size_t i = 0; i < count; i++)
        array[have + i] = NULL;
    for (size_t i = 0; i < count; i++)
        if ((array[have + i] = strdup(found->gl_pathv[i])) == NULL)
            return -1;
    return (long)count;
}

static long match(wordexp_t *result, size_t offset, size_t at)
{
    glob_t found;
    char *pattern = pattern_of(result->we_wordv[offset + at]);
    long count = pattern == NULL ? -1 : 0;
    if (pattern != NULL && glob(pattern, 0, NULL, &found) == 0) {
        count = replace(result, offset, at, &found);
        globfree(&found);
    }
    free(pattern);
    return count;
}

static int expand(wordexp_t *result, size_t offset, size_t first)
{
    for (size_t at = first; at < result->we_wordc;) {
        char *word = result->we_wordv[offset + at];
        long count = strpbrk(word, hidden) == NULL ? 0 : match(result, offset, at);
        if (count < 0)
            return WRDE_NOSPACE;
        if (count == 0)
            show(word);
        at += count == 0 ? 1 : (size_t)count;
    }
    return 0;
}

LB_WRAP(int, wordexp, (const char *words, wordexp_t *result, int flags))
{
    char *copy = lb_is_readable(words) ? hide(words) : NULL;
    if (copy == NULL)
        return lb_real_wordexp()(words, result, flags);
    size_t first = (flags & WRDE_APPEND) != 0 ? result->we_wordc : 0;
    size_t offset = (flags & WRDE_DOOFFS) != 0 ? result->we_offs : 0;
    int status = lb_real_wordexp()(copy, result, flags);
    free(copy);
    return status == 0 ? expand(result, offset, first) : status;
}
