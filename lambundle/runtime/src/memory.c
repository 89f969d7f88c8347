/* Memory for starting a program.
 *
 * A start needs more than the stack of a small thread has, or the few KB that a caller of clone gives a child. It is
 * mapped: between vfork and exec that is allowed, malloc is not. What is mapped stays in a slot for the next start.
 *
 * A child of vfork shares its parent's memory, and when it has become another program nobody is left to free what it
 * used. So it leaves the slot to its thread, which is its parent's too: while one of them runs, the other does not. */
#define _GNU_SOURCE
#include "lb.h"
#include "sys.h"

#include <errno.h>
#include <sys/mman.h>

enum { SLOTS = 16, PAGE = 4096, KEPT = 128 << 10 /* most bytes of a slot that wait for the next start */ };

enum state { FREE, TAKEN, LEFT };

struct lb_slot {
    int state;
    int pid; /* of who took it last */
    const void *thread;
    void *memory;
    size_t size;
};

static struct lb_slot slots[SLOTS];

static const void *this_thread(void)
{
    static __thread char mark;
    return &mark;
}

static void *map(size_t size)
{
    long memory = lb_sys6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory < 0 && memory > -PAGE ? NULL : (void *)memory;
}

static void unmap(void *memory, size_t size)
{
    if (memory != NULL)
        lb_sys6(SYS_munmap, (long)memory, (long)size, 0, 0, 0, 0);
}

static bool take(struct lb_slot *slot, int state)
{
    return __atomic_compare_exchange_n(&slot->state, &state, TAKEN, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static int state_of(struct lb_slot *slot)
{
    return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

/* What a child left to this thread, an unused slot, or that of a process which has ended. */
static struct lb_slot *take_slot(void)
{
    for (struct lb_slot *slot = slots; slot < slots + SLOTS; slot++)
        if (state_of(slot) == LEFT && slot->thread == this_thread() && take(slot, LEFT))
            return slot;
    for (struct lb_slot *slot = slots; slot < slots + SLOTS; slot++)
        if (state_of(slot) == FREE && take(slot, FREE))
            return slot;
    for (struct lb_slot *slot = slots; slot < slots + SLOTS; slot++)
        if (lb_sys6(SYS_kill, slot->pid, 0, 0, 0, 0, 0) == -ESRCH && take(slot, state_of(slot)))
            return slot;
    return NULL;
}

static void resize(struct lb_slot *slot, size_t size)
{
    unmap(slot->memory, slot->size);
    slot->memory = size == 0 ? NULL : map(size);
    slot->size = slot->memory == NULL ? 0 : size;
}

void *lb_take_memory(struct lb_memory *block, size_t size)
{
    struct lb_slot *slot = take_slot();
    *block = (struct lb_memory){.slot = slot, .size = (size + PAGE - 1) & ~(size_t)(PAGE - 1)};
    if (slot == NULL)
        return block->memory = map(block->size);
    slot->pid = lb_sys_getpid();
    slot->thread = this_thread();
    if (slot->size < block->size)
        resize(slot, block->size);
    block->memory = slot->memory;
    if (block->memory == NULL)
        lb_free_memory(block);
    return block->memory;
}

/* In the process that owns the memory, a signal may still interrupt this thread and start a program. */
void lb_leave_memory(struct lb_memory *block)
{
    if (block->slot != NULL && block->slot->pid != lb_state.pid)
        __atomic_store_n(&block->slot->state, LEFT, __ATOMIC_RELEASE);
}

void lb_free_memory(struct lb_memory *block)
{
    struct lb_slot *slot = block->slot;
    if (slot == NULL) {
        unmap(block->memory, block->size);
        return;
    }
    if (slot->size > KEPT)
        resize(slot, 0);
    __atomic_store_n(&slot->state, FREE, __ATOMIC_RELEASE);
}
