/* What a call gave, in words that are the same wherever the files are. */
#include "calls.h"

#include <dirent.h>

static void say_errno(void)
{
    if (errno != 0)
        say(" errno %d", errno);
}

void say_number(long result)
{
    int saved = errno;
    say(result < 0 ? " -1" : " ok");
    errno = saved;
    if (result < 0)
        say_errno();
}

void say_exactly(long result)
{
    int saved = errno;
    say(" %ld", result);
    errno = saved;
    if (result < 0)
        say_errno();
}

static void say_open_file(int fd)
{
    struct stat status;
    char text[200];
    if (lb_sys6(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) < 0) {
        say(" no status");
    } else if (S_ISDIR(status.st_mode)) {
        say(" directory");
    } else {
        long got = S_ISREG(status.st_mode) ? lb_sys_pread(fd, text, sizeof text, 0) : 0;
        say(" %o ", status.st_mode);
        say_text(text, got < 0 ? 0 : (size_t)got);
    }
}

void say_descriptor(int fd)
{
    say_number(fd);
    if (fd < 0)
        return;
    say_open_file(fd);
    if (call.slot < 0)
        close(fd);
    else
        slots[call.slot] = fd;
}

void say_stream(FILE *file)
{
    say_number(file == NULL ? -1 : 0);
    if (file == NULL)
        return;
    say_open_file(fileno(file));
    fclose(file);
}

void say_string(const char *text)
{
    say_number(text == NULL ? -1 : 0);
    if (text != NULL) {
        say(" ");
        say_text(text, strlen(text));
    }
}

/* The size of a directory is its file system's, and a file that was packed is of 1980: times are those that were set
 * here. */
void say_status(int result, const struct stat *status)
{
    say_number(result);
    if (result < 0)
        return;
    say(" %o %u %u", status->st_mode, status->st_uid, status->st_gid);
    if (!S_ISDIR(status->st_mode))
        say(" %ld", (long)status->st_size);
    if (S_ISREG(status->st_mode) && status->st_mtime < 10000)
        say(" %ld", (long)status->st_mtime);
}

/* ---- lines in no order of their own ---- */

enum { LINES = 2000 };
static char *lines[LINES];
static int line_count;

void add_line(const char *format, ...)
{
    va_list list;
    char text[2 * PATH_MAX];
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (line_count < LINES)
        lines[line_count++] = strdup(text);
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

void say_lines(void)
{
    qsort(lines, (size_t)line_count, sizeof *lines, compare);
    for (int i = 0; i < line_count; i++) {
        say(" [");
        say_text(lines[i], strlen(lines[i]));
        say("]");
        free(lines[i]);
    }
    line_count = 0;
}

void say_directory(void *directory)
{
    say_number(directory == NULL ? -1 : 0);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        add_line("%s %d", entry->d_name, entry->d_type);
    closedir(directory);
    say_lines();
}
