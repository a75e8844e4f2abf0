/* store.c - telling the kind, reading rows, and plain .npy files. */
#define _GNU_SOURCE
#include "style/store_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096 + 16, IDS_LIMIT = 1 << 30 };

bool sty_store_is(const void *bytes, size_t n) {
    const char *b = bytes;
    return sty_npy_is(bytes, n) || (n >= 4 && memcmp(b, "PK\3\4", 4) == 0) || (n >= 1 && b[0] == '{') || sty_store_is_ark(bytes, n);
}

sty_status sty_store_bytes(const sty_store *store, uint64_t offset, void *to, size_t n, sty_err *err) {
    for (size_t got = 0; got < n;) {
        const ssize_t more = pread(store->fd, (char *)to + got, n - got, (off_t)(offset + got));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0)
            return sty_err_set(err, STY_IO_ERROR, "cannot read '%s': %s", store->path, strerror(errno));
        if (more == 0)
            return sty_err_set(err, STY_TRUNCATED, "'%s' ends at byte %ju, expected %zu more", store->path,
                               (uintmax_t)(offset + got), n - got);
        got += (size_t)more;
    }
    return STY_OK;
}

sty_status sty_store_take_npy(sty_store *store, uint64_t offset, uint64_t size, sty_err *err) {
    unsigned char head[HEAD_BYTES];
    sty_npy_head npy;
    size_t n_bytes;
    const size_t n = size < sizeof head ? (size_t)size : sizeof head;
    STY_TRY(sty_store_bytes(store, offset, head, n, err));
    STY_TRY(sty_npy_parse_head(head, n, store->path, &npy, err));
    if (strcmp(npy.descr, "<f4") != 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' has values of type '%s', expected float32 ('<f4')", store->path,
                           npy.descr);
    if (!sty_mul(npy.count, sizeof(float), &n_bytes) || n_bytes > size - npy.start)
        return sty_err_set(err, STY_TRUNCATED, "'%s' is truncated: its shape needs %zu values, %ju bytes are there",
                           store->path, npy.count, (uintmax_t)(size - npy.start));
    sty_store_info *info = &store->info;
    info->n = npy.rank == 1 ? 1 : npy.dim[0];
    info->rank = npy.rank == 1 ? 1 : npy.rank - 1;
    memcpy(info->dim, npy.rank == 1 ? npy.dim : npy.dim + 1, (size_t)info->rank * sizeof *info->dim);
    info->width = info->dim[0] * (info->rank == 2 ? info->dim[1] : 1);
    store->offset = offset + npy.start;
    return STY_OK;
}

/* One id a line beside the array, as the writers leave it; absent is fine. */
static sty_status read_sidecar(sty_store *store, sty_err *err) {
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
        STY_TRY(read_sidecar(store, err));
    } else if (memcmp(head, "PK\3\4", 4) == 0) STY_TRY(sty_store_open_npz(store, size, err));
    else if (head[0] == '{') STY_TRY(sty_store_open_jsonl(store, err));
    else if (sty_store_is_ark(head, n)) STY_TRY(sty_store_open_ark(store, err));
    else
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' holds no vectors, expected .npy, .npz, .jsonl or a binary Kaldi .ark",
                           store->path);
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

/* Eight running maxima of the bits without sign: exponents of NaN and Inf are the
 * largest there are. No early exit, so that it runs at the speed of memory. */
static bool all_finite(const float *x, size_t n) {
    uint32_t worst[8] = {0}, bits[8];
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(bits, x + i, sizeof bits);
        for (int k = 0; k < 8; k++) {
            const uint32_t b = bits[k] & 0x7FFFFFFF;
            worst[k] = b > worst[k] ? b : worst[k];
        }
    }
    for (; i < n; i++)
        if (!isfinite(x[i])) return false;
    for (int k = 0; k < 8; k++)
        if (worst[k] >= 0x7F800000) return false;
    return true;
}

sty_status sty_store_read(sty_store *store, size_t first, size_t n, float *rows, sty_err *err) {
    const size_t width = store->info.width;
    sty_assert(first <= store->info.n && n <= store->info.n - first);
    if (store->rows) memcpy(rows, store->rows + first * width, n * width * sizeof *rows);
    else
        STY_TRY(sty_store_bytes(store, store->offset + (uint64_t)first * width * sizeof *rows, rows,
                                n * width * sizeof *rows, err));
    for (size_t i = all_finite(rows, n * width) ? n * width : 0; i < n * width; i++)
        if (!isfinite(rows[i]))
            return sty_err_set(err, STY_NONFINITE, "'%s' has the value %f in the vector of '%s'", store->path,
                               (double)rows[i], sty_store_id(store, first + i / width));
    return STY_OK;
}

const char *sty_store_id(sty_store *store, size_t row) {
    if (store->ids) return store->ids[row];
    snprintf(store->number, sizeof store->number, "%zu", row);
    return store->number;
}

const char *sty_store_path(const sty_store *store, size_t row) { return store->paths ? store->paths[row] : NULL; }
