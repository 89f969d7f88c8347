/* say [WORD…]: prints its name and words, and a file that it reads by its absolute path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char text[64] = "", exe[4096];
    ssize_t length;
    FILE *file = fopen("/usr/local/made/file", "r");
    if (file != NULL && fgets(text, sizeof text, file) != NULL)
        text[strcspn(text, "\n")] = '\0';
    printf("say %s", argv[0]);
    for (int i = 1; i < argc; i++)
        printf(" (%s)", argv[i]);
    length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[length < 0 ? 0 : length] = '\0';
    printf(" read %s exe %s only %s\n", text, strrchr(exe, '/'), getenv("ONLY") == NULL ? "-" : getenv("ONLY"));
    return 3;
}
