/* Ends of a process without destructors, and fork. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

LB_WRAP(pid_t, fork, (void))
{
    pid_t pid = lb_real_fork()();
    if (pid == 0) {
        lb_state.pid = lb_sys_getpid();
        lb_unlock_shells();
    }
    return pid;
}

static _Noreturn void leave(int status)
{
    lb_trace_objects();
    for (;;)
        lb_sys6(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

LB_EXPORT void lb_exit_now(int status) __asm__("_exit");
void lb_exit_now(int status)
{
    leave(status);
}

LB_EXPORT void lb_exit_now_c99(int status) __asm__("_Exit");
void lb_exit_now_c99(int status)
{
    leave(status);
}
