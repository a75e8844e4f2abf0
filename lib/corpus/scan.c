/* scan.c - see scan.h. Strings are skipped by a table of the bytes that mean
 * something in them; only those with a backslash are ever decoded. */
#define _GNU_SOURCE
#include "corpus/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32, FEW_MEMBERS = 16, MAX_NUMBER = 400 };

typedef struct {
    sty_scan *scan;
    const char *text;
    size_t at, n, max_keys, max_depth;
    sty_err *err;
} reader;

static sty_status refuse(const reader *r, const char *what) {
    return sty_err_set(r->err, STY_BAD_ARGUMENT, "not JSON: %s at byte %zu", what, r->at);
}

static sty_status no_memory(sty_err *err, size_t n) { return sty_err_no_memory(err, n, "JSON"); }

static void blanks(reader *r) {
    while (r->at < r->n && (r->text[r->at] == ' ' || r->text[r->at] == '\t' || r->text[r->at] == '\n' || r->text[r->at] == '\r'))
        r->at++;
}

/* ---- strings ---- */

static int hex4(const char *text, size_t n) {
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        const char c = i < n ? text[i] : '\0';
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The length of the escape sequence at text (its backslash) and its character; 0: none. */
static size_t escape(const char *text, size_t n, uint32_t *c) {
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *at = n > 1 && text[1] ? strchr(names, text[1]) : NULL;
    if (at) {
        *c = (unsigned char)means[at - names];
        return 2;
    }
    const int high = n > 1 && text[1] == 'u' ? hex4(text + 2, n - 2) : -1;
    if (high <= 0 || (high >= 0xDC00 && high <= 0xDFFF)) return 0;
    *c = (uint32_t)high;
    if (high < 0xD800 || high > 0xDBFF) return 6;
    const int low = n > 7 && text[6] == '\\' && text[7] == 'u' ? hex4(text + 8, n - 8) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    *c = 0x10000 + (((uint32_t)high & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
    return 12;
}

/* The string at r->at (its quote), up to behind its end. */
static sty_status string(reader *r, uint32_t *at, uint32_t *length, uint8_t *escaped) {
    const char *text = r->text;
    const size_t n = r->n, from = ++r->at;
    size_t i = from;
    *escaped = 0;
    for (;;) {
        while (i < n && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x80 && text[i] != '"' && text[i] != '\\')
            i++;
        r->at = i;
        if (i == n) return refuse(r, "a string without an end");
        uint32_t c;
        size_t step = 0;
        if (text[i] == '"') break;
        if (text[i] == '\\') {
            *escaped = 1;
            step = escape(text + i, n - i, &c);
        } else if ((unsigned char)text[i] >= 0x80) step = (size_t)sty_utf8_length(text + i, n - i);
        if (step == 0) return refuse(r, text[i] == '\\' ? "a wrong escape" : (unsigned char)text[i] < 0x20 ? "a control character" : "what is not UTF-8");
        i += step;
    }
    *at = (uint32_t)from;
    *length = (uint32_t)(i - from);
    r->at = i + 1;
    return STY_OK;
}

static void put_code_point(sty_buf *out, uint32_t c) {
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) bytes[n++] = (char)c;
    else if (c < 0x800) bytes[n++] = (char)(0xC0 | c >> 6);
    else if (c < 0x10000) bytes[n++] = (char)(0xE0 | c >> 12);
    else bytes[n++] = (char)(0xF0 | c >> 18);
    if (c >= 0x10000) bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
    if (c >= 0x800) bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    if (c >= 0x80) bytes[n++] = (char)(0x80 | (c & 0x3F));
    sty_buf_put(out, bytes, n);
}

/* n checked bytes of a string, decoded. */
static bool decoded(const char *text, size_t n, bool escaped, sty_buf *out) {
    out->length = 0;
    if (!escaped) sty_buf_put(out, text, n);
    for (size_t i = 0; escaped && i < n;) {
        uint32_t c = 0;
        const size_t step = text[i] == '\\' ? escape(text + i, n - i, &c) : 0;
        if (step) put_code_point(out, c);
        else sty_buf_put(out, text + i, 1);
        i += step ? step : 1;
    }
    sty_buf_put(out, "", 1);
    return !out->failed;
}

/* ---- other scalars ---- */

static size_t digits(const reader *r, size_t i) {
    const size_t from = i;
    while (i < r->n && r->text[i] >= '0' && r->text[i] <= '9')
        i++;
    return i - from;
}

static sty_status number(reader *r, sty_scan_value *v) {
    size_t i = r->at + (r->text[r->at] == '-'), more = digits(r, i);
    bool good = more > 0 && (more == 1 || r->text[i] != '0'), exponent = false;
    i += more;
    if (good && i < r->n && r->text[i] == '.') {
        more = digits(r, ++i);
        good = more > 0;
        i += more;
    }
    if (good && i < r->n && (r->text[i] == 'e' || r->text[i] == 'E')) {
        exponent = true;
        i++;
        if (i < r->n && (r->text[i] == '+' || r->text[i] == '-')) i++;
        more = digits(r, i);
        good = more > 0;
        i += more;
    }
    const size_t length = i - r->at;
    if (!good || length > MAX_NUMBER) return refuse(r, "no number");
    if (exponent || length > 300) { /* others are finite */
        char copy[MAX_NUMBER + 1];
        memcpy(copy, r->text + r->at, length);
        copy[length] = '\0';
        if (!isfinite(strtod(copy, NULL))) return refuse(r, "a number that is too large");
    }
    v->kind = STY_SCAN_NUMBER;
    v->at = (uint32_t)r->at;
    v->length = (uint32_t)length;
    r->at = i;
    return STY_OK;
}

static sty_status word(reader *r, sty_scan_value *v) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < STY_COUNT(words); i++) {
        const size_t n = strlen(words[i]);
        if (r->n - r->at < n || memcmp(r->text + r->at, words[i], n) != 0) continue;
        v->kind = i == 2 ? STY_SCAN_NULL : STY_SCAN_WORD;
        v->at = (uint32_t)r->at;
        v->length = (uint32_t)n;
        r->at += n;
        return STY_OK;
    }
    return refuse(r, "no value");
}

