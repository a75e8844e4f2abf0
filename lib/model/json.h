/* json.h - strict JSON reading, the one door to cJSON. Floor 3.
 *
 * cJSON alone accepts duplicate keys, invalid UTF-8, NUL escapes, infinite
 * numbers, numbers such as 007 or 1., control characters between values and
 * trailing garbage; this door refuses them, so two readers can
 * never see two documents in one file. A cursor knows its way from the root:
 * every error names the JSON path ("layers[3].kernel"). Cursors live on the
 * stack and point to their parents. */
#ifndef STY_MODEL_JSON_H
#define STY_MODEL_JSON_H

#include "base/param.h"

/* max_keys: members and elements of everything together. */
typedef struct sty_json_limits {
    size_t max_bytes, max_depth, max_keys;
} sty_json_limits;

/* Integers beyond 2^53 - 1 are not the number that was written. */
#define STY_JSON_MAX_INTEGER 9007199254740991.0

typedef struct sty_json sty_json;

typedef struct sty_cursor {
    const struct sty_cursor *parent; /* NULL at the root */
    const void *item;
    const char *key; /* of an object's member; NULL in lists and at the root */
    size_t index;    /* in a list */
} sty_cursor;

/* text need not end with NUL. Errors: STY_BAD_MODEL (not JSON, beyond a limit). */
sty_status sty_json_parse(const char *text, size_t n, const sty_json_limits *limits,
                          sty_json **json, sty_err *err);
void sty_json_free(sty_json *json);
sty_cursor sty_json_root(const sty_json *json);

/* Walks the members of an object or list:
 *     sty_cursor c;
 *     for (bool more = sty_json_first(&parent, &c); more; more = sty_json_next(&c)) ... */
bool sty_json_first(const sty_cursor *parent, sty_cursor *child);
bool sty_json_next(sty_cursor *child);
size_t sty_json_count(const sty_cursor *cursor);

/* The member called key; false when there is none. */
bool sty_json_get(const sty_cursor *object, const char *key, sty_cursor *member);

/* Fails with "PATH: message". */
sty_status sty_json_fail(const sty_cursor *cursor, sty_err *err, const char *format, ...)
    STY_PRINTF(3, 4);

/* Puts the path in front of the message in err. */
void sty_json_prefix(const sty_cursor *cursor, sty_err *err);

bool sty_json_is_object(const sty_cursor *cursor);
bool sty_json_is_list(const sty_cursor *cursor);
bool sty_json_is_text(const sty_cursor *cursor);

/* Typed values. Errors: STY_BAD_MODEL with path, what is there, what was expected. */
sty_status sty_json_object(const sty_cursor *cursor, sty_err *err);
sty_status sty_json_list(const sty_cursor *cursor, sty_err *err);
sty_status sty_json_text(const sty_cursor *cursor, const char **text, sty_err *err);
sty_status sty_json_integer(const sty_cursor *cursor, double low, double high, size_t *value,
                            sty_err *err);
sty_status sty_json_number(const sty_cursor *cursor, double *value, sty_err *err);
sty_status sty_json_bool(const sty_cursor *cursor, bool *value, sty_err *err);

/* Like get, but a missing member is an error. */
sty_status sty_json_need(const sty_cursor *object, const char *key, sty_cursor *member,
                         sty_err *err);

/* Refuses members that are not in keys (NULL-terminated), with the nearest. */
sty_status sty_json_only(const sty_cursor *object, const char *const *keys, sty_err *err);

/* Stores a member into a parameter struct. */
sty_status sty_json_param(const sty_cursor *cursor, const sty_param *param, void *target,
                          sty_err *err);

/* Canonical text: sorted keys, no spaces; the same for every formatting. */
void sty_json_canonical(const sty_cursor *cursor, sty_buf *out);

#endif
