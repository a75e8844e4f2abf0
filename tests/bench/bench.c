/* bench.c - what `make bench` (scripts/bench_peers.py) has timed in a process of its own: one
 * JSON object for each call.
 *
 *   bench parts MODEL FIXTURE.wav CLIP.wav [ROUNDS]   each part from a WAV file to a style vector
 *   bench mel FIXTURE.wav [ROUNDS]                    the front end alone, every processor path
 *   bench network MODEL FRAMES WIDTH [ROUNDS]         layers alone, over random features
 *   bench clips MODEL LIST [ROUNDS]                   decoding and network of every clip, one warm session
 *   bench run COMMAND [ARG ...]                       a process: wall clock, processor time, peak
 *   bench wav FIXTURE.wav SECONDS OUT.wav             the fixture over and over
 *
 * The limit of a part is its floating-point work at the rate of the sgemm of the same round: for
 * the spectrogram 2.5 N log2 N a frame (a real transform), for the network its multiply-adds;
 * reading is its own limit. */
#include "bench.h"

#include "base/check.h"
#include "base/cpu.h"
#include "math/gemm.h"
#include "model/session.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double clip_s = 10;

enum { READ, RESAMPLE, MEL, NETWORK, TOTAL, N_PARTS };
static const char *const part_names[] = {"read", "resample", "mel", "network", "total"};

typedef struct {
    sty_model *model;
    sty_session *session, *other; /* other: the clip at 44.1 kHz */
    sty_clip *clip, *cd_clip;
    const char *wav;
    double multiply_adds, transform_flop; /* of the ten seconds */
    size_t n_frames;
} bench_subject;

typedef struct {
    bench_series flop;           /* seconds of one floating-point operation */
    bench_series part[N_PARTS];  /* seconds */
    bench_series limit[N_PARTS]; /* seconds */
} bench_figures;

static bool fail(const sty_err *err) {
    fprintf(stderr, "bench: %s\n", err->message);
    return false;
}

/* Multiply-adds of the layers over n_frames. */
static bool count_work(const sty_model *model, size_t n_frames, double *multiply_adds) {
    const sty_graph *graph = &model->graph;
    sty_shape *shapes = sty_alloc(graph->n_values, sizeof *shapes);
    if (!shapes) return false;
    *multiply_adds = 0;
    sty_graph_nominal(graph, n_frames, shapes);
    if (sty_graph_infer(graph, NULL, shapes, NULL) == STY_OK)
        for (size_t i = 0; i < graph->n_nodes; i++)
            *multiply_adds += sty_graph_work(&graph->nodes[i], shapes);
    sty_free(shapes);
    return true;
}

/* The model as published, without trimming: the clip's length is the work. */
static bool open_model(const char *path, sty_model **model, sty_session **session) {
    static const char *const want[] = {"style"}, *const no_trim[] = {"trim=none"};
    const sty_model_options options = {.overrides = no_trim, .n_overrides = 1};
    sty_err err;
    if (sty_model_open(path, &options, model, &err) || sty_session_create(*model, want, 1, session, &err))
        return fail(&err);
    return true;
}

static bool open_subject(const char *model, const char *fixture, const char *wav, bench_subject *s) {
    static const char *const want[] = {"style"};
    sty_err err;
    if (!open_model(model, &s->model, &s->session)) return false;
    if (sty_session_create(s->model, want, 1, &s->other, &err)) return fail(&err);
    s->clip = bench_clip(fixture, clip_s, 16000);
    s->cd_clip = bench_clip(fixture, clip_s, 44100);
    s->wav = wav;
    s->n_frames = sty_front_end_frames(sty_front_end_facts(s->model->front_end),
                                       (size_t)(clip_s * sty_front_end_facts(s->model->front_end)->sample_rate));
    return s->clip && s->cd_clip && bench_wav(wav, s->clip, clip_s);
}

static void close_subject(bench_subject *s) {
    sty_clip_free(s->clip);
    sty_clip_free(s->cd_clip);
    sty_session_free(s->session);
    sty_session_free(s->other);
    sty_model_free(s->model);
}

