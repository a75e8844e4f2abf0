/* probe.c - see probe.h. Resonators are run in parallel in double: three two-pole
 * filters a sample are cheaper than summing harmonics and sound the same to a mel. */
#include "style/probe.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define PI 3.14159265358979323846

const sty_probe sty_probes[] = {
    {"silence", STY_PROBE_SILENCE, 0},     {"noise", STY_PROBE_NOISE, 0},
    {"tone 220 Hz", STY_PROBE_TONE, 220},  {"tone 880 Hz", STY_PROBE_TONE, 880},
    {"voice 80 Hz", STY_PROBE_PITCH, 80},  {"voice 110 Hz", STY_PROBE_PITCH, 110},
    {"voice 160 Hz", STY_PROBE_PITCH, 160}, {"voice 220 Hz", STY_PROBE_PITCH, 220},
    {"voice 320 Hz", STY_PROBE_PITCH, 320}, {"2 syllables/s", STY_PROBE_TEMPO, 2},
    {"3 syllables/s", STY_PROBE_TEMPO, 3}, {"5 syllables/s", STY_PROBE_TEMPO, 5},
    {"7 syllables/s", STY_PROBE_TEMPO, 7}, {"level -40 dB", STY_PROBE_LEVEL, -40},
    {"level -30 dB", STY_PROBE_LEVEL, -30}, {"level -20 dB", STY_PROBE_LEVEL, -20},
    {"level -14 dB", STY_PROBE_LEVEL, -14}, {"length x 0.5", STY_PROBE_LENGTH, 0.5},
    {"length x 1", STY_PROBE_LENGTH, 1},   {"length x 2", STY_PROBE_LENGTH, 2},
};
const size_t sty_n_probes = sizeof sty_probes / sizeof *sty_probes;

/* What the voice is like where a sweep says nothing else. */
static const double usual_hz = 130, usual_tempo = 4, usual_level = -23;

bool sty_probe_is_speech(sty_probe_kind kind) { return kind >= STY_PROBE_PITCH; }

static double random_uniform(uint64_t *seed) { /* xorshift64*, in [-1, 1) */
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (double)(int64_t)(*seed * 2685821657736338717ull) / 9223372036854775808.0;
}

/* ---- the voice ---- */

enum { N_FORMANTS = 3, N_VOWELS = 4 };
static const double formants[N_VOWELS][N_FORMANTS] = {
    {730, 1090, 2440}, {270, 2290, 3010}, {570, 840, 2410}, {530, 1840, 2480}};
static const double bandwidths[N_FORMANTS] = {80, 110, 160}, gains[N_FORMANTS] = {1, 0.6, 0.3};

typedef struct {
    double y1, y2;
} resonator;

static double resonate(resonator *r, double x, double hz, double width, double rate) {
    const double radius = exp(-PI * width / rate);
    const double y = x + 2 * radius * cos(2 * PI * hz / rate) * r->y1 - radius * radius * r->y2;
    r->y2 = r->y1;
    r->y1 = y;
    return y * (1 - radius);
}

static void voice(double hz, double tempo, double rate, size_t n, float *out) {
    resonator filters[N_FORMANTS] = {{0, 0}};
    uint64_t seed = 88172645463325252ull;
    double phase = 0;
    for (size_t i = 0; i < n; i++) {
        const double t = (double)i / rate, syllable = t * tempo, inside = syllable - floor(syllable);
        const double open = inside < 0.8 ? sin(PI * inside / 0.8) : 0;
        const double *vowel = formants[(size_t)syllable % N_VOWELS];
        phase += hz * (1 + 0.10 * sin(2 * PI * 0.6 * t) + 0.02 * sin(2 * PI * 5 * t)) / rate;
        const double pulse = phase >= 1 ? 1 : 0;
        phase -= floor(phase);
        const double x = open * (pulse + 0.02 * random_uniform(&seed));
        double y = 0;
        for (int k = 0; k < N_FORMANTS; k++)
            if (vowel[k] < 0.45 * rate) y += gains[k] * resonate(&filters[k], x, vowel[k], bandwidths[k], rate);
        out[i] = (float)y;
    }
}

static double rms(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)n);
}

/* Room noise 50 dB below the voice: pauses are not silent, and trimming leaves all
 * sounds of a sweep equally long. */
static void add_room(size_t n, float *x) {
    const double level = rms(x, n) * pow(10, -50.0 / 20);
    uint64_t seed = 362436069362436069ull;
    for (size_t i = 0; i < n; i++)
        x[i] += (float)(level * random_uniform(&seed));
}

/* RMS to dBFS; what would exceed full scale is left to be loud. */
static void set_level(double level, size_t n, float *x) {
    const double now = rms(x, n), gain = now > 0 ? pow(10, level / 20) / now : 0;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(x[i] * gain);
}

static void fill(const sty_probe *probe, double rate, size_t n, float *x) {
    uint64_t seed = 2463534242ull;
    const sty_probe_kind kind = probe->kind;
    if (kind == STY_PROBE_SILENCE) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    for (size_t i = 0; kind == STY_PROBE_NOISE && i < n; i++)
        x[i] = (float)random_uniform(&seed);
    for (size_t i = 0; kind == STY_PROBE_TONE && i < n; i++)
        x[i] = (float)sin(2 * PI * probe->value * (double)i / rate);
    if (sty_probe_is_speech(kind)) {
        voice(kind == STY_PROBE_PITCH ? probe->value : usual_hz,
              kind == STY_PROBE_TEMPO ? probe->value : usual_tempo, rate, n, x);
        add_room(n, x);
    }
    set_level(kind == STY_PROBE_LEVEL ? probe->value : usual_level, n, x);
}

sty_status sty_probe_make(const sty_probe *probe, int rate_hz, double seconds, sty_clip **clip,
                          sty_err *err) {
    const double length = probe->kind == STY_PROBE_LENGTH ? seconds * probe->value : seconds;
    const size_t n = (size_t)(length * rate_hz) + 1;
    float *x = sty_alloc(n, sizeof *x);
    if (!x) return sty_err_no_memory(err, n * sizeof *x, "a probe");
    fill(probe, rate_hz, n, x);
    sty_status status = sty_clip_from_samples(x, n, 1, rate_hz, clip, err);
    sty_free(x);
    return status;
}
