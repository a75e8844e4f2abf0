/* bench.c - `stylet bench`: how fast a model runs here, clip after clip in one warm
 * session, one thread. With an audio file every round reads it again; without,
 * the clip is ten seconds of a made-up voice that lies in memory. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "common.h"
#include "messages.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
    model_options model;
    double seconds;
    bool json;
    text_list bind;
} bench_options;

static const option_row options[] = {
    COMMON_OPTIONS,
    MODEL_OPTIONS,
    {0, "seconds", "S", OPTION_NUMBER, offsetof(bench_options, seconds), 0.01, 3600,
     "how long to measure [3]"},
    {0, "bind", "NAME=FILE.npy", OPTION_TEXTS, offsetof(bench_options, bind), 0, 0,
     "feed a further graph input"},
    {0, "json", NULL, OPTION_FLAG, offsetof(bench_options, json), 0, 0, "a JSON object"},
};

typedef struct {
    double *taken; /* seconds of each round, sorted in the end */
    size_t n, room;
    double sum;
} rounds;

typedef struct {
    const char *path; /* NULL: the made-up clip */
    input made;
    double clip_s;
} subject;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A gliding tone with overtones, and pauses: enough for every step to do its work. */
static sty_status make_clip(int rate_hz, sty_clip **clip, sty_err *err) {
    const size_t n = (size_t)rate_hz * 10;
    float *samples = sty_alloc(n, sizeof *samples);
    double phase = 0;
    if (!samples) return sty_err_set(err, STY_OUT_OF_MEMORY, "no memory for a clip of ten seconds");
    for (size_t i = 0; i < n; i++) {
        const double t = (double)i / rate_hz, loud = fmax(0, sin(3 * t));
        phase += 6.283185307179586 * (120 + 40 * sin(2 * t)) / rate_hz;
        samples[i] = (float)(0.2 * loud * (sin(phase) + 0.5 * sin(3 * phase) + 0.25 * sin(9 * phase)));
    }
    const sty_status status = sty_clip_from_samples(samples, n, 1, rate_hz, clip, err);
    sty_free(samples);
    return status;
}

static sty_status one_round(const subject *s, sty_session *session, double *seconds, sty_err *err) {
    input in = {0};
    const double begin = now();
    sty_status status = s->path ? input_read(s->path, NULL, &in, err) : STY_OK;
    if (status == STY_OK) status = input_run(session, s->path ? &in : &s->made, err);
    input_clear(&in);
    *seconds = now() - begin;
    return status;
}

static bool keep(rounds *r, double seconds) {
    if (r->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 256;
        double *grown = sty_resize(r->taken, r->room * sizeof *grown, room * sizeof *grown);
        if (!grown) return false;
        r->taken = grown;
        r->room = room;
    }
    r->taken[r->n++] = seconds;
    r->sum += seconds;
    return true;
}

