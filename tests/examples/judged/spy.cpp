// Looks for secrets wherever a process of the same user can, and tries what it must not be able to do.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>

extern char **environ;

void show(const std::filesystem::path &path) {
    char block[4096];
    std::FILE *file = std::fopen(path.c_str(), "r");
    if (!file) return;
    std::cout << "open: " << path << '\n';
    for (size_t size; (size = std::fread(block, 1, sizeof block, file)) > 0;) std::cout.write(block, size);
    std::cout << '\n';
    std::fclose(file);
}

int main() {
    for (char **variable = environ; *variable; ++variable) std::cout << *variable << '\n';
    for (const auto &process : std::filesystem::directory_iterator("/proc")) {
        const std::string name = process.path().filename();
        if (!std::isdigit(name[0]) || name == std::to_string(getpid())) continue;
        for (const char *file : {"environ", "maps", "mem", "auxv"}) show(process.path() / file);
    }
    std::cout << "parent " << getppid() << "\nsocket " << socket(AF_INET, SOCK_STREAM, 0) << "\nkill " << kill(getppid(), 0) << "\nall "
              << kill(-1, 0) << "\nsession " << setsid() << "\nself " << kill(getpid(), 0) << '\n';
}
