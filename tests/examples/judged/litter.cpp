// Leaves in /tmp what is hard to remove.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main() {
    close(open("/tmp/closed", O_CREAT | O_WRONLY, 0));
    mkdir("/tmp/shut", 0700);
    close(open("/tmp/shut/in", O_CREAT | O_WRONLY, 0600));
    chmod("/tmp/shut", 0);
    if (symlink("/var", "/tmp/link") != 0 || mkfifo("/tmp/pipe", 0) != 0 || mkdir("/tmp/\xff\n", 0) != 0) return 1;
    for (int depth = 0; depth < 2000; ++depth)
        if (mkdir("a directory", 0700) != 0 || chdir("a directory") != 0) return 1;
}
