/* heap.c - see heap.h.
 *
 * The first touch of a page is dear: 4 MB in ordinary pages cost as much as the network
 * of a clip of ten seconds. So the heap begins large, at the boundary of a huge page, and
 * in huge pages where the system has them; what is not touched costs nothing. Where
 * blocks do not come from below the break (under a sanitizer) there is nothing to do. */
#define _GNU_SOURCE
#include "heap.h"

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAP_BYTES = 14 << 20, STEP_BYTES = 1 << 20, HUGE_BYTES = 2 << 20, PAGE_BYTES = 4096 };

/* Bytes from there to the next boundary of a huge page. */
static size_t to_boundary(uintptr_t there) { return HUGE_BYTES - there % HUGE_BYTES; }

static void *heap;
static size_t heap_bytes;

/* A huge page comes whole, or not at all where a byte was touched before madvise. malloc
 * writes in front of a block and behind it: into the page below the boundary, and at the end. */
void heap_begin(void) {
    /* Memory of one clip serves the next: given back to the system and asked for anew,
     * its pages would cost a quarter of a clip's time. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, STEP_BYTES);
    if (sbrk((intptr_t)to_boundary((uintptr_t)sbrk(0) + PAGE_BYTES)) == (void *)-1) return;
    const uintptr_t begin = (uintptr_t)sbrk(0);
    void *block = malloc(HEAP_BYTES); /* the heap goes on behind the gap */
    const uintptr_t end = (uintptr_t)sbrk(0), at = (uintptr_t)block;
    if (at >= begin && at < end) {
        heap = (char *)block - (at - begin);
        heap_bytes = end - begin;
        madvise(heap, heap_bytes, MADV_HUGEPAGE);
    }
    free(block);
}

void heap_keep(void) {
    if (heap) madvise(heap, heap_bytes, MADV_NOHUGEPAGE);
}

/* Pages that both have are copied one by one when they are written, and so are those
 * behind the last block if a huge page has both. A block up to the next boundary, which
 * is never touched, keeps off them. */
void heap_part(void) {
    static void *gap;
    if (heap) madvise(heap, heap_bytes, MADV_HUGEPAGE);
    void *last = malloc(STEP_BYTES);
    const uintptr_t at = (uintptr_t)last;
    free(last);
    if (at && at < (uintptr_t)sbrk(0) && !gap) gap = malloc(to_boundary(at));
}
