/* tools.c - clocks, medians, clips and processes for the benchmark. */
#define _GNU_SOURCE
#include "bench.h"

#include "base/check.h"
#include "base/mem.h"
#include "math/gemm.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double bench_seconds(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

double bench_wall_seconds(void) { return read_clock(CLOCK_MONOTONIC); }

void bench_add(bench_series *series, double value) {
    if (series->n < BENCH_MAX_ROUNDS) series->at[series->n++] = value;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(const bench_series *series) {
    bench_series sorted = *series;
    if (sorted.n == 0) return NAN;
    qsort(sorted.at, (size_t)sorted.n, sizeof *sorted.at, by_value);
    return sorted.at[sorted.n / 2];
}

double bench_ratio(const bench_series *a, const bench_series *b) {
    bench_series ratio = {.n = 0};
    for (int i = 0; i < a->n && i < b->n; i++)
        bench_add(&ratio, a->at[i] / b->at[i]);
    return bench_median(&ratio);
}

double bench_sgemm(void) {
    enum { SIDE = 512, RUNS = 4 };
    static float a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];
    double best = INFINITY;
    if (a[0] == 0.0f)
        for (size_t i = 0; i < SIDE * SIDE; i++)
            a[i] = b[i] = 1.0f + (float)(i % 7);
    for (int i = 0; i < RUNS; i++) {
        const double begin = bench_seconds();
        sty_gemm(SIDE, SIDE, SIDE, a, SIDE, b, SIDE, false, c, SIDE);
        const double taken = bench_seconds() - begin;
        if (taken < best) best = taken;
    }
    return best / ((double)SIDE * SIDE * SIDE);
}

sty_clip *bench_clip(const char *fixture, double seconds, int rate_hz) {
    sty_clip *once = NULL, *clip = NULL;
    sty_err err;
    if (sty_clip_read(fixture, NULL, &once, &err)) {
        fprintf(stderr, "bench: %s\n", err.message);
        return NULL;
    }
    const size_t period = sty_clip_facts(once)->n_frames, n = (size_t)(seconds * rate_hz);
    float *samples = sty_alloc(n, sizeof *samples);
    for (size_t i = 0; samples && i < n; i++)
        samples[i] = sty_clip_samples(once)[i % period];
    if (!samples || sty_clip_from_samples(samples, n, 1, rate_hz, &clip, &err))
        fprintf(stderr, "bench: no memory for %.0f s of samples\n", seconds);
    sty_free(samples);
    sty_clip_free(once);
    return clip;
}

static void little_endian(unsigned char *to, uint32_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

bool bench_wav(const char *path, const sty_clip *clip, double seconds) {
    enum { PART = 8192 };
    const sty_clip_info *info = sty_clip_facts(clip);
    const size_t n = (size_t)(seconds * info->rate_hz);
    const uint32_t n_bytes = (uint32_t)(2 * n), rate = (uint32_t)info->rate_hz;
    unsigned char header[44] = "RIFF....WAVEfmt \20\0\0\0\1\0\1\0........\2\0\20\0data....", samples[2 * PART];
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return false;
    }
    little_endian(header + 4, n_bytes + 36, 4);
    little_endian(header + 24, rate, 4);
    little_endian(header + 28, 2 * rate, 4);
    little_endian(header + 40, n_bytes, 4);
    fwrite(header, 1, sizeof header, file);
    for (size_t i = 0; i < n; i += PART) {
        const size_t part = n - i < PART ? n - i : PART;
        for (size_t k = 0; k < part; k++) {
            const float value = 32767.0f * sty_clip_samples(clip)[(i + k) % info->n_frames];
            little_endian(samples + 2 * k, (uint32_t)(int32_t)lrintf(value), 2);
        }
        fwrite(samples, 2, part, file);
    }
    const bool written = !ferror(file);
    return fclose(file) == 0 && written;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

bench_process bench_run(const char *const *args) {
    bench_process result = {.ok = false};
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const double begin = bench_wall_seconds();
    union {
        const char *const *in;
        char *const *out;
    } cast = {.in = args};
    if (posix_spawnp(&pid, args[0], &actions, NULL, cast.out, environ) == 0 &&
        wait4(pid, &status, 0, &usage) == pid) {
        result.seconds = bench_wall_seconds() - begin;
        result.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
        result.peak_mib = (double)usage.ru_maxrss / 1024;
        result.ok = status == 0;
    }
    posix_spawn_file_actions_destroy(&actions);
    return result;
}
