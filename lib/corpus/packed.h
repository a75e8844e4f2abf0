/* packed.h - records as bytes: what workers send, what the log holds. Floor 5.
 *
 * The bytes are for this machine's kind only (little-endian, float32) and carry
 * everything of a record but the names of its outputs and columns, which are the
 * same for a whole run. Unpacking checks every length: a log may come from anywhere. */
#ifndef STY_CORPUS_PACKED_H
#define STY_CORPUS_PACKED_H

#include "write/writer.h"

enum { STY_MAX_NOTES = 16 };

/* Appends one record; its length is a multiple of 8. */
void sty_pack_record(const sty_record *record, sty_buf *out);

/* Where unpacked texts and arrays are pointed to from. */
typedef struct sty_unpacked {
    sty_record record;
    sty_field fields[STY_MAX_FIELDS];
    const char *notes[STY_MAX_NOTES];
    const char *columns[STY_MAX_COLUMNS];
} sty_unpacked;

/* Reads the record at *at of n bytes and moves *at behind it. Everything points
 * into bytes, which must be aligned to 8; names of outputs and columns, the
 * labels and the model stay as `out` has them. false: not a record. */
bool sty_unpack_record(const void *bytes, size_t n, size_t *at, sty_unpacked *out);

#endif
