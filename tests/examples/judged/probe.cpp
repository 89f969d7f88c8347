// What an invocation finds: names in /tmp beside its own, and the pages that the handler's process has.
#include <dirent.h>
#include <unistd.h>

#include <cstdio>
#include <string>

int main() {
    int others = -1;  // its own
    DIR *top = opendir("/tmp");
    while (dirent *entry = readdir(top)) others += entry->d_name[0] != '.';
    long size = 0, resident = 0;
    std::FILE *handler = std::fopen(("/proc/" + std::to_string(getppid()) + "/statm").c_str(), "r");
    if (std::fscanf(handler, "%ld %ld", &size, &resident) != 2) return 1;
    std::printf("%d %ld\n", others, resident);
}
