/* bench_mel.c - the front end alone, in microseconds a frame, for every path this
 * processor has; beside it the time the same round's sgemm needs for a billion
 * operations, because processors change their speed: what is compared is the
 * figure scaled to an sgemm of 95 GFLOP/s. */
#define _GNU_SOURCE
#include "audio/front_end.h"
#include "audio/stft.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *title, *preset;
    const char *values[6];
} mel_case;

static const mel_case cases[] = {
    {"1024/256, 80 mels", "tacotron2", {NULL}},
    {"1024/200 of 800, 80 dB mels, pre-emphasis", "tacotron2",
     {"sample_rate=16000", "hop_length=200", "win_length=800", "log=log10", "pre_emphasis=0.97", NULL}},
    {"2048/300 of 1200, 80 mels", "espnet", {NULL}},
    {"2048/300, 80 mels", "espnet", {"win_length=none", NULL}},
};

/* Microseconds a frame of one run over the clip. */
static double one_run(sty_front_end_state *state, const sty_clip *clip) {
    float *features;
    size_t n_frames = 1;
    const double begin = bench_seconds();
    if (sty_front_end_run(state, clip, &features, &n_frames, NULL) != STY_OK) return 0;
    return (bench_seconds() - begin) / (double)n_frames * 1e6;
}

static void one_case(const mel_case *c, const char *path, const sty_clip *clip, int rounds, const char **separator) {
    sty_front_end_params params;
    sty_arena arena = {0};
    const sty_front_end *plan;
    sty_front_end_state *state;
    bench_series us = {0}, scaled = {0};
    size_t index;
    setenv("STYLET_CPU", path, 1);
    sty_front_end_preset(c->preset, &params, &index, NULL);
    for (const char *const *value = c->values; *value; value++)
        sty_front_end_set(&params, *value, NULL);
    params.sample_rate = sty_clip_facts(clip)->rate_hz;
    if (params.fmax > params.sample_rate / 2.0) params.fmax = params.sample_rate / 2.0;
    if (sty_front_end_create(&params, NULL, NULL, &arena, &plan, NULL) == STY_OK &&
        sty_front_end_state_create(plan, &state, NULL) == STY_OK) {
        one_run(state, clip);
        for (int i = 0; i < rounds; i++) {
            const double gflops = 2e-9 / bench_sgemm(), t = one_run(state, clip);
            bench_add(&us, t);
            bench_add(&scaled, t * gflops / 95);
        }
        printf("%s  {\"path\": \"%s\", \"case\": \"%s\", \"us\": %.3f, \"us_at_95_gflops\": %.3f}", *separator, path, c->title,
               bench_median(&us), bench_median(&scaled));
        *separator = ",\n";
        sty_front_end_state_free(state);
    }
    sty_arena_clear(&arena);
}

int bench_mel(const char *fixture, int rounds) {
    const char *given = getenv("STYLET_CPU");
    char *before = given ? sty_copy_text(given, strlen(given)) : NULL;
    sty_clip *clip = bench_clip(fixture, 10, 22050);
    const char *separator = "";
    if (!clip) return 1;
    printf("{\"transform\": \"%s\", \"cases\": [\n", sty_stft_transform());
    for (size_t i = 0; i < STY_COUNT(cases); i++)
        for (int path = 0; path < STY_N_CPUS; path++)
            if (sty_cpu_has((sty_cpu)path)) one_case(&cases[i], sty_cpu_name((sty_cpu)path), clip, rounds, &separator);
    if (before) setenv("STYLET_CPU", before, 1);
    else unsetenv("STYLET_CPU");
    sty_free(before);
    sty_clip_free(clip);
    puts("]}");
    return 0;
}
