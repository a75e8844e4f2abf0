/* npy.c - the header is a Python dictionary in ASCII; only the three keys NumPy
 * writes are read, in any order. */
#include "base/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool sty_npy_header(const char *descr, int rank, const size_t *dim, char header[STY_NPY_HEADER]) {
    char shape[80] = "(";
    int n = 1;
    for (int i = 0; i < rank; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, i ? ", %zu" : "%zu", dim[i]);
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

static bool parse_shape(const char *text, sty_npy *npy) {
    const char *p = strstr(text, "'shape':");
    if (!p || !(p = strchr(p, '('))) return false;
    for (p++;;) {
        while (*p == ' ' || *p == ',')
            p++;
        if (*p == ')') return true;
        char *end;
        const unsigned long long v = strtoull(p, &end, 10);
        if (end == p || *p == '-' || npy->rank == 3) return false;
        npy->dim[npy->rank++] = (size_t)v;
        p = end;
    }
}

static sty_status refused(const char *name, const char *why, sty_err *err) {
    return sty_err_set(err, STY_NOT_AUDIO, "'%s' is no usable .npy file: %s", name, why);
}

static sty_status copy_values(const unsigned char *from, size_t there, const char *name, bool is_double,
                              sty_npy *npy, sty_err *err) {
    size_t count = 1, n_bytes = 0;
    const size_t width = is_double ? 8 : 4;
    for (int i = 0; i < npy->rank; i++)
        if (!sty_mul(count, npy->dim[i], &count)) return refused(name, "the shape does not fit", err);
    if (!sty_mul(count, width, &n_bytes) || n_bytes > there)
        return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: its shape needs %zu bytes, %zu are there",
                           name, n_bytes, there);
    npy->data = sty_alloc(count, sizeof *npy->data);
    if (!npy->data) return sty_err_no_memory(err, n_bytes, name);
    if (!is_double) {
        memcpy(npy->data, from, n_bytes);
        return STY_OK;
    }
    for (size_t i = 0; i < count; i++) {
        double v;
        memcpy(&v, from + 8 * i, sizeof v);
        npy->data[i] = (float)v;
    }
    return STY_OK;
}

sty_status sty_npy_parse(const sty_bytes *bytes, const char *name, sty_npy *npy, sty_err *err) {
    const unsigned char *b = bytes->data;
    memset(npy, 0, sizeof *npy);
    if (!sty_npy_is(b, bytes->n) || bytes->n < 12) return refused(name, "the first bytes differ", err);
    const size_t start = b[6] == 1 ? 10 : 12;
    size_t length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1) length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (b[6] < 1 || b[6] > 3 || length > bytes->n - start || length > 4096)
        return refused(name, "an unknown version or header", err);
    char text[4097];
    memcpy(text, b + start, length);
    text[length] = '\0';
    const bool is_double = strstr(text, "'<f8'") != NULL;
    if (!is_double && !strstr(text, "'<f4'"))
        return refused(name, "expected float32 or float64, little-endian", err);
    if (!strstr(text, "'fortran_order': False")) return refused(name, "expected C order", err);
    if (!parse_shape(text, npy) || npy->rank == 0) return refused(name, "expected one to three axes", err);
    return copy_values(b + start + length, bytes->n - start - length, name, is_double, npy, err);
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
