/* mem.h - heap and arenas. Floor 0. The only place that calls malloc.
 *
 * Every size is a product checked for overflow. All blocks are aligned to
 * STY_ALIGN bytes, so that any kernel may load whole vectors. */
#ifndef STY_BASE_MEM_H
#define STY_BASE_MEM_H

#include "base/err.h"

#include <stdbool.h>

#define STY_ALIGN 64

/* n floats, rounded up so that what follows in the same block is aligned as well. */
static inline size_t sty_whole_lines(size_t n_floats) {
    const size_t line = STY_ALIGN / sizeof(float);
    return (n_floats + line - 1) / line * line;
}

/* a * b and a + b into *out; false when the result does not fit. */
bool sty_mul(size_t a, size_t b, size_t *out);
bool sty_add(size_t a, size_t b, size_t *out);

/* n * size zeroed bytes, or NULL. A request of nothing gives a valid pointer. */
void *sty_alloc(size_t n, size_t size);

/* Grows or shrinks a block of sty_alloc, keeping min(old, new) bytes; new bytes
 * are not zeroed. NULL on failure, the old block stays valid. */
void *sty_resize(void *block, size_t old_bytes, size_t new_bytes);

/* A copy of length bytes with a NUL after them, or NULL. */
char *sty_copy_text(const char *text, size_t length);

void sty_free(void *block); /* NULL is fine */

/* Tables that are long, grow or are soon gone: zeroed pages of their own, which take
 * memory when they are written first, grow without a copy and go back at once. old NULL:
 * new ones; new_bytes 0: none any more. NULL on failure, the old ones stay valid. */
void *sty_pages(void *old, size_t old_bytes, size_t new_bytes);

/* Test hook: the n-th allocation from now on (1 = next) fails, and all after it
 * when sticky. 0 switches it off. Returns how many allocations were counted since
 * it was switched on (SIZE_MAX counts and fails none). Not thread safe. */
size_t sty_mem_fail_at(size_t n, bool sticky);

/* An arena: many blocks, one lifetime. Never gives memory back before clear.
 * Blocks are STY_ALIGN aligned and zeroed. */
typedef struct sty_arena {
    struct sty_arena_chunk *first;
    size_t n_bytes; /* given out */
} sty_arena;

/* n * size bytes or NULL. */
void *sty_arena_alloc(sty_arena *arena, size_t n, size_t size);
char *sty_arena_text(sty_arena *arena, const char *text, size_t length);
void sty_arena_clear(sty_arena *arena);

#endif
