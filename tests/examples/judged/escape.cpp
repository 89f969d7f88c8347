// Leaves processes behind: one that left the session, and one that is another process every moment.
#include <unistd.h>

int main() {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            setsid();
            for (;;) pause();
        }
        _exit(0);
    }
    if (fork() == 0)
        for (;;) {
            setsid();
            if (fork() > 0) _exit(0);
        }
    usleep(200000);
}
