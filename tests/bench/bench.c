/* bench.c - figures of this machine: each part of the way from a WAV file to a
 * style vector, the limit that this processor's own sgemm sets for it in the same
 * round, whole processes, and growth with length.
 *
 *   bench MODEL FIXTURE.wav FOLDER STYLET EMPTY [--json] [--rounds N] [--short]
 *
 * `make bench` gives the five operands. The limit of a part is its floating-point
 * work at the rate of the sgemm: for the spectrogram 2.5 N log2 N a frame (a real
 * transform), for the network its multiply-adds; reading is its own limit. */
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
static const char *const part_notes[] = {"WAV, 16 bit", "from 44.1 kHz, beyond the mel", "log-mel spectrogram",
                                         "features to style", "WAV file to style"};

typedef struct {
    const char *model_path, *fixture, *folder, *stylet, *empty;
    bool json, brief;
    int rounds;
} bench_options;

typedef struct {
    sty_model *model;
    sty_session *session, *other; /* other: the clip at 44.1 kHz */
    sty_clip *clip, *cd_clip;
    char wav[512];
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

static bool count_work(bench_subject *s) {
    const sty_graph *graph = &s->model->graph;
    const sty_front_end_params *p = sty_front_end_facts(s->model->front_end);
    sty_shape *shapes = sty_alloc(graph->n_values, sizeof *shapes);
    s->n_frames = sty_front_end_frames(p, (size_t)(clip_s * p->sample_rate));
    s->transform_flop = 2.5 * p->n_fft * log2(p->n_fft) * (double)s->n_frames;
    if (!shapes) return false;
    sty_graph_nominal(graph, s->n_frames, shapes);
    if (sty_graph_infer(graph, NULL, shapes, NULL) == STY_OK)
        for (size_t i = 0; i < graph->n_nodes; i++)
            s->multiply_adds += sty_graph_work(&graph->nodes[i], shapes);
    sty_free(shapes);
    return true;
}

static bool open_subject(const bench_options *o, bench_subject *s) {
    static const char *const want[] = {"style"}, *const no_trim[] = {"trim=none"};
    const sty_model_options options = {.overrides = no_trim, .n_overrides = 1};
    sty_err err;
    if (sty_model_open(o->model_path, &options, &s->model, &err) ||
        sty_session_create(s->model, want, 1, &s->session, &err) ||
        sty_session_create(s->model, want, 1, &s->other, &err))
        return fail(&err);
    s->clip = bench_clip(o->fixture, clip_s, 16000);
    s->cd_clip = bench_clip(o->fixture, clip_s, 44100);
    snprintf(s->wav, sizeof s->wav, "%s/clip.wav", o->folder);
    return s->clip && s->cd_clip && bench_wav(s->wav, s->clip) && count_work(s);
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

static void print_parts(const bench_options *o, const bench_subject *s, const bench_figures *f) {
    const double total = bench_median(&f->part[TOTAL]);
    const char *cpu = sty_cpu_name(sty_cpu_path());
    if (o->json) {
        printf("{\"cpu_path\": \"%s\", \"openblas\": \"%s\", \"sgemm_gflops\": %.2f", cpu, sty_blas_core(),
               1e-9 / bench_median(&f->flop));
        for (int i = 0; i < N_PARTS; i++)
            printf(", \"%s_ms\": %.4f, \"%s_to_limit\": %.3f", part_names[i], 1e3 * bench_median(&f->part[i]),
                   part_names[i], bench_ratio(&f->part[i], &f->limit[i]));
        printf(", \"x_real_time\": %.0f}\n", clip_s / total);
        return;
    }
    printf("kernels %s, OpenBLAS %s, one thread; sgemm %.1f GFLOP/s; medians of %d rounds\n", cpu, sty_blas_core(),
           1e-9 / bench_median(&f->flop), o->rounds);
    printf("network %.1f MFLOP, transforms %.1f MFLOP, %zu frames\n\n", 2e-6 * s->multiply_adds,
           1e-6 * s->transform_flop, s->n_frames);
    printf("| %.0f s of audio | ms | limit ms | ratio to the limit | |\n|---|---|---|---|---|\n", clip_s);
    for (int i = 0; i < N_PARTS; i++) {
        printf("| %s | %.3f |", part_names[i], 1e3 * bench_median(&f->part[i]));
        if (i == READ || i == RESAMPLE) printf(" | |");
        else printf(" %.3f | %.2f |", 1e3 * bench_median(&f->limit[i]), bench_ratio(&f->part[i], &f->limit[i]));
        printf(" %s |\n", part_notes[i]);
    }
    printf("\n%.0f x real time\n\n", clip_s / total);
}

/* One clip as a whole process, beside a process that does nothing. */
static bool print_process(const bench_options *o, const bench_subject *s) {
    const char *const clip[] = {o->stylet, "extract", "-q", "-m", o->model_path, s->wav, NULL};
    const char *const empty[] = {o->empty, NULL};
    bench_series taken = {.n = 0}, nothing = {.n = 0};
    double peak = 0;
    for (int i = 0; i <= o->rounds; i++) {
        const bench_process a = bench_run(clip), b = bench_run(empty);
        if (!a.ok || !b.ok) {
            fprintf(stderr, "bench: '%s' failed\n", a.ok ? o->empty : o->stylet);
            return false;
        }
        if (i == 0) continue; /* file caches */
        bench_add(&taken, a.seconds);
        bench_add(&nothing, b.seconds);
        if (a.peak_mib > peak) peak = a.peak_mib;
    }
    printf("| whole process | ms | empty program ms | ratio | peak MiB |\n|---|---|---|---|---|\n");
    printf("| extract, one clip of %.0f s | %.2f | %.2f | %.2f | %.0f |\n\n", clip_s, 1e3 * bench_median(&taken),
           1e3 * bench_median(&nothing), bench_ratio(&taken, &nothing), peak);
    return true;
}

/* Seconds of work for each second of audio, and what the process holds at its peak. */
static bool print_growth(const bench_options *o) {
    static const double lengths[] = {1, 10, 60, 600, 3600};
    char wav[512];
    double first = 0;
    snprintf(wav, sizeof wav, "%s/long.wav", o->folder);
    printf("| audio | whole process s | ms a second, less the shortest | peak MiB |\n|---|---|---|---|\n");
    for (size_t i = 0; i < STY_COUNT(lengths); i++) {
        const char *const args[] = {o->stylet, "extract", "-q", "-m", o->model_path, wav, NULL};
        sty_clip *clip = bench_clip(o->fixture, lengths[i], 16000);
        const bool written = clip && bench_wav(wav, clip);
        sty_clip_free(clip);
        if (!written) return false;
        const bench_process p = bench_run(args);
        if (!p.ok) {
            fprintf(stderr, "bench: %.0f s of audio failed\n", lengths[i]);
            return false;
        }
        if (i == 0) first = p.seconds;
        printf("| %.0f s | %.3f |", lengths[i], p.seconds);
        if (i) printf(" %.3f |", 1e3 * (p.seconds - first) / (lengths[i] - lengths[0]));
        else printf(" |");
        printf(" %.0f |\n", p.peak_mib);
    }
    remove(wav);
    return true;
}

static bool parse(int argc, char **argv, bench_options *o) {
    const char **operands[] = {&o->model_path, &o->fixture, &o->folder, &o->stylet, &o->empty};
    size_t n = 0;
    o->rounds = 25;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) o->json = true;
        else if (strcmp(argv[i], "--short") == 0) o->brief = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) o->rounds = (int)strtol(argv[++i], NULL, 10);
        else if (n < STY_COUNT(operands)) *operands[n++] = argv[i];
        else return false;
    }
    return n == STY_COUNT(operands) && o->rounds > 0 && o->rounds <= BENCH_MAX_ROUNDS;
}

int main(int argc, char **argv) {
    static bench_figures figures;
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* as the program does */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    bench_options o = {0};
    bench_subject subject = {0};
    if (!parse(argc, argv, &o)) {
        fputs("usage: bench MODEL FIXTURE FOLDER STYLET EMPTY [--json] [--short] [--rounds N]\n", stderr);
        return 2;
    }
    bool ok = open_subject(&o, &subject);
    for (int i = -3; ok && i < o.rounds; i++)
        ok = run_round(&subject, &figures, i < 0);
    if (ok) print_parts(&o, &subject, &figures);
    if (ok && !o.json) ok = print_process(&o, &subject);
    if (ok && !o.json) bench_mel(o.fixture, o.rounds);
    if (ok && !o.json && !o.brief) ok = print_growth(&o);
    close_subject(&subject);
    return ok ? 0 : 1;
}
