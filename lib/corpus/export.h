/* export.h - packed records into the output: plain or averaged, with a status row
 * for every input. Floor 5. */
#ifndef STY_CORPUS_EXPORT_H
#define STY_CORPUS_EXPORT_H

#include "corpus/packed.h"
#include "corpus/shard.h"

typedef enum sty_average_over { STY_AVERAGE_NOTHING, STY_AVERAGE_LIST, STY_AVERAGE_SPEAKER } sty_average_over;

/* What all records of a run have in common. */
typedef struct sty_run_facts {
    const char *model_name, *model_hash;
    const char *const *names; /* [n_names] of outputs */
    const char *const *const *labels; /* [n_names], each NULL or one a value */
    const size_t *n_labels; /* [n_names] */
    size_t n_names;
    const char *const *column_names;
    size_t n_columns;
    sty_average_over average;
} sty_run_facts;

/* The header of a log as JSON: facts, the list's digest and length, the shard
 * (total 0: none) and how it was chosen, further options as text. NUL-terminated. */
sty_status sty_run_header(const sty_run_facts *facts, const char *list_digest, size_t n, const sty_shard *shard,
                          const char *shard_by, const char *how, sty_buf *header, sty_err *err);

typedef struct sty_export_options {
    const char *output, *format; /* as sty_writer_open */
    bool overwrite;
    const char *status; /* JSON lines, a row for every input; or NULL */
    const sty_run_facts *facts;
} sty_export_options;

typedef struct sty_export sty_export;

/* Errors: those of sty_writer_open. */
sty_status sty_export_begin(const sty_export_options *options, sty_export **exported, sty_err *err);

/* One part of an input's records, and their end. Errors: STY_OUTPUT_ERROR, STY_BAD_ARGUMENT. */
sty_status sty_export_put(sty_export *exported, const void *payload, size_t n, sty_err *err);
sty_status sty_export_input_end(sty_export *exported, sty_err *err);
sty_status sty_export_flush(sty_export *exported, sty_err *err);

typedef struct sty_counts {
    size_t n_ok, n_failed; /* inputs; one has failed when one of its records has */
    size_t n_records;      /* good ones */
    double seconds;        /* of audio */
    size_t n_cut;          /* inputs whose windows end before they do */
    double left_out_s;     /* by so much in all */
} sty_counts;
const sty_counts *sty_export_counts(const sty_export *exported);

/* Means are written, files appear. keep false: nothing appears but the status file. Frees exported. */
sty_status sty_export_end(sty_export *exported, bool keep, sty_err *err);

/* Leaves nothing. NULL is fine. */
void sty_export_abort(sty_export *exported);

/* Prepares for sty_unpack_record with what the records have in common. */
void sty_unpacked_begin(sty_unpacked *unpacked, const sty_run_facts *facts);

#endif
