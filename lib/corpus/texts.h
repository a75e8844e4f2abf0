/* texts.h - a pool of packed texts with one lifetime. Floor 5.
 *
 * An arena aligns every block for vector loads, which costs 64 bytes a text. Here
 * they follow one another. */
#ifndef STY_CORPUS_TEXTS_H
#define STY_CORPUS_TEXTS_H

#include "base/mem.h"

typedef struct sty_texts {
    struct sty_texts_chunk *first;
} sty_texts;

/* A copy of n bytes and a NUL, or NULL. It does not move. */
char *sty_texts_put(sty_texts *texts, const char *text, size_t n);
void sty_texts_empty(sty_texts *texts); /* the memory is used again */
void sty_texts_clear(sty_texts *texts);

/* A table from a text to an index below 2^32 - 1: open addressing over XXH3. key_at
 * gives the text of an index. */
typedef struct sty_text_index {
    uint32_t *slots; /* index + 1; 0: free */
    size_t mask;
    const char *(*key_at)(const void *context, size_t i);
    const void *context;
} sty_text_index;
bool sty_text_index_begin(sty_text_index *index, size_t n, const char *(*key_at)(const void *, size_t), const void *context);
/* The index stored under key; or (size_t)-1, and i is stored unless it is (size_t)-1. */
size_t sty_text_index_put(sty_text_index *index, const char *key, size_t i);
void sty_text_index_clear(sty_text_index *index);

#endif