/* One part, once; every one leaves the session's features in place. */
static sty_status run_part(bench_subject *s, int part, sty_err *err) {
    sty_clip *clip = NULL;
    sty_view features;
    switch (part) {
    case READ: STY_TRY(sty_clip_read(s->wav, NULL, &clip, err)); break;
    case RESAMPLE: return sty_session_run_front_end(s->other, s->cd_clip, err);
    case MEL: return sty_session_run_front_end(s->session, s->clip, err);
    case NETWORK:
        STY_TRY(sty_session_output(s->session, "features", &features, err));
        return sty_session_run_features(s->other, features.data, features.dim[0], features.dim[1], err);
    case TOTAL: {
        STY_TRY(sty_clip_read(s->wav, NULL, &clip, err));
        const sty_status status = sty_session_run_clip(s->session, clip, err);
        sty_clip_free(clip);
        return status;
    }
    default: break;
    }
    sty_clip_free(clip);
    return STY_OK;
}

/* The shorter of two runs: the first one may find cold caches. */
static bool time_part(bench_subject *s, int part, double *seconds) {
    sty_err err;
    *seconds = INFINITY;
    for (int i = 0; i < 2; i++) {
        const double begin = bench_seconds();
        if (run_part(s, part, &err)) return fail(&err);
        const double taken = bench_seconds() - begin;
        if (taken < *seconds) *seconds = taken;
    }
    return true;
}

static bool run_round(bench_subject *s, bench_figures *f, bool warm_up) {
    double taken[N_PARTS], limit[N_PARTS];
    const double flop = bench_sgemm() / 2;
    for (int i = 0; i < N_PARTS; i++)
        if (!time_part(s, i, &taken[i])) return false;
    taken[RESAMPLE] -= taken[MEL];
    limit[READ] = taken[READ];
    limit[RESAMPLE] = taken[RESAMPLE];
    limit[MEL] = s->transform_flop * flop;
    limit[NETWORK] = 2 * s->multiply_adds * flop;
    limit[TOTAL] = limit[READ] + limit[MEL] + limit[NETWORK];
    if (warm_up) return true;
    bench_add(&f->flop, flop);
    for (int i = 0; i < N_PARTS; i++) {
        bench_add(&f->part[i], taken[i]);
        bench_add(&f->limit[i], limit[i]);
    }
    return true;
}

static int parts(const char *const *args, int rounds) {
    static bench_figures figures;
    bench_subject s = {0};
    bool ok = open_subject(args[0], args[1], args[2], &s) && count_work(s.model, s.n_frames, &s.multiply_adds);
    if (ok) {
        const int n_fft = sty_front_end_facts(s.model->front_end)->n_fft;
        s.transform_flop = 2.5 * n_fft * log2(n_fft) * (double)s.n_frames;
    }
    for (int i = -2; ok && i < rounds; i++)
        ok = run_round(&s, &figures, i < 0);
    if (ok) {
        printf("{\"cpu_path\": \"%s\", \"openblas\": \"%s\", \"sgemm_gflops\": %.2f", sty_cpu_name(sty_cpu_path()),
               sty_blas_core(), 1e-9 / bench_median(&figures.flop));
        printf(", \"network_mflop\": %.1f, \"transform_mflop\": %.1f", 2e-6 * s.multiply_adds, 1e-6 * s.transform_flop);
        for (int i = 0; i < N_PARTS; i++)
            printf(", \"%s_ms\": %.4f, \"%s_to_limit\": %.3f", part_names[i], 1e3 * bench_median(&figures.part[i]),
                   part_names[i], bench_ratio(&figures.part[i], &figures.limit[i]));
        puts("}");
    }
    close_subject(&s);
    return ok ? 0 : 1;
}

/* One run of the layers over features, in seconds; < 0 after a message. */
static double run_features(sty_session *session, const float *x, size_t frames, size_t width) {
    sty_err err;
    const double begin = bench_seconds();
    if (sty_session_run_features(session, x, frames, width, &err)) {
        fail(&err);
        return -1;
    }
    return bench_seconds() - begin;
}

/* Times a network, the better of two runs a round, and the sgemm beside it. */
static bool time_network(sty_session *session, const float *x, size_t frames, size_t width, int rounds,
                         bench_series *taken, bench_series *flop) {
    for (int i = -1; i < rounds; i++) {
        const double rate = bench_sgemm() / 2;
        const double a = run_features(session, x, frames, width), b = run_features(session, x, frames, width);
        if (a < 0 || b < 0) return false;
        if (i < 0) continue;
        bench_add(taken, a < b ? a : b);
        bench_add(flop, rate);
    }
    return true;
}

