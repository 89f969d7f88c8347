/* fixed: a program at a fixed address, which says whether its heap is behind it, where images of Lisp and old allocators
 * want it, and works there. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char end;

int main(void)
{
    uintptr_t last = (uintptr_t)&end, heap = (uintptr_t)sbrk(0);
    printf("at a fixed address: %s\n", last < (1UL << 31) ? "yes" : "no");
    printf("heap behind it: %s\n", heap >= last && heap - last < (1UL << 31) ? "yes" : "no");
    char *piece = sbrk(1 << 20);
    printf("grows: %s\n", piece != (void *)-1 && memset(piece, 1, 1 << 20) == piece && sbrk(0) > (void *)piece ? "yes" : "no");
    char *pieces[4096];
    for (int i = 0; i < 4096; i++)
        pieces[i] = memset(malloc(10000), i, 10000);
    int wrong = 0;
    for (int i = 0; i < 4096; i++) {
        wrong += pieces[i][9999] != (char)i;
        free(pieces[i]);
    }
    return printf("wrong: %d\n", wrong) < 0;
}
