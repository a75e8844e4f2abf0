/* container.h - what a file is, before any decoder sees it. Floor 2.
 *
 * libsndfile decodes raw bytes by file name, takes truncated files without a
 * word and has had memory errors in rare codings, so the content is looked at
 * first: only known containers with known codings go on, and a file that is
 * shorter than its own header says is reported. */
#ifndef STY_AUDIO_CONTAINER_H
#define STY_AUDIO_CONTAINER_H

#include "base/err.h"

/* Random access to the bytes of an input, in memory or behind a descriptor. Headers are
 * read in a dozen small pieces, so behind a descriptor more is read than is asked for. */
enum { STY_SOURCE_AHEAD = 1 << 16 };
typedef struct sty_source {
    const char *name;          /* for messages */
    const unsigned char *data; /* in memory; NULL: fd */
    int fd;
    uint64_t size, position;
    int error;            /* errno of the first failed read; 0 = none */
    unsigned char *ahead; /* [STY_SOURCE_AHEAD], the caller's; NULL: nothing is read ahead */
    uint64_t ahead_at;    /* offset of what it holds, and how much that is */
    size_t ahead_n;
} sty_source;

/* Copies up to n bytes from offset; returns how many there were. Failures set
 * source->error and look like the end. */
size_t sty_source_read(sty_source *source, uint64_t offset, void *to, size_t n);

/* Errors: STY_EMPTY, STY_NOT_AUDIO, STY_UNSUPPORTED_CODEC, STY_TRUNCATED. */
sty_status sty_container_check(sty_source *source, sty_err *err);

#endif
