/* calls FILE: runs the programs in FILE, each in a process of its own, and prints what every call gave.
 *
 * A program begins with a line `program NUMBER`; its calls are lines of ten fields with tabs between them: context,
 * function, slot, directory, path, second directory, second path, two numbers, text (tests/runtime/generator writes
 * them). What has no name of its own here (addresses, inodes, times) is not printed: a program prints the same
 * wherever its files are the same. `calls --list` prints the functions. */
#include "calls.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct call call;
int slots[SLOTS];
static struct function *functions;

void add_function(struct function *function)
{
    function->next = functions;
    functions = function;
}

static struct {
    size_t length;
    char text[1 << 20];
} *output; /* shared: a child of fork or vfork writes there too */

void say(const char *format, ...)
{
    va_list list;
    size_t room = sizeof output->text - output->length;
    va_start(list, format);
    int length = vsnprintf(output->text + output->length, room, format, list);
    va_end(list);
    if (length > 0 && (size_t)length < room)
        output->length += (size_t)length;
}

/* Text of a file: one line, and nothing that a terminal would obey. */
void say_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        say(text[i] >= ' ' && text[i] < 127 ? "%c" : "\\%03o", (unsigned char)text[i]);
}

static void print_output(void)
{
    for (size_t at = 0; at < output->length;) {
        long wrote = lb_sys_write(1, output->text + at, output->length - at);
        if (wrote <= 0)
            break;
        at += (size_t)wrote;
    }
    output->length = 0;
}

/* ---- contexts ---- */

static void (*current)(void);

static void perform(void)
{
    errno = 0;
    current();
}

static void *perform_in_thread(void *unused)
{
    perform();
    return unused;
}

static void perform_in_handler(int signal)
{
    (void)signal;
    perform();
}

static void in_main(void) { perform(); }

static void in_thread_of(size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (stack > 0)
        pthread_attr_setstacksize(&attributes, stack);
    if (pthread_create(&thread, &attributes, perform_in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static void in_thread(void) { in_thread_of(0); }
static void in_small_thread(void) { in_thread_of(64 << 10); }

static void in_handler(void)
{
    struct sigaction action = {.sa_handler = perform_in_handler};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void in_handler_with_its_own_stack(void)
{
    static char space[32 << 10];
    stack_t stack = {.ss_sp = space, .ss_size = sizeof space}, before;
    struct sigaction action = {.sa_handler = perform_in_handler, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, &before);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    sigaltstack(&before, NULL);
}

void say_end(int status)
{
    if (WIFSIGNALED(status))
        say(" signal %d", WTERMSIG(status));
    else
        say(" status %d", WEXITSTATUS(status));
}

static void wait_for_child(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    say_end(status);
}

static void in_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        perform();
        _exit(0);
    }
    wait_for_child(pid);
}

static void in_vfork(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        perform();
        _exit(0);
    }
    wait_for_child(pid);
}

static const struct {
    const char *name;
    void (*perform)(void);
} contexts[] = {
    {"main", in_main},       {"thread", in_thread}, {"small-thread", in_small_thread},
    {"handler", in_handler}, {"fork", in_fork},     {"own-stack", in_handler_with_its_own_stack},
    {"vfork", in_vfork},
};

/* ---- reading ---- */

static const char *pointer(const char *field)
{
    if (strcmp(field, "@null") == 0)
        return NULL;
    if (strcmp(field, "@low") == 0)
        return (const char *)8;
    if (strcmp(field, "@kernel") == 0)
        return (const char *)-4096L;
    return strcmp(field, "@empty") == 0 ? "" : field;
}

static int descriptor(const char *field)
{
    if (strcmp(field, "cwd") == 0 || *field == '\0')
        return AT_FDCWD;
    if (*field == '#')
        return slots[field[1] - '0'];
    return atoi(field);
}

static void read_call(char *line, char *fields[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = line;
        line += strcspn(line, "\t");
        if (*line != '\0')
            *line++ = '\0';
    }
    call = (struct call){
        .slot = *fields[2] == '\0' ? -1 : atoi(fields[2]),
        .directory = descriptor(fields[3]),
        .path = pointer(fields[4]),
        .other_directory = descriptor(fields[5]),
        .other_path = pointer(fields[6]),
        .number = strtol(fields[7], NULL, 0),
        .second = strtol(fields[8], NULL, 0),
        .text = fields[9],
    };
}

static void run_call(char *line)
{
    char *fields[FIELDS];
    void (*in_context)(void) = in_main;
    read_call(line, fields);
    current = NULL;
    for (const struct function *function = functions; function != NULL; function = function->next)
        if (strcmp(function->name, fields[1]) == 0)
            current = function->perform;
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        if (strcmp(contexts[i].name, fields[0]) == 0)
            in_context = contexts[i].perform;
    say("  %s:", fields[1]);
    if (current == NULL)
        say(" unknown");
    else
        in_context();
    say("\n");
    print_output();
}

/* Runs the calls up to the next program; returns where that begins. */
static char *run_program(char *text)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        for (int i = 0; i < SLOTS; i++)
            slots[i] = -1;
    }
    while (*text != '\0' && strncmp(text, "program ", 8) != 0) {
        char *end = text + strcspn(text, "\n");
        if (*end != '\0')
            *end++ = '\0';
        if (pid == 0)
            run_call(text);
        text = end;
    }
    if (pid == 0)
        _exit(0);
    wait_for_child(pid);
    say("\n");
    print_output();
    return text;
}

static char *read_file(const char *path)
{
    struct stat status;
    int fd = lb_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || lb_sys6(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) < 0)
        return NULL;
    char *text = calloc((size_t)status.st_size + 1, 1);
    for (long at = 0, got; at < status.st_size; at += got) {
        got = lb_sys_read(fd, text + at, (size_t)(status.st_size - at));
        if (got <= 0)
            return NULL;
    }
    close(fd);
    return text;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct function *function = functions; function != NULL; function = function->next)
            puts(function->name);
        return 0;
    }
    char *text = argc == 2 ? read_file(argv[1]) : NULL;
    if (text == NULL)
        return 2;
    output = mmap(NULL, sizeof *output, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        say("%.*s\n", (int)length, text);
        print_output();
        text = run_program(text + length + (text[length] != '\0'));
    }
    return 0;
}
