/* weights.c - reading safetensors. */
#include "model/weights.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sty_dtype_names[] = {"F32", "F16", "BF16", "F64", "I64",  "I32",
                                       "I16", "I8",  "U8",   "BOOL", NULL};
const size_t sty_dtype_bytes[] = {4, 2, 2, 8, 8, 4, 2, 1, 1, 1};

_Static_assert(STY_COUNT(sty_dtype_bytes) == STY_N_DTYPES, "a size for each");

bool sty_dtype_is_weight(sty_dtype dtype) { return dtype <= STY_BF16; }

/* Values: eight for each of 65,536 tensors of rank two. */
static const sty_json_limits header_limits = {8u << 20, 8, 1u << 19};
static const size_t MAX_FILE_BYTES = (size_t)4 << 30;
enum { MAX_TENSORS = 65536, MAX_RANK = 8 };

char *sty_dims_text(int rank, const size_t *dim, char *text) {
    int n = snprintf(text, 96, "[");
    for (int i = 0; i < rank && n < 90; i++)
        n += snprintf(text + n, (size_t)(96 - n), "%s%zu", i ? ", " : "", dim[i]);
    if (n < 95) snprintf(text + n, (size_t)(96 - n), "]");
    return text;
}

/* ---- the header ---- */

typedef struct {
    size_t begin, end;
} range;

static sty_status parse_dtype(const sty_cursor *entry, sty_weight_tensor *tensor, sty_err *err) {
    sty_cursor c;
    const char *name;
    STY_TRY(sty_json_need(entry, "dtype", &c, err));
    STY_TRY(sty_json_text(&c, &name, err));
    for (int i = 0; i < STY_N_DTYPES; i++)
        if (strcmp(name, sty_dtype_names[i]) == 0) {
            tensor->dtype = (sty_dtype)i;
            return STY_OK;
        }
    return sty_json_fail(&c, err, "is '%.40s', expected F32, F16, BF16, F64 or an integer type", name);
}

static sty_status parse_shape(const sty_cursor *entry, sty_weight_tensor *tensor, sty_err *err) {
    sty_cursor c, d;
    STY_TRY(sty_json_need(entry, "shape", &c, err));
    STY_TRY(sty_json_list(&c, err));
    tensor->count = 1;
    for (bool more = sty_json_first(&c, &d); more; more = sty_json_next(&d)) {
        if (tensor->rank == MAX_RANK)
            return sty_json_fail(&c, err, "has more than %d dimensions", MAX_RANK);
        size_t *dim = &tensor->dim[tensor->rank++];
        STY_TRY(sty_json_integer(&d, 0, STY_JSON_MAX_INTEGER, dim, err));
        if (!sty_mul(tensor->count, *dim, &tensor->count))
            return sty_json_fail(&c, err, "the number of elements does not fit");
    }
    return tensor->count ? STY_OK : sty_json_fail(&c, err, "a tensor without elements");
}

static sty_status parse_range(const sty_cursor *entry, const sty_weight_tensor *tensor,
                              size_t n_data, range *r, sty_err *err) {
    sty_cursor c, d;
    size_t n_bytes, *ends[] = {&r->begin, &r->end};
    STY_TRY(sty_json_need(entry, "data_offsets", &c, err));
    STY_TRY(sty_json_list(&c, err));
    if (sty_json_count(&c) != 2) return sty_json_fail(&c, err, "expected two offsets");
    sty_json_first(&c, &d);
    for (int i = 0; i < 2; i++, sty_json_next(&d))
        STY_TRY(sty_json_integer(&d, 0, STY_JSON_MAX_INTEGER, ends[i], err));
    if (r->end > n_data || r->begin > r->end)
        return sty_json_fail(&c, err, "%zu to %zu lies outside the %zu bytes of data", r->begin,
                             r->end, n_data);
    if (!sty_mul(tensor->count, sty_dtype_bytes[tensor->dtype], &n_bytes) ||
        n_bytes != r->end - r->begin)
        return sty_json_fail(&c, err, "%zu bytes do not hold %zu elements of %s",
                             r->end - r->begin, tensor->count, sty_dtype_names[tensor->dtype]);
    return STY_OK;
}

