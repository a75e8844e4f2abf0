/* scratch.h - files that tests make, below TMPDIR. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* TMPDIR/NAME; valid until the eighth call from now. */
const char *scratch_path(const char *name);

/* Writes a file below TMPDIR and returns its path. */
const char *scratch_file(const char *name, const void *bytes, size_t n);

/* The whole file as text with a NUL behind it, free() it; NULL when there is none. */
char *scratch_read(const char *path, size_t *n);

/* Entries of TMPDIR whose name begins so. */
size_t scratch_count(const char *beginning);

bool scratch_exists(const char *path);

#endif