/* ---- keys ---- */

static sty_status compare_keys(const sty_scan *scan, const sty_scan_value *a, const sty_scan_value *b, int *order, sty_err *err) {
    if (!a->key_escaped && !b->key_escaped) {
        const size_t n = a->key_length < b->key_length ? a->key_length : b->key_length;
        *order = memcmp(scan->text + a->key_at, scan->text + b->key_at, n);
        if (*order == 0) *order = (a->key_length > b->key_length) - (a->key_length < b->key_length);
        return STY_OK;
    }
    sty_buf x = {0}, y = {0};
    const bool good = sty_scan_key(scan, a, &x) && sty_scan_key(scan, b, &y);
    *order = good ? strcmp(x.data, y.data) : 1;
    sty_buf_clear(&x);
    sty_buf_clear(&y);
    return good ? STY_OK : no_memory(err, 0);
}

typedef struct {
    const sty_scan *scan;
    sty_status status;
    sty_err err;
} sorting;

static int by_key(const void *a, const void *b, void *context) {
    sorting *s = context;
    int order = 0;
    const sty_status status = compare_keys(s->scan, &s->scan->values[*(const uint32_t *)a], &s->scan->values[*(const uint32_t *)b], &order, &s->err);
    if (status != STY_OK) s->status = status;
    return order;
}

static sty_status twice(const reader *r, const sty_scan_value *v) {
    return sty_err_set(r->err, STY_BAD_ARGUMENT, "the key '%.*s' occurs twice", (int)(v->key_length < 60 ? v->key_length : 60),
                       r->text + v->key_at);
}

