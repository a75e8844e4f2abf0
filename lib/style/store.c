/* store.c - telling the kind, and reading rows. */
#define _GNU_SOURCE
#include "math/finite.h"
#include "style/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDS_LIMIT = 1 << 30 };

static bool is_zip(const void *bytes, size_t n) { return n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0; }

bool sty_store_is(const void *bytes, size_t n) {
    const char *b = bytes;
    return sty_npy_is(bytes, n) || is_zip(bytes, n) || (n >= 1 && b[0] == '{') || sty_store_is_safetensors(bytes, n) ||
           sty_store_is_ark(bytes, n) || sty_store_is_scp(bytes, n);
}

/* One id a line beside the array, as the writers leave it; absent is fine. */
static sty_status read_ids(sty_store *store, sty_err *err) {
    char name[4200];
    sty_bytes bytes;
    snprintf(name, sizeof name, "%.4100s.ids.txt", store->path);
    if (access(name, F_OK) != 0) return STY_OK;
    STY_TRY(sty_file_read(name, IDS_LIMIT, &bytes, err));
    char *text = sty_arena_text(&store->arena, (const char *)bytes.data, bytes.n);
    sty_bytes_clear(&bytes);
    store->ids = sty_arena_alloc(&store->arena, store->info.n, sizeof *store->ids);
    if (!text || !store->ids) return sty_err_no_memory(err, bytes.n, name);
    size_t n = 0;
    for (char *line = text; *line; n++) {
        char *end = strchrnul(line, '\n');
        const bool last = *end == '\0';
        if (end > line && end[-1] == '\r') end[-1] = '\0';
        *end = '\0';
        if (n < store->info.n) store->ids[n] = line;
        line = last ? end : end + 1;
    }
    if (n == store->info.n) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has %zu ids, '%s' has %zu rows", name, n, store->path, store->info.n);
}

static sty_status open_kind(sty_store *store, sty_err *err) {
    unsigned char head[STY_STORE_HEAD] = {0};
    struct stat st;
    STY_TRY(sty_file_open(store->path, &store->fd, err));
    if (fstat(store->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return sty_err_set(err, STY_UNREADABLE, "'%s' is not a regular file", store->path);
    const uint64_t size = (uint64_t)st.st_size;
    const size_t n = size < sizeof head ? (size_t)size : sizeof head;
    STY_TRY(sty_store_bytes(store, 0, head, n, err));
    if (sty_npy_is(head, n)) {
        STY_TRY(sty_store_take_npy(store, 0, size, err));
        STY_TRY(read_ids(store, err));
        STY_TRY(sty_store_take_beside(store, store->path, err));
    } else if (is_zip(head, n)) STY_TRY(sty_store_open_npz(store, size, err));
    else if (head[0] == '{') STY_TRY(sty_store_open_jsonl(store, err));
    else if (sty_store_is_safetensors(head, n)) {
        STY_TRY(sty_store_open_safetensors(store, size, err));
        STY_TRY(read_ids(store, err));
    } else if (sty_store_is_ark(head, n)) STY_TRY(sty_store_open_ark(store, err));
    else if (sty_store_is_scp(head, n)) STY_TRY(sty_store_open_scp(store, err));
    else
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'%s' holds no vectors, expected .npy, .npz, .safetensors, .jsonl, or a Kaldi .ark or .scp", store->path);
    if (store->info.n == 0 || store->info.width == 0)
        return sty_err_set(err, STY_EMPTY, "'%s' has no vectors '%s'", store->path, store->output);
    return STY_OK;
}

sty_status sty_store_open(const char *path, const char *output, sty_store **store, sty_err *err) {
    sty_store *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, path);
    if (!output) output = "style";
    made->fd = -1;
    made->info.model = "";
    made->path = sty_arena_text(&made->arena, path, strlen(path));
    made->output = sty_arena_text(&made->arena, output, strlen(output));
    sty_status status = made->path && made->output ? open_kind(made, err) : sty_err_no_memory(err, strlen(path), path);
    if (status == STY_OK) *store = made;
    else sty_store_free(made);
    return status;
}

void sty_store_free(sty_store *store) {
    if (!store) return;
    if (store->fd >= 0) close(store->fd);
    sty_free(store->rows);
    sty_arena_clear(&store->arena);
    sty_free(store);
}

const sty_store_info *sty_store_facts(const sty_store *store) { return &store->info; }

sty_status sty_store_read(sty_store *store, size_t first, size_t n, float *rows, sty_err *err) {
    const size_t width = store->info.width;
    sty_assert(first <= store->info.n && n <= store->info.n - first);
    if (store->rows) memcpy(rows, store->rows + first * width, n * width * sizeof *rows);
    else
        STY_TRY(sty_store_bytes(store, store->offset + (uint64_t)first * width * sizeof *rows, rows,
                                n * width * sizeof *rows, err));
    const size_t bad = sty_first_nonfinite(rows, n * width);
    if (bad < n * width)
        return sty_err_set(err, STY_NONFINITE, "'%s' has the value %f in the vector of '%s'", store->path,
                           (double)rows[bad], sty_store_id(store, first + bad / width));
    return STY_OK;
}

const char *sty_store_id(sty_store *store, size_t row) {
    if (store->ids) return store->ids[row];
    snprintf(store->number, sizeof store->number, "%zu", row);
    return store->number;
}

const char *sty_store_path(const sty_store *store, size_t row) { return store->paths ? store->paths[row] : NULL; }
