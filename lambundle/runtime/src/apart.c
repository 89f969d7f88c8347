/* A function in a process that shares this one's memory, and has a copy of its descriptors, limits and signals. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

enum { SIGNAL_BYTES = 8 }; /* of the kernel's sigset_t */

/* Returns when the child has ended, in the parent only. No signal tells of its end. */
static long clone_and_call(void (*function)(void *), void *argument, char *stack_end)
{
    const long flags = CLONE_VM | CLONE_VFORK;
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %[argument], %%rdi\n\t"
                     "call *%[function]\n\t"
                     "mov %[exit], %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"(flags), "S"(stack_end), "d"(0L), "r"(r10), "r"(r8),
                       [function] "b"(function), [argument] "r"(argument), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = flags;
    register char *x1 __asm__("x1") = stack_end;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, %[argument]\n\t"
                     "blr %[function]\n\t"
                     "mov x8, %[exit]\n\t"
                     "mov x0, xzr\n\t"
                     "svc 0\n\t"
                     "brk 0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [function] "r"(function),
                       [argument] "r"(argument), [exit] "i"(SYS_exit)
                     : "memory");
    return x0;
#endif
}

void lb_run_apart(void (*function)(void *), void *argument, char *stack_end)
{
    unsigned long all = ~0UL, before = 0; /* a handler must not run twice */
    lb_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, SIGNAL_BYTES, 0, 0);
    long child = clone_and_call(function, argument, stack_end);
    if (child > 0)
        lb_sys6(SYS_wait4, child, 0, __WALL, 0, 0, 0);
    lb_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, SIGNAL_BYTES, 0, 0);
}