static sty_status check_many(reader *r, const sty_scan_value *object) {
    sty_scan *s = r->scan;
    sorting how = {.scan = s, .status = STY_OK};
    size_t n = 0;
    if (s->n_order < object->n_children) {
        uint32_t *moved = sty_resize(s->order, s->n_order * sizeof *moved, object->n_children * sizeof *moved);
        if (!moved) return no_memory(r->err, object->n_children * sizeof *moved);
        s->order = moved;
        s->n_order = object->n_children;
    }
    for (const sty_scan_value *v = sty_scan_first(s, object); v; v = sty_scan_next(s, object, v))
        s->order[n++] = (uint32_t)(v - s->values);
    qsort_r(s->order, n, sizeof *s->order, by_key, &how);
    for (size_t i = 1; i < n && how.status == STY_OK; i++)
        if (by_key(&s->order[i - 1], &s->order[i], &how) == 0) return twice(r, &s->values[s->order[i]]);
    return how.status == STY_OK ? STY_OK : no_memory(r->err, 0);
}

/* No key twice in an object that is whole. */
static sty_status check_keys(reader *r, const sty_scan_value *object) {
    const sty_scan *s = r->scan;
    if (object->n_children > FEW_MEMBERS) return check_many(r, object);
    for (const sty_scan_value *a = sty_scan_first(s, object); a; a = sty_scan_next(s, object, a))
        for (const sty_scan_value *b = sty_scan_first(s, object); b != a; b = sty_scan_next(s, object, b)) {
            int order;
            if (a->key_length != b->key_length && !a->key_escaped && !b->key_escaped) continue;
            STY_TRY(compare_keys(s, a, b, &order, r->err));
            if (order == 0) return twice(r, a);
        }
    return STY_OK;
}

/* ---- structure ---- */

static sty_status new_value(reader *r, sty_scan_value **v) {
    sty_scan *s = r->scan;
    if (s->n >= r->max_keys) return sty_err_set(r->err, STY_BAD_ARGUMENT, "more than %zu JSON values", r->max_keys);
    if (s->n == s->capacity) {
        const size_t capacity = s->capacity ? s->capacity * 2 : 256;
        sty_scan_value *moved = sty_resize(s->values, s->n * sizeof *moved, capacity * sizeof *moved);
        if (!moved) return no_memory(r->err, capacity * sizeof *moved);
        s->values = moved;
        s->capacity = capacity;
    }
    *v = &s->values[s->n++];
    memset(*v, 0, sizeof **v);
    return STY_OK;
}

/* A key and its colon. */
static sty_status key(reader *r, sty_scan_value *v) {
    blanks(r);
    if (r->at == r->n || r->text[r->at] != '"') return refuse(r, "no key");
    STY_TRY(string(r, &v->key_at, &v->key_length, &v->key_escaped));
    blanks(r);
    if (r->at == r->n || r->text[r->at] != ':') return refuse(r, "no colon");
    r->at++;
    return STY_OK;
}

/* A scalar, or the opening of an object or list. */
static sty_status begin_value(reader *r, sty_scan_value *v) {
    blanks(r);
    const char c = r->at < r->n ? r->text[r->at] : '\0';
    if (c == '"') {
        v->kind = STY_SCAN_TEXT;
        return string(r, &v->at, &v->length, &v->escaped);
    }
    if (c == '-' || (c >= '0' && c <= '9')) return number(r, v);
    if (c != '{' && c != '[') return word(r, v);
    v->kind = c == '{' ? STY_SCAN_OBJECT : STY_SCAN_LIST;
    v->at = (uint32_t)r->at++;
    return STY_OK;
}

