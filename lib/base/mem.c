/* mem.c - checked, aligned allocation. Arenas are linked chunks that at least
 * double, so a model of any size needs a handful of mallocs. */
#define _GNU_SOURCE
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct sty_arena_chunk {
    struct sty_arena_chunk *next;
    size_t capacity, used;
};

static struct {
    size_t fail_at, n_calls;
    bool sticky;
} fault;

size_t sty_mem_fail_at(size_t n, bool sticky) {
    size_t calls = fault.n_calls;
    fault.fail_at = n;
    fault.sticky = sticky;
    fault.n_calls = 0;
    return calls;
}

static bool injected_failure(void) {
    if (fault.fail_at == 0) return false;
    fault.n_calls++;
    return fault.sticky ? fault.n_calls >= fault.fail_at : fault.n_calls == fault.fail_at;
}

bool sty_mul(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }

bool sty_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

/* Bytes rounded up to whole aligned blocks; 0 on overflow. */
static size_t rounded(size_t n_bytes) {
    size_t up;
    if (n_bytes == 0) n_bytes = 1;
    return sty_add(n_bytes, STY_ALIGN - 1, &up) ? up / STY_ALIGN * STY_ALIGN : 0;
}

static void *aligned_block(size_t n_bytes) {
    size_t up = rounded(n_bytes);
    if (up == 0 || up > PTRDIFF_MAX || injected_failure()) return NULL;
    return aligned_alloc(STY_ALIGN, up);
}

void *sty_alloc(size_t n, size_t size) {
    size_t n_bytes;
    if (!sty_mul(n, size, &n_bytes)) return NULL;
    void *block = aligned_block(n_bytes);
    if (block) memset(block, 0, n_bytes);
    return block;
}

void *sty_resize(void *block, size_t old_bytes, size_t new_bytes) {
    void *moved = aligned_block(new_bytes);
    if (!moved) return NULL;
    if (block) memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    free(block);
    return moved;
}

char *sty_copy_text(const char *text, size_t length) {
    size_t n_bytes;
    if (!sty_add(length, 1, &n_bytes)) return NULL;
    char *copy = sty_alloc(n_bytes, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

void sty_free(void *block) { free(block); }

void *sty_pages(void *old, size_t old_bytes, size_t new_bytes) {
    if (new_bytes == 0) {
        if (old) munmap(old, old_bytes);
        return NULL;
    }
    if (new_bytes > PTRDIFF_MAX || injected_failure()) return NULL;
    void *pages = old ? mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE)
                      : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t header_bytes(void) { return rounded(sizeof(struct sty_arena_chunk)); }

static struct sty_arena_chunk *new_chunk(sty_arena *arena, size_t n_bytes) {
    size_t capacity = arena->first ? arena->first->capacity : 32768;
    if (capacity < (size_t)1 << 24) capacity *= 2;
    if (capacity < n_bytes) capacity = n_bytes;
    size_t total;
    if (!sty_add(capacity, header_bytes(), &total)) return NULL;
    struct sty_arena_chunk *chunk = aligned_block(total);
    if (!chunk) return NULL;
    chunk->next = arena->first;
    chunk->capacity = capacity;
    chunk->used = 0;
    arena->first = chunk;
    return chunk;
}

void *sty_arena_alloc(sty_arena *arena, size_t n, size_t size) {
    size_t wanted;
    if (!sty_mul(n, size, &wanted)) return NULL;
    size_t n_bytes = rounded(wanted);
    if (n_bytes == 0) return NULL;
    struct sty_arena_chunk *chunk = arena->first;
    if (!chunk || chunk->capacity - chunk->used < n_bytes) chunk = new_chunk(arena, n_bytes);
    if (!chunk) return NULL;
    char *block = (char *)chunk + header_bytes() + chunk->used;
    chunk->used += n_bytes;
    arena->n_bytes += n_bytes;
    memset(block, 0, wanted);
    return block;
}

char *sty_arena_text(sty_arena *arena, const char *text, size_t length) {
    size_t n_bytes;
    if (!sty_add(length, 1, &n_bytes)) return NULL;
    char *copy = sty_arena_alloc(arena, n_bytes, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

void sty_arena_clear(sty_arena *arena) {
    struct sty_arena_chunk *chunk = arena->first;
    while (chunk) {
        struct sty_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    arena->first = NULL;
    arena->n_bytes = 0;
}
