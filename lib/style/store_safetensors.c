/* store_safetensors.c - one tensor [N, ...] of a safetensors file. Only the header
 * is read; rows are read in place. */
#include "model/json.h"
#include "style/store_parts.h"

#include <string.h>

enum { LONGEST_HEADER = 100 << 20, PREFIX = 8 };

static uint64_t header_length(const unsigned char *b) {
    uint64_t n = 0;
    for (int i = PREFIX; i-- > 0;)
        n = n << 8 | b[i];
    return n;
}

bool sty_store_is_safetensors(const void *bytes, size_t n) {
    const unsigned char *b = bytes;
    return n > PREFIX && b[PREFIX] == '{' && header_length(b) <= LONGEST_HEADER;
}

/* "shape": [N, E], [N, H, K], or [E] for one. */
static sty_status take_shape(sty_store *store, const sty_cursor *tensor, size_t *count, sty_err *err) {
    sty_cursor list, c;
    size_t dim[3], rank = 0;
    STY_TRY(sty_json_need(tensor, "shape", &list, err));
    STY_TRY(sty_json_list(&list, err));
    for (bool more = sty_json_first(&list, &c); more; more = sty_json_next(&c)) {
        if (rank == STY_COUNT(dim)) return sty_json_fail(&list, err, "has more axes than vectors or token weights have");
        STY_TRY(sty_json_integer(&c, 0, 1e15, &dim[rank++], err));
    }
    if (rank == 0) return sty_json_fail(&list, err, "is one number, no vector");
    sty_store_info *info = &store->info;
    const size_t first = rank > 1;
    info->n = first ? dim[0] : 1;
    info->rank = (int)(rank - first);
    memcpy(info->dim, dim + first, (rank - first) * sizeof *dim);
    if (!sty_mul(info->dim[0], info->rank == 2 ? info->dim[1] : 1, &info->width) || !sty_mul(info->width, info->n, count))
        return sty_json_fail(&list, err, "is too large");
    return STY_OK;
}

static sty_status take_range(sty_store *store, const sty_cursor *tensor, size_t count, uint64_t data, uint64_t size, sty_err *err) {
    sty_cursor list, c;
    size_t at[2] = {0, 0}, n = 0, n_bytes;
    STY_TRY(sty_json_need(tensor, "data_offsets", &list, err));
    STY_TRY(sty_json_list(&list, err));
    for (bool more = sty_json_first(&list, &c); more && n < 2; more = sty_json_next(&c))
        STY_TRY(sty_json_integer(&c, 0, 1e15, &at[n++], err));
    if (n != 2 || !sty_mul(count, sizeof(float), &n_bytes) || at[1] < at[0] || at[1] - at[0] != n_bytes)
        return sty_json_fail(&list, err, "does not fit the shape");
    if (at[1] > size - data)
        return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: '%s' ends at byte %zu of the data, %ju are there", store->path,
                           store->output, at[1], (uintmax_t)(size - data));
    store->offset = data + at[0];
    return STY_OK;
}

static sty_status take_header(sty_store *store, const sty_cursor *root, uint64_t data, uint64_t size, sty_err *err) {
    sty_cursor tensor, c;
    const char *text;
    size_t count;
    if (!sty_json_get(root, store->output, &tensor))
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has no '%s'", store->path, store->output);
    STY_TRY(sty_json_need(&tensor, "dtype", &c, err));
    STY_TRY(sty_json_text(&c, &text, err));
    if (strcmp(text, "F32") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has values of type '%s', expected F32", store->path, text);
    STY_TRY(take_shape(store, &tensor, &count, err));
    STY_TRY(take_range(store, &tensor, count, data, size, err));
    if (!sty_json_get(root, "__metadata__", &tensor) || !sty_json_get(&tensor, "model_hash", &c)) return STY_OK;
    STY_TRY(sty_json_text(&c, &text, err));
    return sty_store_take_hash(store, store->path, text, strlen(text), err);
}

sty_status sty_store_open_safetensors(sty_store *store, uint64_t size, sty_err *err) {
    static const sty_json_limits limits = {.max_bytes = LONGEST_HEADER, .max_depth = 8, .max_keys = 1 << 20};
    unsigned char prefix[PREFIX];
    sty_json *json = NULL;
    STY_TRY(sty_store_bytes(store, 0, prefix, sizeof prefix, err));
    const uint64_t n = header_length(prefix);
    if (n > size - PREFIX)
        return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: its header has %ju bytes, %ju are there", store->path,
                           (uintmax_t)n, (uintmax_t)(size - PREFIX));
    char *text = sty_alloc((size_t)n, 1);
    if (!text) return sty_err_no_memory(err, (size_t)n, store->path);
    sty_status status = sty_store_bytes(store, PREFIX, text, (size_t)n, err);
    if (status == STY_OK) status = sty_json_parse(text, (size_t)n, &limits, &json, err);
    if (status == STY_OK) {
        const sty_cursor root = sty_json_root(json);
        status = take_header(store, &root, PREFIX + n, size, err);
        if (status == STY_BAD_MODEL) sty_err_prefix(err, "'%s': ", store->path);
    }
    sty_json_free(json);
    sty_free(text);
    if (status != STY_BAD_MODEL) return status;
    if (err) err->status = STY_BAD_ARGUMENT; /* nothing is wrong with a model here */
    return STY_BAD_ARGUMENT;
}
