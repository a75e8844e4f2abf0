/* store.h - vectors that `extract` wrote, read again. Floor 4.
 *
 * One named output of all clips: .npy ([N, E], [N, H, K], or [E] for one; ids in
 * NAME.ids.txt), .npz (that output and `ids`), .safetensors (that output, ids as for
 * .npy), .jsonl (the records that are "ok"), Kaldi .ark, binary or text, and .scp
 * (their one output, whatever it is called). The kind is told by the first bytes.
 * Rows of .npy, .npz and .safetensors are read from the file when they are asked
 * for, so an index may be larger than memory; others are held.
 *
 * The model's hash stands in each record of .jsonl, in `model` of .npz, in the
 * metadata of .safetensors, and beside .npy and .ark in NAME.model.txt. */
#ifndef STY_STYLE_STORE_H
#define STY_STYLE_STORE_H

#include "base/npy.h"

typedef struct sty_store sty_store;

typedef struct sty_store_info {
    size_t n;              /* rows */
    int rank;              /* of a row: 1 or 2 */
    size_t dim[2], width;  /* of a row; width: all its values */
    const char *model;     /* hash of the model they come from, "" when the file does not say */
} sty_store_info;

/* output: the name of an array or of a member of the records; "style" when NULL.
 * Errors: STY_BAD_ARGUMENT (no such output, no usable content, vectors of
 * several models or shapes), STY_TRUNCATED, and those of reading. */
sty_status sty_store_open(const char *path, const char *output, sty_store **store, sty_err *err);
void sty_store_free(sty_store *store);
const sty_store_info *sty_store_facts(const sty_store *store);

/* Rows first .. first + n - 1 into rows [n, width].
 * Errors: STY_IO_ERROR, STY_TRUNCATED, STY_NONFINITE (names the row). */
sty_status sty_store_read(sty_store *store, size_t first, size_t n, float *rows, sty_err *err);

/* The id of a row; where the file has no ids its number, valid until the next call. path: of the audio, NULL
 * when unknown. */
const char *sty_store_id(sty_store *store, size_t row);
const char *sty_store_path(const sty_store *store, size_t row);

/* True when the first bytes of a file (STY_STORE_HEAD where there are so many) are
 * those of a store: a .npy, a zip archive, a JSON object, a Kaldi archive. */
enum { STY_STORE_HEAD = 512 };
bool sty_store_is(const void *bytes, size_t n);

#endif