static int by_begin(const void *a, const void *b) {
    const range *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The ranges must cover the data exactly once. */
static sty_status check_cover(range *ranges, size_t n, size_t n_data, sty_err *err) {
    size_t at = 0;
    qsort(ranges, n, sizeof *ranges, by_begin);
    for (size_t i = 0; i < n; at = ranges[i].end, i++)
        if (ranges[i].begin != at)
            return sty_err_set(err, STY_BAD_MODEL, "the tensors %s at byte %zu of the data",
                               ranges[i].begin < at ? "overlap" : "leave a hole", at);
    if (at != n_data)
        return sty_err_set(err, STY_BAD_MODEL, "%zu bytes behind the last tensor", n_data - at);
    return STY_OK;
}

static sty_status check_metadata(const sty_cursor *metadata, sty_err *err) {
    sty_cursor c;
    const char *text;
    STY_TRY(sty_json_object(metadata, err));
    for (bool more = sty_json_first(metadata, &c); more; more = sty_json_next(&c))
        STY_TRY(sty_json_text(&c, &text, err));
    return STY_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const sty_weight_tensor *)a)->name, ((const sty_weight_tensor *)b)->name);
}

static sty_status parse_tensors(const sty_cursor *root, sty_weights *weights, range *ranges,
                                size_t n_data, sty_err *err) {
    static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
    sty_cursor c;
    for (bool more = sty_json_first(root, &c); more; more = sty_json_next(&c)) {
        if (strcmp(c.key, "__metadata__") == 0) {
            STY_TRY(check_metadata(&c, err));
            continue;
        }
        sty_weight_tensor *tensor = &weights->tensors[weights->n];
        STY_TRY(sty_json_only(&c, keys, err));
        STY_TRY(parse_dtype(&c, tensor, err));
        STY_TRY(parse_shape(&c, tensor, err));
        STY_TRY(parse_range(&c, tensor, n_data, &ranges[weights->n], err));
        tensor->name = c.key;
        tensor->begin = ranges[weights->n].begin;
        weights->n++;
    }
    STY_TRY(check_cover(ranges, weights->n, n_data, err));
    qsort(weights->tensors, weights->n, sizeof *weights->tensors, by_name);
    return STY_OK;
}

/* The length of the header; bytes are the first ten of n. */
static sty_status header_length(const unsigned char *bytes, size_t n, size_t *length, sty_err *err) {
    uint64_t declared = 0;
    if (n < 10) return sty_err_set(err, STY_BAD_MODEL, "not a safetensors file: %zu bytes", n);
    for (int i = 8; i-- > 0;)
        declared = declared << 8 | bytes[i];
    if (declared > n - 8)
        return sty_err_set(err, STY_BAD_MODEL,
                           "not a safetensors file: a header of %llu bytes in a file of %zu",
                           (unsigned long long)declared, n);
    if (declared > header_limits.max_bytes)
        return sty_err_set(err, STY_BAD_MODEL, "a header of %llu bytes, the limit is %zu",
                           (unsigned long long)declared, header_limits.max_bytes);
    if (declared < 2 || bytes[8] != '{')
        return sty_err_set(err, STY_BAD_MODEL, "not a safetensors file: the header is not JSON");
    *length = (size_t)declared;
    return STY_OK;
}

/* Reads the header's text and checks it against n_data bytes of tensors. */
static sty_status parse_header(const unsigned char *text, size_t length, size_t n_data,
                               sty_weights *weights, sty_err *err) {
    STY_TRY(sty_json_parse((const char *)text, length, &header_limits, &weights->header, err));
    const sty_cursor root = sty_json_root(weights->header);
    STY_TRY(sty_json_object(&root, err));
    const size_t n_entries = sty_json_count(&root);
    if (n_entries > MAX_TENSORS)
        return sty_err_set(err, STY_BAD_MODEL, "%zu tensors, the limit is %d", n_entries, MAX_TENSORS);
    range *ranges = sty_alloc(n_entries, sizeof *ranges);
    weights->tensors = sty_alloc(n_entries, sizeof *weights->tensors);
    sty_status status = ranges && weights->tensors ? parse_tensors(&root, weights, ranges, n_data, err)
                                                   : sty_err_no_memory(err, n_entries, "tensors");
    sty_free(ranges);
    return status;
}

