/* timed.c - the program itself, with clocks around what a clip cannot do without: opening,
 * decoding, the network, and closing in the worker, which gives the file back. Linked with
 * --wrap of these functions (Makefile); their time
 * in all processes of a run comes together in a page that they share, and is written to the
 * file $BENCH_TIMED when the run ends: its processor and wall clock seconds, and the seconds that
 * the clocks took themselves, of which a half lies between them and is not counted there. */
#define _GNU_SOURCE
#include "base/file.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    _Atomic uint64_t calls, cpu_ns, wall_ns;
} sums;

static sums *all;
static pid_t first;

static uint64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

typedef struct {
    uint64_t cpu, wall;
} moment;

static moment now(void) { return (moment){read_clock(CLOCK_THREAD_CPUTIME_ID), read_clock(CLOCK_MONOTONIC)}; }

static double seconds_of_a_moment(void) {
    enum { N = 10000 };
    const moment begin = now();
    for (int i = 0; i < N; i++)
        (void)now();
    return 1e-9 * (double)(now().cpu - begin.cpu) / N;
}

static void write_sums(void) {
    const char *path = getenv("BENCH_TIMED");
    FILE *file = path && getpid() == first ? fopen(path, "w") : NULL;
    if (!file) return;
    const double clock_s = (double)all->calls * seconds_of_a_moment();
    fprintf(file, "%.9f %.9f %.9f\n", 1e-9 * (double)all->cpu_ns - clock_s, 1e-9 * (double)all->wall_ns - clock_s, 2 * clock_s);
    fclose(file);
}

__attribute__((constructor)) static void begin(void) {
    all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) abort();
    first = getpid();
    atexit(write_sums);
}

static sty_status passed(moment since, sty_status status) {
    const moment m = now();
    all->calls++;
    all->cpu_ns += m.cpu - since.cpu;
    all->wall_ns += m.wall - since.wall;
    return status;
}

#define WRAPPED(name, parameters, arguments)         \
    sty_status __real_##name parameters;             \
    sty_status __wrap_##name parameters;             \
    sty_status __wrap_##name parameters {            \
        const moment since = now();                  \
        return passed(since, __real_##name arguments); \
    }

WRAPPED(sty_file_open, (const char *path, int *fd, sty_err *err), (path, fd, err))
WRAPPED(sty_clip_read_fd, (int fd, const char *name, const sty_clip_options *options, sty_clip **clip, sty_err *err),
        (fd, name, options, clip, err))
WRAPPED(sty_session_run_clip, (sty_session *session, const sty_clip *clip, sty_err *err), (session, clip, err))

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
    if (getpid() == first) return __real_close(fd); /* the supervisor's copies are its own affair */
    const moment since = now();
    const int result = __real_close(fd);
    passed(since, STY_OK);
    return result;
}
