/* store_rows.c - what the kinds of stores share: bytes of the file, rows of a
 * .npy wherever it lies, the model that stands beside a file. */
#define _GNU_SOURCE
#include "style/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096 + 16, LONGEST_LINE = 4096 };

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

sty_status sty_store_take_hash(sty_store *store, const char *from, const char *hash, size_t n, sty_err *err) {
    if (!*store->info.model) {
        store->info.model = sty_arena_text(&store->arena, hash, n);
        return store->info.model ? STY_OK : sty_err_no_memory(err, n, "a hash");
    }
    if (strlen(store->info.model) == n && memcmp(store->info.model, hash, n) == 0) return STY_OK;
    return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is of the model %.*s, what comes before it is of the model %s", from,
                       (int)n, hash, store->info.model);
}

sty_status sty_store_take_beside(sty_store *store, const char *path, sty_err *err) {
    sty_bytes bytes;
    sty_buf name = {0};
    sty_buf_printf(&name, "%s.model.txt", path);
    sty_buf_put(&name, "", 1);
    sty_status status = name.failed ? sty_err_no_memory(err, name.capacity, "a path") : STY_OK;
    if (status == STY_OK && access(name.data, F_OK) == 0) {
        status = sty_file_read(name.data, LONGEST_LINE, &bytes, err);
        if (status == STY_OK) {
            const char *text = (const char *)bytes.data;
            size_t n = 0;
            while (n < bytes.n && text[n] && strchr("0123456789abcdef", text[n]))
                n++;
            status = n == STY_HASH_DIGITS
                         ? sty_store_take_hash(store, path, text, n, err)
                         : sty_err_set(err, STY_BAD_ARGUMENT, "'%s' does not begin with the hash of a model", name.data);
            sty_bytes_clear(&bytes);
        }
    }
    sty_buf_clear(&name);
    return status;
}
