/* npy.h - NumPy's .npy format, version 1.0. Floor 0. */
#ifndef STY_BASE_NPY_H
#define STY_BASE_NPY_H

#include "base/file.h"

/* Bytes of every header we write: data start at a multiple of 64, and the shape
 * can be patched when more rows have come. */
enum { STY_NPY_HEADER = 128 };

/* The header of float32 data in C order; false when the shape does not fit. */
bool sty_npy_header(const char *descr, int rank, const size_t *dim, char header[STY_NPY_HEADER]);

/* True when the bytes begin like a .npy file. */
bool sty_npy_is(const void *bytes, size_t n);

typedef struct sty_npy {
    int rank;
    size_t dim[3];
    float *data; /* owned */
} sty_npy;

/* What the header of a file says. */
typedef struct sty_npy_head {
    int rank;
    size_t dim[3], count; /* count: values */
    char descr[16];       /* "<f4" */
    size_t start;         /* where the values begin */
} sty_npy_head;

/* b: the first n bytes, at most 4 KiB of header are read. C order is required.
 * Errors: STY_NOT_AUDIO (what is wrong with it). */
sty_status sty_npy_parse_head(const unsigned char *b, size_t n, const char *name, sty_npy_head *head,
                              sty_err *err);

/* Reads a little-endian float32 or float64 array of rank 1 to 3 in C order.
 * Errors: STY_NOT_AUDIO (what is wrong with it), STY_TRUNCATED, and those of
 * sty_file_read. */
sty_status sty_npy_parse(const sty_bytes *bytes, const char *name, sty_npy *npy, sty_err *err);
sty_status sty_npy_read(const char *path, sty_npy *npy, sty_err *err);
void sty_npy_clear(sty_npy *npy);

/* Writes a float32 array; "-" is standard output. */
sty_status sty_npy_write(const char *path, const float *data, int rank, const size_t *dim,
                         bool overwrite, sty_err *err);

#endif
