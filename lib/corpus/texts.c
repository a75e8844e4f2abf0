/* texts.c - chunks of 16 KiB, filled from the front; a longer text has its own. */
#include "corpus/texts.h"

#include "base/hash.h"

#include <string.h>

enum { CHUNK_BYTES = 1 << 14 };

struct sty_texts_chunk {
    struct sty_texts_chunk *next;
    size_t used, size;
    char data[];
};

char *sty_texts_put(sty_texts *texts, const char *text, size_t n) {
    struct sty_texts_chunk *chunk = texts->first;
    if (!chunk || chunk->size - chunk->used <= n) {
        const size_t size = n < CHUNK_BYTES ? CHUNK_BYTES : n + 1;
        chunk = sty_alloc(sizeof *chunk + size, 1);
        if (!chunk) return NULL;
        chunk->size = size;
        chunk->next = texts->first;
        texts->first = chunk;
    }
    char *to = chunk->data + chunk->used;
    memcpy(to, text, n);
    to[n] = '\0';
    chunk->used += n + 1;
    return to;
}

void sty_texts_empty(sty_texts *texts) {
    while (texts->first && texts->first->next) {
        struct sty_texts_chunk *next = texts->first->next;
        sty_free(texts->first);
        texts->first = next;
    }
    if (texts->first) texts->first->used = 0;
}

void sty_texts_clear(sty_texts *texts) {
    while (texts->first) {
        struct sty_texts_chunk *next = texts->first->next;
        sty_free(texts->first);
        texts->first = next;
    }
}

bool sty_text_index_begin(sty_text_index *index, size_t n, const char *(*key_at)(const void *, size_t), const void *context) {
    size_t size = 16;
    if (n >= UINT32_MAX) return false;
    while (size < n * 2)
        size *= 2;
    *index = (sty_text_index){.slots = sty_pages(NULL, 0, size * sizeof *index->slots), .mask = size - 1, .key_at = key_at, .context = context};
    return index->slots != NULL;
}

size_t sty_text_index_put(sty_text_index *index, const char *key, size_t i) {
    size_t slot = (size_t)sty_hash64(key, strlen(key)) & index->mask;
    while (index->slots[slot]) {
        const size_t there = index->slots[slot] - 1;
        if (strcmp(index->key_at(index->context, there), key) == 0) return there;
        slot = (slot + 1) & index->mask;
    }
    if (i != (size_t)-1) index->slots[slot] = (uint32_t)(i + 1);
    return (size_t)-1;
}

void sty_text_index_clear(sty_text_index *index) {
    sty_pages(index->slots, (index->mask + 1) * sizeof *index->slots, 0);
    index->slots = NULL;
}
