/* npy.c - the header is a Python dictionary in ASCII; only the three keys NumPy
 * writes are read, in any order. */
#include "base/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool sty_npy_header(const char *descr, int rank, const size_t *dim, char header[STY_NPY_HEADER]) {
    char shape[80] = "(";
    int n = 1;
    for (int i = 0; i < rank; i++) {
        n += snprintf(shape + n, sizeof shape - (size_t)n, i ? ", %zu" : "%zu", dim[i]);
        if ((size_t)n + 3 > sizeof shape) return false;
    }
    snprintf(shape + n, sizeof shape - (size_t)n, rank == 1 ? ",)" : ")");
    memcpy(header, magic, sizeof magic);
    memcpy(header + 6, "\x01\x00\x76\x00", 4);
    n = snprintf(header + 10, STY_NPY_HEADER - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                 descr, shape);
    if (n < 0 || n > STY_NPY_HEADER - 11) return false;
    memset(header + 10 + n, ' ', (size_t)(STY_NPY_HEADER - 11 - n));
    header[STY_NPY_HEADER - 1] = '\n';
    return true;
}

bool sty_npy_is(const void *bytes, size_t n) {
    return n >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* What stands behind 'KEY': in the dictionary, spaces skipped; NULL without it. */
static const char *value_of(const char *text, const char *key) {
    const char *p = strstr(text, key);
    if (!p) return NULL;
    p += strlen(key);
    return p + strspn(p, " ");
}

static bool value_is(const char *text, const char *key, const char *value) {
    const char *p = value_of(text, key);
    return p && strncmp(p, value, strlen(value)) == 0;
}

static bool parse_shape(const char *text, sty_npy_head *head) {
    const char *p = value_of(text, "'shape':");
    if (!p || *p != '(') return false;
    for (p++;;) {
        while (*p == ' ' || *p == ',')
            p++;
        if (*p == ')') return true;
        char *end;
        errno = 0;
        const unsigned long long v = strtoull(p, &end, 10);
        if (end == p || *p < '0' || *p > '9' || errno || head->rank == 3) return false;
        head->dim[head->rank++] = (size_t)v;
        p = end;
    }
}

static bool parse_descr(const char *text, sty_npy_head *head) {
    const char *p = value_of(text, "'descr':");
    if (!p || *p != '\'') return false; /* a list: several fields */
    const char *end = strchr(p + 1, '\'');
    if (!end || (size_t)(end - p) > sizeof head->descr) return false;
    memcpy(head->descr, p + 1, (size_t)(end - p - 1));
    return true;
}

static sty_status refused(const char *name, const char *why, sty_err *err) {
    return sty_err_set(err, STY_NOT_AUDIO, "'%s' is no usable .npy file: %s", name, why);
}

sty_status sty_npy_parse_head(const unsigned char *b, size_t n, const char *name, sty_npy_head *head,
                              sty_err *err) {
    memset(head, 0, sizeof *head);
    if (!sty_npy_is(b, n) || n < 12) return refused(name, "the first bytes differ", err);
    const size_t start = b[6] == 1 ? 10 : 12;
    size_t length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1) length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (b[6] < 1 || b[6] > 3 || length > n - start || length > 4096)
        return refused(name, "an unknown version or header", err);
    char text[4097];
    memcpy(text, b + start, length);
    text[length] = '\0';
    if (!parse_descr(text, head)) return refused(name, "no type of values", err);
    if (!value_is(text, "'fortran_order':", "False")) return refused(name, "expected C order", err);
    if (!parse_shape(text, head) || head->rank == 0)
        return refused(name, "expected one to three axes", err);
    head->count = 1;
    for (int i = 0; i < head->rank; i++)
        if (!sty_mul(head->count, head->dim[i], &head->count))
            return refused(name, "the shape does not fit", err);
    head->start = start + length;
    return STY_OK;
}

sty_status sty_npy_parse(const sty_bytes *bytes, const char *name, sty_npy *npy, sty_err *err) {
    sty_npy_head head;
    size_t n_bytes;
    memset(npy, 0, sizeof *npy);
    STY_TRY(sty_npy_parse_head(bytes->data, bytes->n, name, &head, err));
    const bool is_double = strcmp(head.descr, "<f8") == 0;
    if (!is_double && strcmp(head.descr, "<f4") != 0)
        return refused(name, "expected float32 or float64, little-endian", err);
    if (!sty_mul(head.count, is_double ? 8 : 4, &n_bytes) || n_bytes > bytes->n - head.start)
        return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: its shape needs %zu values, %zu bytes are there",
                           name, head.count, bytes->n - head.start);
    npy->rank = head.rank;
    memcpy(npy->dim, head.dim, sizeof npy->dim);
    npy->data = sty_alloc(head.count, sizeof *npy->data);
    if (!npy->data) return sty_err_no_memory(err, n_bytes, name);
    if (!is_double) memcpy(npy->data, bytes->data + head.start, n_bytes);
    for (size_t i = 0; is_double && i < head.count; i++) {
        double v;
        memcpy(&v, bytes->data + head.start + 8 * i, sizeof v);
        npy->data[i] = (float)v;
    }
    return STY_OK;
}

sty_status sty_npy_read(const char *path, sty_npy *npy, sty_err *err) {
    sty_bytes bytes = {0};
    STY_TRY(sty_file_read(path, (size_t)16 << 30, &bytes, err));
    sty_status status = sty_npy_parse(&bytes, path, npy, err);
    sty_bytes_clear(&bytes);
    return status;
}

void sty_npy_clear(sty_npy *npy) {
    sty_free(npy->data);
    npy->data = NULL;
}

sty_status sty_npy_write(const char *path, const float *data, int rank, const size_t *dim,
                         bool overwrite, sty_err *err) {
    char header[STY_NPY_HEADER];
    size_t count = 1;
    sty_out *out;
    for (int i = 0; i < rank; i++)
        count *= dim[i];
    sty_assert(sty_npy_header("<f4", rank, dim, header));
    STY_TRY(sty_out_open(path, overwrite, &out, err));
    sty_status status = sty_out_write(out, header, sizeof header, err);
    if (status == STY_OK) status = sty_out_write(out, data, count * sizeof *data, err);
    if (status == STY_OK) return sty_out_commit(out, err);
    sty_out_abort(out);
    return status;
}
