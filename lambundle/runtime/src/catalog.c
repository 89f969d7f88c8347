/* catopen: libc opens the catalogue itself, and searches for one without a slash along NLSPATH. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <locale.h>
#include <nl_types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

#ifdef __GLIBC__
static const char usual_places[] =
    "/usr/share/locale/%L/%N:/usr/share/locale/%L/LC_MESSAGES/%N:/usr/share/locale/%l/%N:/usr/share/locale/%l/LC_MESSAGES/%N";
#else
static const char usual_places[] = "";
#endif

static const char *language_of(int flag)
{
    const char *language = flag == NL_CAT_LOCALE ? setlocale(LC_MESSAGES, NULL) : lb_env_get(environ, "LANG");
    return language == NULL || *language == '\0' || strchr(language, '/') != NULL ? "C" : language;
}

static bool append(struct lb_path *to, size_t *length, const char *text, size_t count)
{
    if (*length + count >= sizeof to->text)
        return false;
    memcpy(to->text + *length, text, count);
    *length += count;
    to->text[*length] = '\0';
    return true;
}

/* One template of NLSPATH, see catopen(3): %L is language_territory.codeset, %l %t %c its parts, %N the name. */
static bool expand(const char *template, size_t size, const char *name, const char *language, struct lb_path *to)
{
    size_t length = 0, word = strcspn(language, "_.@"), territory = 0;
    const char *end = template + size, *codeset = strchr(language, '.');
    if (language[word] == '_')
        territory = strcspn(language + word + 1, ".@");
    for (; template < end; template++) {
        bool fits;
        if (*template != '%' || template + 1 == end)
            fits = append(to, &length, template, 1);
        else if (*++template == 'N')
            fits = append(to, &length, name, strlen(name));
        else if (*template == 'L')
            fits = append(to, &length, language, strlen(language));
        else if (*template == 'l')
            fits = append(to, &length, language, word);
        else if (*template == 't')
            fits = append(to, &length, language + word + 1, territory);
        else if (*template == 'c')
            fits = codeset == NULL || append(to, &length, codeset + 1, strcspn(codeset + 1, "@"));
        else
            fits = append(to, &length, template, 1);
        if (!fits)
            return false;
    }
    return length > 0;
}

/* The first place that has the catalogue, of the bundle or the host. */
static const char *search(const char *places, const char *name, int flag, struct lb_path *found)
{
    struct lb_path text;
    for (const char *at = places; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, ":");
        if (size > 0 && expand(at, size, name, language_of(flag), &text)) {
            const char *served = lb_served(text.text, found, "catopen");
            if (lb_sys_access(served, R_OK) == 0)
                return served == found->text ? served : strcpy(found->text, served);
        }
        at += size + (at[size] == ':');
    }
    return NULL;
}

LB_WRAP(nl_catd, catopen, (const char *name, int flag))
{
    struct lb_path found;
    if (!lb_is_readable(name))
        return lb_real_catopen()(name, flag);
    if (strchr(name, '/') != NULL)
        return lb_real_catopen()(lb_served(name, &found, "catopen"), flag);
    const char *path = search(getauxval(AT_SECURE) != 0 ? NULL : lb_env_get(environ, "NLSPATH"), name, flag, &found);
    if (path == NULL)
        path = search(usual_places, name, flag, &found);
    return lb_real_catopen()(path == NULL ? name : path, flag);
}
