/* weights.h - safetensors files. Floor 3.
 *
 * The header is believed only after every number in it was checked: its length
 * against the file, each shape against its bytes, the ranges against each other
 * (no hole, no overlap, no tail). Values must be finite. */
#ifndef STY_MODEL_WEIGHTS_H
#define STY_MODEL_WEIGHTS_H

#include "base/file.h"
#include "model/json.h"

/* The first three can be weights. The others occur beside them in published
 * checkpoints (counters, masks): they are checked and hashed, never read. */
typedef enum sty_dtype {
    STY_F32,
    STY_F16,
    STY_BF16,
    STY_F64,
    STY_I64,
    STY_I32,
    STY_I16,
    STY_I8,
    STY_U8,
    STY_BOOL,
    STY_N_DTYPES
} sty_dtype;
extern const char *const sty_dtype_names[]; /* as in the files, NULL at the end */
extern const size_t sty_dtype_bytes[];
bool sty_dtype_is_weight(sty_dtype dtype);

typedef struct sty_weight_tensor {
    const char *name;
    sty_dtype dtype;
    int rank;
    size_t dim[8], count;
    size_t begin;              /* offset behind the header */
    const unsigned char *data; /* little-endian, perhaps not aligned */
} sty_weight_tensor;

typedef struct sty_weights {
    sty_bytes bytes;
    sty_json *header;
    sty_weight_tensor *tensors; /* sorted by name */
    size_t n;
} sty_weights;

/* Takes the bytes over (also on failure). Errors: STY_BAD_MODEL. */
sty_status sty_weights_parse(sty_bytes bytes, sty_weights *weights, sty_err *err);

/* The same from a file that has just been opened. Memory of the size of the weights
 * is asked for when the header has turned out to be good, not before.
 * Errors: STY_BAD_MODEL, STY_OUT_OF_MEMORY, those of sty_file_size. */
sty_status sty_weights_read(int fd, const char *name, sty_weights *weights, sty_err *err);
void sty_weights_clear(sty_weights *weights);

const sty_weight_tensor *sty_weights_find(const sty_weights *weights, const char *name);

/* float32 values of a weight dtype: in place when they are aligned F32, else converted into the
 * arena. NULL without memory. */
const float *sty_weights_values(const sty_weight_tensor *tensor, sty_arena *arena);

/* "[256, 128]" into text of at least 96 bytes; returns text. */
char *sty_dims_text(int rank, const size_t *dim, char *text);

#endif
