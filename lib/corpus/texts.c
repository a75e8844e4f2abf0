/* texts.c - chunks of 256 KiB, filled from the front; a longer text has its own. */
#include "corpus/texts.h"

#include <string.h>

enum { CHUNK_BYTES = 1 << 18 };

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

void sty_texts_clear(sty_texts *texts) {
    while (texts->first) {
        struct sty_texts_chunk *next = texts->first->next;
        sty_free(texts->first);
        texts->first = next;
    }
}
