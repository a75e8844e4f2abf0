/* scan.h - strict JSON for lists: a line of it in less than a microsecond. Floor 5.
 *
 * A list of 10^6 objects is read before anything runs, so no value gets memory of
 * its own: one pass checks the text and notes where each value lies, in a table
 * that the next text uses again. What is refused is what model/json.h refuses
 * (duplicate keys, invalid UTF-8, NUL escapes, infinite numbers, 007, 1., trailing
 * bytes ...); a test compares the two. */
#ifndef STY_CORPUS_SCAN_H
#define STY_CORPUS_SCAN_H

#include "base/buf.h"
#include "model/json.h"

typedef enum sty_scan_kind {
    STY_SCAN_OBJECT,
    STY_SCAN_LIST,
    STY_SCAN_TEXT,
    STY_SCAN_NUMBER,
    STY_SCAN_WORD, /* true, false */
    STY_SCAN_NULL
} sty_scan_kind;

typedef struct sty_scan_value {
    uint32_t at, length;         /* bytes of the text; of a string without its quotes */
    uint32_t key_at, key_length; /* of an object's member */
    uint32_t next;               /* index behind this value and all in it */
    uint32_t n_children;
    uint8_t kind, escaped, key_escaped;
} sty_scan_value;

/* Zero-initialise; sty_scan_clear frees. values[0] is the root, children follow their parent. */
typedef struct sty_scan {
    const char *text;
    sty_scan_value *values;
    size_t n, capacity;
    uint32_t *order; /* scratch: members by key */
    size_t n_order;
} sty_scan;

/* Limits as in sty_json_parse, at most 32 levels. The text must stay until the next call.
 * Errors: STY_BAD_ARGUMENT (not JSON), STY_OUT_OF_MEMORY. */
sty_status sty_scan_text(sty_scan *scan, const char *text, size_t n, const sty_json_limits *limits, sty_err *err);

/* for (v = sty_scan_first(s, parent); v; v = sty_scan_next(s, parent, v)) */
const sty_scan_value *sty_scan_first(const sty_scan *scan, const sty_scan_value *parent);
const sty_scan_value *sty_scan_next(const sty_scan *scan, const sty_scan_value *parent, const sty_scan_value *value);

/* The member of an object called key, or NULL (also of what is no object). */
const sty_scan_value *sty_scan_get(const sty_scan *scan, const sty_scan_value *object, const char *key);

/* The value of a string, number or word into text, NUL-terminated, numbers as they
 * are written; false for null, objects and lists, and when memory ends (text->failed). */
bool sty_scan_scalar(const sty_scan *scan, const sty_scan_value *value, sty_buf *text);

/* The same for strings only; value may be NULL. */
bool sty_scan_string(const sty_scan *scan, const sty_scan_value *value, sty_buf *text);

/* The key of a member. */
bool sty_scan_key(const sty_scan *scan, const sty_scan_value *value, sty_buf *text);

void sty_scan_clear(sty_scan *scan);

#endif