/* Everything below the root, without recursion. */
static sty_status values(reader *r) {
    sty_scan *s = r->scan;
    uint32_t open[MAX_DEPTH];
    size_t depth = 0;
    for (;;) {
        sty_scan_value *v = NULL, *parent = depth ? &s->values[open[depth - 1]] : NULL;
        blanks(r);
        const char c = r->at < r->n ? r->text[r->at] : '\0';
        if (parent && c == (parent->kind == STY_SCAN_OBJECT ? '}' : ']')) {
            parent->length = (uint32_t)(++r->at - parent->at);
            parent->next = (uint32_t)s->n;
            if (parent->kind == STY_SCAN_OBJECT) STY_TRY(check_keys(r, parent));
            if (--depth == 0) return STY_OK;
            continue;
        }
        if (parent && parent->n_children) {
            if (c != ',') return refuse(r, "no comma or end");
            r->at++;
        }
        STY_TRY(new_value(r, &v));
        const uint32_t index = (uint32_t)(v - s->values);
        parent = depth ? &s->values[open[depth - 1]] : NULL; /* it may have moved */
        if (parent) parent->n_children++;
        if (parent && parent->kind == STY_SCAN_OBJECT) STY_TRY(key(r, v));
        STY_TRY(begin_value(r, v));
        v->next = index + 1;
        if (v->kind != STY_SCAN_OBJECT && v->kind != STY_SCAN_LIST) {
            if (!depth) return STY_OK;
            continue;
        }
        if (depth == r->max_depth) return sty_err_set(r->err, STY_BAD_ARGUMENT, "nested deeper than %zu levels", r->max_depth);
        open[depth++] = index;
    }
}

sty_status sty_scan_text(sty_scan *scan, const char *text, size_t n, const sty_json_limits *limits, sty_err *err) {
    reader r = {.scan = scan, .text = text, .n = n, .max_keys = limits->max_keys, .max_depth = limits->max_depth, .err = err};
    if (n > limits->max_bytes || n > UINT32_MAX / 2)
        return sty_err_set(err, STY_BAD_ARGUMENT, "%zu bytes of JSON, the limit is %zu", n, limits->max_bytes);
    if (r.max_depth > MAX_DEPTH) r.max_depth = MAX_DEPTH;
    scan->text = text;
    scan->n = 0;
    STY_TRY(values(&r));
    blanks(&r);
    return r.at == n ? STY_OK : refuse(&r, "more behind the end");
}

/* ---- use ---- */

const sty_scan_value *sty_scan_first(const sty_scan *scan, const sty_scan_value *parent) {
    (void)scan;
    return parent->n_children ? parent + 1 : NULL;
}

const sty_scan_value *sty_scan_next(const sty_scan *scan, const sty_scan_value *parent, const sty_scan_value *value) {
    const uint32_t end = parent->next;
    return value->next < end ? &scan->values[value->next] : NULL;
}

const sty_scan_value *sty_scan_get(const sty_scan *scan, const sty_scan_value *object, const char *key_) {
    const size_t n = strlen(key_);
    if (object->kind != STY_SCAN_OBJECT) return NULL;
    for (const sty_scan_value *v = sty_scan_first(scan, object); v; v = sty_scan_next(scan, object, v)) {
        if (!v->key_escaped) {
            if (v->key_length == n && memcmp(scan->text + v->key_at, key_, n) == 0) return v;
            continue;
        }
        sty_buf decoded_key = {0};
        const bool same = sty_scan_key(scan, v, &decoded_key) && strcmp(decoded_key.data, key_) == 0;
        sty_buf_clear(&decoded_key);
        if (same) return v;
    }
    return NULL;
}

bool sty_scan_scalar(const sty_scan *scan, const sty_scan_value *value, sty_buf *text) {
    if (value->kind == STY_SCAN_OBJECT || value->kind == STY_SCAN_LIST || value->kind == STY_SCAN_NULL) return false;
    return decoded(scan->text + value->at, value->length, value->escaped, text);
}

bool sty_scan_string(const sty_scan *scan, const sty_scan_value *value, sty_buf *text) {
    return value && value->kind == STY_SCAN_TEXT && sty_scan_scalar(scan, value, text);
}

bool sty_scan_key(const sty_scan *scan, const sty_scan_value *value, sty_buf *text) {
    return decoded(scan->text + value->key_at, value->key_length, value->key_escaped, text);
}

void sty_scan_clear(sty_scan *scan) {
    sty_free(scan->values);
    sty_free(scan->order);
    memset(scan, 0, sizeof *scan);
}
