/* pool_parts.h - what supervisor (pool.c), worker (worker.c) and the opening of
 * sources (source.c) share. Floor 5. */
#ifndef STY_CORPUS_POOL_PARTS_H
#define STY_CORPUS_POOL_PARTS_H

#include "corpus/packed.h"
#include "corpus/pool.h"

#include <sys/types.h>

enum { STY_MAX_TASKS = 128 }; /* descriptors in one message */

/* Supervisor to worker, several in a message with the descriptors of those that have one;
 * text_length bytes follow each. */
typedef struct sty_task {
    uint64_t position;
    uint32_t text_length, line;
    uint8_t has_fd, shared, is_short, reserved[5]; /* is_short: its answer may wait for others */
} sty_task;

/* What a worker is at, in memory that the supervisor sees too, also when the worker is
 * dead: it may hold answers back. started_ns is that of CLOCK_MONOTONIC, written before
 * position; position is STY_NOTHING between clips. */
#define STY_NOTHING UINT64_MAX
typedef struct sty_present {
    _Atomic uint64_t position, started_ns;
} sty_present;
uint64_t sty_now_ns(void);

/* Worker to supervisor; length bytes follow. */
typedef struct sty_answer {
    uint64_t position;
    uint32_t length;
    uint16_t part, last;
} sty_answer;

/* The worker's whole life; does not return. */
_Noreturn void sty_worker_live(const sty_pool_options *options, const sty_pool_job *job, int socket, sty_present *present);

/* An opened source. */
typedef struct sty_opened {
    int fd;             /* -1: none */
    pid_t command;      /* that writes into fd; 0: none */
    double allowance_s; /* time its length allows; < 0: no limit */
} sty_opened;

/* Errors: those of an input; err->message says why. */
sty_status sty_source_open(const sty_entry *entry, const sty_pool_options *options, sty_opened *opened, sty_err *err);

/* Waits for a command and says how it ended; kills it when it does not end. */
sty_status sty_command_end(const sty_entry *entry, pid_t command, sty_err *err);
void sty_command_kill(pid_t command);

#endif