static int network(const char *const *args, int rounds) {
    const size_t frames = strtoul(args[1], NULL, 10), width = strtoul(args[2], NULL, 10);
    sty_model *model = NULL;
    sty_session *session = NULL;
    bench_series taken = {.n = 0}, flop = {.n = 0};
    uint32_t random = 1;
    double work = 0;
    float *x = sty_alloc(frames * width, sizeof *x);
    for (size_t i = 0; x && i < frames * width; i++) {
        random = random * 1664525u + 1013904223u;
        x[i] = (float)(random >> 8) / 8388608.0f - 1.0f;
    }
    const bool ok = x && open_model(args[0], &model, &session) && count_work(model, frames, &work) &&
                    time_network(session, x, frames, width, rounds, &taken, &flop);
    if (ok)
        printf("{\"ms\": %.4f, \"mflop\": %.1f, \"products_at_sgemm_ms\": %.4f}\n", 1e3 * bench_median(&taken),
               2e-6 * work, 2e3 * work * bench_median(&flop));
    sty_session_free(session);
    sty_model_free(model);
    sty_free(x);
    return ok ? 0 : 1;
}

/* A line of a list without its end; NULL: no more. */
static char *next_line(FILE *list, char *line, size_t n) {
    if (!fgets(line, (int)n, list)) return NULL;
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* Every clip of a list, read and run by one session that is warm: what a run over the list
 * cannot do without. Microseconds a clip, wall clock and processor. */
static int clips(const char *const *args, int rounds) {
    sty_model *model = NULL;
    sty_session *session = NULL;
    bench_series wall = {.n = 0}, cpu = {.n = 0};
    char line[4096];
    FILE *list = fopen(args[1], "r");
    bool ok = list && open_model(args[0], &model, &session);
    for (int i = -1; ok && i < rounds; i++) {
        const double begin = bench_seconds(), wall_begin = bench_wall_seconds();
        double n = 0;
        rewind(list);
        for (sty_err err; ok && next_line(list, line, sizeof line); n++) {
            sty_clip *clip = NULL;
            ok = !sty_clip_read(line, NULL, &clip, &err) && !sty_session_run_clip(session, clip, &err);
            sty_clip_free(clip);
            if (!ok) fail(&err);
        }
        if (i < 0) continue;
        bench_add(&cpu, 1e6 * (bench_seconds() - begin) / n);
        bench_add(&wall, 1e6 * (bench_wall_seconds() - wall_begin) / n);
    }
    if (ok) printf("{\"wall_us\": %.3f, \"cpu_us\": %.3f}\n", bench_median(&wall), bench_median(&cpu));
    sty_session_free(session);
    sty_model_free(model);
    if (list) fclose(list);
    return ok ? 0 : 1;
}

static int run(const char *const *args) {
    const bench_process p = bench_run(args);
    printf("{\"ok\": %s, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"peak_mib\": %.2f}\n", p.ok ? "true" : "false", p.seconds,
           p.cpu_seconds, p.peak_mib);
    return p.ok ? 0 : 1;
}

static int wav(const char *const *args) {
    sty_clip *once = NULL;
    sty_err err;
    if (sty_clip_read(args[0], NULL, &once, &err)) return !fail(&err);
    const bool ok = bench_wav(args[2], once, strtod(args[1], NULL));
    sty_clip_free(once);
    return ok ? 0 : 1;
}

/* The last operand, where it is there: 1 to BENCH_MAX_ROUNDS; else the default. */
static int n_rounds(int argc, char **argv, int n_operands) {
    const long n = argc > n_operands + 2 ? strtol(argv[n_operands + 2], NULL, 10) : 25;
    return n < 1 ? 1 : n > BENCH_MAX_ROUNDS ? BENCH_MAX_ROUNDS : (int)n;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    const union {
        char **in;
        const char *const *out;
    } cast = {.in = argv + 2};
    const char *const *args = cast.out;
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* as the program does */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    if (strcmp(what, "parts") == 0 && argc >= 5) return parts(args, n_rounds(argc, argv, 3));
    if (strcmp(what, "mel") == 0 && argc >= 3) return bench_mel(args[0], n_rounds(argc, argv, 1));
    if (strcmp(what, "network") == 0 && argc >= 5) return network(args, n_rounds(argc, argv, 3));
    if (strcmp(what, "clips") == 0 && argc >= 4) return clips(args, n_rounds(argc, argv, 2));
    if (strcmp(what, "run") == 0 && argc >= 3) return run(args);
    if (strcmp(what, "wav") == 0 && argc == 5) return wav(args);
    fputs("usage: bench parts MODEL FIXTURE CLIP | mel FIXTURE | network MODEL FRAMES WIDTH | clips MODEL LIST, each [ROUNDS]\n"
          "       bench run COMMAND [ARG ...] | wav FIXTURE SECONDS OUT\n", stderr);
    return 2;
}
