/* A plug-in that says what the process is: its name in ps, and its own program. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *about(void)
{
    static char text[4096 + 32];
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    int length = snprintf(text, sizeof text, "%s ", name);
    ssize_t more = readlink("/proc/self/exe", text + length, sizeof text - 1 - (size_t)length);
    text[length + (more < 0 ? 0 : more)] = '\0';
    return text;
}
