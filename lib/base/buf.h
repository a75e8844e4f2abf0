/* buf.h - a growing byte buffer with text and JSON helpers. Floor 0.
 *
 * A buffer that could not grow remembers it (failed) and ignores further
 * writes, so a sequence of puts needs one check at its end. Zero-initialise. */
#ifndef STY_BASE_BUF_H
#define STY_BASE_BUF_H

#include "base/mem.h"

typedef struct sty_buf {
    char *data;
    size_t length, capacity;
    bool failed;
} sty_buf;

void sty_buf_put(sty_buf *buf, const void *bytes, size_t n);
void sty_buf_text(sty_buf *buf, const char *text);
void sty_buf_printf(sty_buf *buf, const char *format, ...) STY_PRINTF(2, 3);

/* n more bytes at the end, not initialised, for the caller to fill; NULL on failure. */
void *sty_buf_extend(sty_buf *buf, size_t n);

/* A JSON string with quotes. Bytes that are not valid UTF-8 become U+FFFD, so
 * the result is always valid JSON. */
void sty_buf_json(sty_buf *buf, const char *text);

/* A JSON number that reads back as the same float32: up to 9 significant
 * digits. The value must be finite. */
void sty_buf_json_float(sty_buf *buf, float value);

/* printf's %.10g in the "C" locale, and %zu. */
void sty_buf_seconds(sty_buf *buf, double seconds);
void sty_buf_count(sty_buf *buf, size_t n);

/* Nested JSON lists of an array [dim0, dim1, ...]. */
void sty_buf_json_array(sty_buf *buf, const float *data, int rank, const size_t *dim);

void sty_buf_clear(sty_buf *buf); /* frees */

/* Length of the valid UTF-8 sequence at text (1..4), or 0. Reads at most n bytes. */
int sty_utf8_length(const char *text, size_t n);

#endif
