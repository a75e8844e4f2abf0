/* shard.h - a part of a list for each of many machines. Floor 5.
 *
 * Which entries belong to a shard depends on the list and on nothing else. A shard
 * writes OUT.003-of-064.EXT, keeps its record log OUT.003-of-064.log, from which
 * shards are merged, and at last a completion record OUT.003-of-064.done.json. */
#ifndef STY_CORPUS_SHARD_H
#define STY_CORPUS_SHARD_H

#include "base/buf.h"
#include "corpus/list.h"

typedef struct sty_shard {
    size_t index, total; /* 1 .. total; total 0: no shards */
    char source[64];     /* where it was found: "SLURM_ARRAY_TASK_ID"; "" for I/N */
} sty_shard;

/* "3/64"; "auto": both from the environment of Slurm, SGE, LSF, AWS Batch, Cloud Run,
 * MPI; "auto/64": the index alone, also of PBS, Kubernetes, GNU parallel. An environment that
 * could mean two things is refused: STY_BAD_ARGUMENT. */
sty_status sty_shard_parse(const char *text, sty_shard *shard, sty_err *err);

/* The entries of the shard, ascending, into indices (room for list->n).
 * by: NULL or "contiguous", "hash" (of the id), "speaker", "duration" (balanced).
 * Errors: STY_BAD_ARGUMENT (no speakers or durations in the list). */
sty_status sty_shard_select(const sty_list *list, const sty_shard *shard, const char *by, size_t *indices, size_t *n,
                            sty_err *err);

/* OUT.npz -> OUT.003-of-064.npz; of "ark,scp:A,S" both names; extension replaces
 * the one there is unless NULL. NUL-terminated into name. */
void sty_shard_name(const char *output, const sty_shard *shard, const char *extension, sty_buf *name);

/* The completion record. */
typedef struct sty_done {
    size_t shard, total, n_entries, n_ok, n_failed, n_records;
    char run[33]; /* digest of the log's header: of all that the results depend on */
} sty_done;
void sty_done_digest(const char *header, char digest[33]);
sty_status sty_done_write(const char *path, const sty_done *done, sty_err *err);
/* Errors: STY_NOT_FOUND, STY_BAD_ARGUMENT. */
sty_status sty_done_read(const char *path, sty_done *done, sty_err *err);

/* How many shards the files beside output speak of; 0: none. Two totals: STY_BAD_ARGUMENT. */
sty_status sty_shard_total(const char *output, size_t *total, sty_err *err);

#endif
