/* run.h - a list through the pool into an output. Floor 5.
 *
 * Results for a file go into a record log first, in the order in which they come,
 * and from there into the output in list order (or sorted) while the run goes on, so the
 * output's bytes depend neither on the number of workers nor on who finished
 * first nor on how often the run was interrupted: what an interrupted one wrote out
 * is written again. For a stream they wait in a
 * bounded window for those before them. */
#ifndef STY_CORPUS_RUN_H
#define STY_CORPUS_RUN_H

#include "corpus/export.h"
#include "corpus/log.h"
#include "corpus/pool.h"

typedef struct sty_run {
    const sty_list *list;
    const size_t *todo; /* indices into the list, ascending; NULL: all of it */
    size_t n;
    const sty_run_facts *facts;
    sty_pool_options pool;
    sty_export_options output;
    bool streamed;       /* write in order as results come, without a log */
    bool any_shape;      /* otherwise outputs must have the shapes of the first result */
    const char *journal; /* path of the log; NULL: a nameless file */
    const char *header;  /* of the log: all that results depend on */
    bool resume, overwrite, sort;
    bool keep_journal;   /* shards: merging reads it */
    bool empty_output;   /* write the output even when nothing was computed */
    void *context;
    void (*seen)(void *context, const sty_record *record, bool first); /* of every new record, as it comes */
    void (*resumed)(void *context, size_t n_done);
    sty_status (*tick)(void *context, sty_err *err);
} sty_run;

/* Errors: those of sty_log_open, sty_export_begin, sty_pool_run; STY_BAD_ARGUMENT
 * (shapes differ where the format or a mean needs equal ones). After an error the
 * log stays, to be resumed. */
sty_status sty_run_all(const sty_run *run, sty_counts *counts, sty_err *err);

/* An answer to each object of a stream of JSON lines, in order, flushed. fd is
 * read until it ends. */
sty_status sty_run_lines(const sty_run *run, const sty_list_options *options, const char *path, sty_counts *counts,
                         sty_err *err);

/* XXH3-128 of everything a list says. */
bool sty_list_digest(const sty_list *list, char hex[33]);

#endif
