/* pool.h - worker processes under one supervisor. Floor 5.
 *
 * The supervisor decodes nothing: it opens inputs, hands their descriptors to
 * forked workers (which share the model and the list as they were at the fork)
 * and collects what they send back. A worker that dies or overstays costs the
 * one clip it was at, reported as `crashed` or `timeout`, and is replaced.
 * Clips of one recording go to one worker, which may decode it once.
 *
 * Processes, because decoders do crash, and a crash must not end the run. */
#ifndef STY_CORPUS_POOL_H
#define STY_CORPUS_POOL_H

#include "corpus/list.h"
#include "write/writer.h"

/* In a worker: gives one record of the clip at hand; it is copied. */
typedef struct sty_emitter sty_emitter;
void sty_emit(sty_emitter *emitter, const sty_record *record);

/* In a worker: computes an entry, emitting one record or several; failures are
 * records too. fd: the opened source, at its begin, not to be closed; or -1 for a
 * source that was given with the entry before (again true). shared: entries of
 * the same source follow or came before, so decoding it whole pays. */
typedef void (*sty_work_fn)(void *context, const sty_entry *entry, int fd, bool again, bool shared, sty_emitter *emitter);

typedef struct sty_pool_options {
    int n_workers;
    double timeout_s;  /* beside the time that the length of the input allows */
    size_t n_columns;  /* of the list */
    int close_fd;      /* a descriptor that workers must not hold; -1: none */
    sty_work_fn work;
    void *work_context;
    const sty_list_options *list_options; /* for entries that come as text */
    const char *decoder; /* shell command with {} for the path, its output is decoded; or NULL */
} sty_pool_options;

typedef struct sty_pool sty_pool;

/* What is to be done: positions 0 .. n-1. */
typedef struct sty_pool_job {
    size_t n;
    void *context;
    /* The entry at a position, in the supervisor and in workers alike; valid until two
     * others were asked for. */
    const sty_entry *(*entry)(void *context, size_t position);
    /* Two positions of one and the same recording. */
    bool (*same_source)(void *context, size_t a, size_t b);
    /* Positions below the limit may be begun; it grows as results come. */
    size_t (*limit)(void *context);
    /* Part after part of a position's records (packed.h), the last one marked. */
    sty_status (*result)(void *context, size_t position, unsigned part, bool last, const void *payload, size_t n,
                         sty_err *err);
    /* Called several times a second; a failure ends the job. */
    sty_status (*tick)(void *context, sty_err *err);
    /* For entries that come while the job runs, as text that workers are handed (lines
     * of JSON); NULL: all are known. Takes in what has come: readable says that `fd` can
     * be read. n grows by what was taken, *ended: no more will come, *hungry: there is
     * room, fd is to be waited for. */
    sty_status (*more)(void *context, bool readable, size_t *n, bool *ended, bool *hungry, sty_err *err);
    int fd;
    const char *(*text)(void *context, size_t position, size_t *n);
} sty_pool_job;

/* Errors: STY_OUT_OF_MEMORY, STY_BAD_ARGUMENT. */
sty_status sty_pool_create(const sty_pool_options *options, const sty_pool_job *job, sty_pool **pool, sty_err *err);

/* Works through the job. Errors: those of result and tick; STY_INTERNAL (workers
 * die before they begin). */
sty_status sty_pool_run(sty_pool *pool, sty_err *err);

/* Ends all workers. NULL is fine. */
void sty_pool_free(sty_pool *pool);

/* How many workers the scheduler (SLURM_CPUS_PER_TASK) or else the affinity grants. */
int sty_granted_workers(void);

/* A packed failure record of an entry. */
void sty_pack_failure(const sty_entry *entry, size_t n_columns, sty_status status, const char *message, sty_buf *out);

#endif
