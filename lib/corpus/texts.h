/* texts.h - a pool of packed texts with one lifetime. Floor 5.
 *
 * An arena aligns every block for vector loads, which costs 64 bytes a text; a
 * list of 10^7 clips has 2 * 10^7 texts. Here they follow one another. */
#ifndef STY_CORPUS_TEXTS_H
#define STY_CORPUS_TEXTS_H

#include "base/mem.h"

typedef struct sty_texts {
    struct sty_texts_chunk *first;
} sty_texts;

/* A copy of n bytes and a NUL, or NULL. It does not move. */
char *sty_texts_put(sty_texts *texts, const char *text, size_t n);
void sty_texts_clear(sty_texts *texts);

#endif
