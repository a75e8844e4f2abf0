/* store_parts.h - what the readers of store.c share. Floor 4. */
#ifndef STY_STYLE_STORE_PARTS_H
#define STY_STYLE_STORE_PARTS_H

#include "style/store.h"

#include <stdint.h>

struct sty_store {
    sty_arena arena;
    sty_store_info info;
    const char *path, *output;
    int fd;               /* of row files, else -1 */
    uint64_t offset;      /* of the first value */
    float *rows;          /* of held records */
    size_t rows_capacity; /* bytes */
    const char **ids, **paths; /* NULL: none */
    char number[24];           /* an id made up */
};

/* n bytes at offset. Errors: STY_IO_ERROR, STY_TRUNCATED. */
sty_status sty_store_bytes(const sty_store *store, uint64_t offset, void *to, size_t n, sty_err *err);

/* The .npy at offset, which may use up to size bytes, becomes the rows. */
sty_status sty_store_take_npy(sty_store *store, uint64_t offset, uint64_t size, sty_err *err);

/* The model that the file, or a part of it (from: for the message), says it is of;
 * hash [n]. Errors: STY_BAD_ARGUMENT when it said another one before. */
enum { STY_HASH_DIGITS = 32 };
sty_status sty_store_take_hash(sty_store *store, const char *from, const char *hash, size_t n, sty_err *err);

/* The same from a record, or another object with a member "model":{"hash":HASH}. */
struct sty_cursor;
sty_status sty_store_take_model(sty_store *store, const char *from, const struct sty_cursor *object, sty_err *err);

/* The same from PATH.model.txt, when there is one. */
sty_status sty_store_take_beside(sty_store *store, const char *path, sty_err *err);

sty_status sty_store_open_npz(sty_store *store, uint64_t size, sty_err *err);
sty_status sty_store_open_jsonl(sty_store *store, sty_err *err);
sty_status sty_store_open_safetensors(sty_store *store, uint64_t size, sty_err *err);
bool sty_store_is_safetensors(const void *bytes, size_t n);
sty_status sty_store_open_ark(sty_store *store, sty_err *err);
bool sty_store_is_ark(const void *bytes, size_t n);
sty_status sty_store_open_scp(sty_store *store, sty_err *err);
bool sty_store_is_scp(const void *bytes, size_t n);

#endif