static sty_status measure(const subject *s, sty_session *session, double enough, rounds *r, sty_err *err) {
    double seconds;
    for (int i = 0; i < 3; i++) /* memory is planned, caches and clocks warm up */
        STY_TRY(one_round(s, session, &seconds, err));
    while (r->n < 5 || r->sum < enough) {
        STY_TRY(one_round(s, session, &seconds, err));
        if (!keep(r, seconds)) return sty_err_set(err, STY_OUT_OF_MEMORY, "no memory for the times");
    }
    return STY_OK;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const bench_options *o, const sty_model *model, const subject *s, rounds *r, sty_buf *out) {
    const sty_model_info *info = sty_model_facts(model);
    struct rusage usage;
    qsort(r->taken, r->n, sizeof *r->taken, by_value);
    getrusage(RUSAGE_SELF, &usage);
    const double mean = r->sum / (double)r->n, p50 = 1e3 * r->taken[r->n / 2];
    const double p95 = 1e3 * r->taken[r->n - 1 - r->n / 20], peak = (double)usage.ru_maxrss / 1024;
    const char *kernels = sty_cpu_name(sty_cpu_path());
    if (o->json) {
        sty_buf_printf(out, "{\"clip_seconds\": %.6g, \"rounds\": %zu, \"x_real_time\": %.6g, ", s->clip_s, r->n,
                       s->clip_s / mean);
        sty_buf_printf(out, "\"utterances_per_second\": %.6g, \"p50_ms\": %.6g, \"p95_ms\": %.6g, ", 1 / mean, p50, p95);
        sty_buf_printf(out, "\"peak_mib\": %.1f, \"kernels\": \"%s\", \"openblas\": \"%s\", ", peak, kernels,
                       sty_blas_core());
        sty_buf_text(out, "\"threads\": 1, \"model\": {\"name\": ");
        sty_buf_json(out, info->name);
        sty_buf_printf(out, ", \"hash\": \"%s\"}}\n", info->hash);
        return;
    }
    sty_buf_printf(out, "model            %s\n", info->name);
    sty_buf_printf(out, "clip             %.2f s, %s\n", s->clip_s, s->path ? s->path : "made up, in memory");
    sty_buf_printf(out, "kernels          %s, OpenBLAS %s, one thread\n", kernels, sty_blas_core());
    sty_buf_printf(out, "speed            %.0f x real time, %.1f utterances/s (%zu rounds)\n", s->clip_s / mean, 1 / mean,
                   r->n);
    sty_buf_printf(out, "time of a clip   p50 %.3f ms, p95 %.3f ms\n", p50, p95);
    sty_buf_printf(out, "peak memory      %.1f MiB\n", peak);
}

/* The clip's length is that of the audio, of a feature matrix its frames' hops. */
static sty_status prepare(const sty_model *model, subject *s, sty_err *err) {
    const sty_model_info *info = sty_model_facts(model);
    if (s->path) STY_TRY(input_read(s->path, NULL, &s->made, err));
    else STY_TRY(make_clip(info->rate_hz, &s->made.clip, err));
    s->clip_s = s->made.is_features
                    ? (double)s->made.features.dim[0] * (double)info->hop_samples / info->rate_hz
                    : sty_clip_facts(s->made.clip)->duration_s;
    return STY_OK;
}

static int run(void *options_, int n_args, char **args) {
    const bench_options *o = options_;
    subject s = {.path = n_args ? args[0] : NULL};
    sty_session *session = NULL;
    sty_buf out = {0};
    rounds r = {0};
    sty_err err;
    if (n_args > 1) {
        message_error("expected one audio file at most, %d are given (stylet bench --help)", n_args);
        return EXIT_USAGE;
    }
    sty_model *model = open_model(&o->model, false);
    if (!model) return EXIT_USAGE;
    const char *const want = sty_model_output(model, 0)->name;
    sty_status status = sty_session_create(model, &want, 1, &session, &err);
    if (status == STY_OK) status = bind_inputs(session, &o->bind, &err);
    if (status == STY_OK) status = prepare(model, &s, &err);
    if (status == STY_OK) status = measure(&s, session, o->seconds > 0 ? o->seconds : 3, &r, &err);
    int code = exit_code(status);
    if (status == STY_OK) {
        report(o, model, &s, &r, &out);
        code = print_buf(&out);
    } else message_error("%s", err.message);
    sty_buf_clear(&out);
    sty_free(r.taken);
    input_clear(&s.made);
    sty_session_free(session);
    sty_model_free(model);
    return code;
}

const command command_bench = {
    .name = "bench",
    .summary = "how fast a model runs on this machine",
    .usage = "[-m MODEL] [AUDIO]",
    .examples = "stylet bench\n"
                "stylet bench -m my-model --json speech.wav",
    .options = options,
    .n_options = STY_COUNT(options),
    .options_size = sizeof(bench_options),
    .run = run,
};
