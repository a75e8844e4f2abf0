/* bench.h - what the benchmark's files share. Figures only: nothing here passes
 * or fails, tests do that. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "stylet.h"

#include <stdbool.h>

/* Processor time of this thread: everything here runs in one thread over cached
 * files, and what else the machine does does not count. */
double bench_seconds(void);
double bench_wall_seconds(void);

/* Times that are taken in turn, round by round, so that a processor that changes
 * its speed changes all of them: a ratio is the median of the rounds' ratios. */
enum { BENCH_MAX_ROUNDS = 200 };
typedef struct bench_series {
    double at[BENCH_MAX_ROUNDS];
    int n;
} bench_series;

void bench_add(bench_series *series, double value);
double bench_median(const bench_series *series);
double bench_ratio(const bench_series *a, const bench_series *b); /* median of a / b */

/* Seconds for one multiply-add of a 512 x 512 x 512 sgemm, the best of a few. */
double bench_sgemm(void);

/* A clip of the given length and rate: the fixture over and over, as samples; and a clip
 * over and over as a 16-bit WAV file at its own rate, of any length. false after a message. */
sty_clip *bench_clip(const char *fixture, double seconds, int rate_hz);
bool bench_wav(const char *path, const sty_clip *clip, double seconds);

/* A finished process; seconds by the wall clock, cpu_seconds user and system. */
typedef struct bench_process {
    double seconds, cpu_seconds, peak_mib;
    bool ok;
} bench_process;

/* Runs a program with its output thrown away. args ends with NULL. */
bench_process bench_run(const char *const *args);

/* Prints microseconds a frame of the front end alone for published shapes and every
 * processor path (bench_mel.c); returns the exit status. */
int bench_mel(const char *fixture, int rounds);

#endif