static void point_at_data(sty_weights *weights, size_t header) {
    for (size_t i = 0; i < weights->n; i++)
        weights->tensors[i].data = weights->bytes.data + 8 + header + weights->tensors[i].begin;
}

static sty_status parse_file(sty_weights *weights, sty_err *err) {
    const sty_bytes *bytes = &weights->bytes;
    size_t length;
    STY_TRY(header_length(bytes->data, bytes->n, &length, err));
    STY_TRY(parse_header(bytes->data + 8, length, bytes->n - 8 - length, weights, err));
    point_at_data(weights, length);
    return STY_OK;
}

sty_status sty_weights_parse(sty_bytes bytes, sty_weights *weights, sty_err *err) {
    memset(weights, 0, sizeof *weights);
    weights->bytes = bytes;
    sty_status status = parse_file(weights, err);
    if (status != STY_OK) sty_weights_clear(weights);
    return status;
}

/* Header first, then room for the whole and the rest. */
static sty_status read_file(int fd, const char *name, size_t n, sty_weights *weights, sty_err *err) {
    unsigned char first[10];
    sty_bytes *bytes = &weights->bytes;
    size_t length;
    if (n < sizeof first) return header_length(first, n, &length, err);
    STY_TRY(sty_file_read_exactly(fd, name, first, sizeof first, err));
    STY_TRY(header_length(first, n, &length, err));
    const size_t head = 8 + length, had = sizeof first;
    bytes->data = sty_resize(NULL, 0, head);
    if (!bytes->data) return sty_err_no_memory(err, head, name);
    memcpy(bytes->data, first, had);
    STY_TRY(sty_file_read_exactly(fd, name, bytes->data + had, head - had, err));
    STY_TRY(parse_header(bytes->data + 8, length, n - head, weights, err));
    unsigned char *whole = sty_resize(bytes->data, head, n);
    if (!whole) return sty_err_no_memory(err, n, name);
    bytes->data = whole;
    bytes->n = n;
    STY_TRY(sty_file_read_exactly(fd, name, whole + head, n - head, err));
    point_at_data(weights, length);
    return STY_OK;
}

sty_status sty_weights_read(int fd, const char *name, sty_weights *weights, sty_err *err) {
    size_t n;
    memset(weights, 0, sizeof *weights);
    STY_TRY(sty_file_size(fd, name, MAX_FILE_BYTES, &n, err));
    sty_status status = read_file(fd, name, n, weights, err);
    if (status != STY_OK) sty_weights_clear(weights);
    return status;
}

void sty_weights_clear(sty_weights *weights) {
    sty_json_free(weights->header);
    sty_free(weights->tensors);
    sty_bytes_clear(&weights->bytes);
    memset(weights, 0, sizeof *weights);
}

const sty_weight_tensor *sty_weights_find(const sty_weights *weights, const char *name) {
    const sty_weight_tensor key = {.name = name};
    if (weights->n == 0) return NULL;
    return bsearch(&key, weights->tensors, weights->n, sizeof key, by_name);
}

/* ---- values ---- */

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half: subnormals are m 2^-24. */
static float from_half(uint32_t h) {
    const uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 31) return from_bits(sign | 0x7F800000 | mantissa << 13);
    if (exponent == 0) {
        const float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

const float *sty_weights_values(const sty_weight_tensor *tensor, sty_arena *arena) {
    if (tensor->dtype == STY_F32 && (uintptr_t)tensor->data % _Alignof(float) == 0)
        return (const float *)(const void *)tensor->data;
    float *values = sty_arena_alloc(arena, tensor->count, sizeof *values);
    if (!values) return NULL;
    if (tensor->dtype == STY_F32) {
        memcpy(values, tensor->data, tensor->count * sizeof *values);
        return values;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        const uint32_t bits = tensor->data[2 * i] | (uint32_t)tensor->data[2 * i + 1] << 8;
        values[i] = tensor->dtype == STY_F16 ? from_half(bits) : from_bits(bits << 16);
    }
    return values;
}
