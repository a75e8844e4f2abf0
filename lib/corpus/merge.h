/* merge.h - the record logs of all shards into one output. Floor 5.
 *
 * Results come in list order, so the bytes are those of a run without shards. */
#ifndef STY_CORPUS_MERGE_H
#define STY_CORPUS_MERGE_H

#include "corpus/export.h"

typedef struct sty_merge_options {
    const char *output, *format, *status;
    bool overwrite, sort;
    const char *shards; /* the name the shards were given with -o; NULL: as output */
    void *context;
    sty_status (*tick)(void *context, sty_err *err);
} sty_merge_options;

/* Refuses (STY_BAD_ARGUMENT) missing and unfinished shards, other lists, models,
 * options or processor kernels, entries that are missing or there twice. */
sty_status sty_merge(const sty_merge_options *options, sty_counts *counts, size_t *n_shards, sty_err *err);

#endif
