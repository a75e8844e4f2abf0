/* engine.h - text to samples, the one door to libespeak-ng. Floor 5.
 *
 * The library is loaded by its name when an engine is opened (dlopen of
 * libespeak-ng.so.1), so that a program which never speaks neither needs it nor pays
 * for it, and nothing of it becomes part of libstylet.
 *
 * espeak-ng keeps its state in globals, sets the process's LC_CTYPE to UTF-8 and takes
 * the noise of breathy voices from rand(): one engine at a time in a process, one thread,
 * and srand() is called before every synthesis so that the same words give the same
 * samples. */
#ifndef STY_SPEAK_ENGINE_H
#define STY_SPEAK_ENGINE_H

#include "base/mem.h"

typedef struct sty_engine sty_engine;

/* espeak-ng's own units: pitch 0 to 99, an octave for 50 steps; range 0 to 99, 50 being
 * the voice's own; words a minute 80 to 450. */
typedef struct sty_engine_settings {
    int pitch, range, rate_wpm;
    int low, high; /* `pitch LOW HIGH` of a voice file instead of the voice's; high 0: the voice's own */
} sty_engine_settings;

enum {
    STY_PITCH_OWN = 50,
    STY_PITCH_MOST = 99,
    STY_RANGE_OWN = 50,
    STY_RANGE_MOST = 99,
    STY_RATE_OWN = 175,
    STY_RATE_LEAST = 80,
    STY_RATE_MOST = 449 /* above, espeak-ng speeds the samples up instead */
};

/* What was said. Zero-initialise; grows, and serves again. */
typedef struct sty_speech {
    short *samples; /* [n] */
    double *vowel_s; /* [n_vowels]: when each vowel begins */
    size_t n, capacity, n_vowels, vowel_capacity;
    int rate_hz;
    bool failed; /* out of memory */
} sty_speech;

/* Errors: STY_BAD_ARGUMENT (no libespeak-ng, no espeak-ng-data, an engine is open). */
sty_status sty_engine_open(sty_engine **engine, sty_err *err);
void sty_engine_close(sty_engine *engine); /* NULL is fine */

/* Chooses a language ("en", "fr-ca") and a variant of its voice ("f2"; NULL: none).
 * Errors: STY_BAD_ARGUMENT, for an unknown variant with the nearest one. */
sty_status sty_engine_voice(sty_engine *engine, const char *language, const char *variant, sty_err *err);

/* The `pitch LOW HIGH` of the chosen voice: a tone t of its melody, 0 to 255, has
 * LOW - 9 + (HIGH - LOW) * STY_TONE_HZ * t Hz at pitch 50 and range 50. False where
 * the voice's files cannot be read, so that no other LOW and HIGH can be set. */
#define STY_TONE_HZ (108.0 / 2 / 4096)
/* Bounds of LOW and HIGH - LOW: espeak-ng reads outside its tables for a tone of 0 Hz or
 * less, and 25 Hz is the lowest it speaks. */
enum { STY_LOW_LEAST = 34, STY_LOW_MOST = 400, STY_SPAN_MOST = 400 };
bool sty_engine_melody(sty_engine *engine, int *low, int *high);

/* Speaks UTF-8 text. settings NULL: the voice as it is. most_s: stops when so many
 * seconds are there (0: never). With ssml, text is an SSML document.
 * Errors: STY_BAD_ARGUMENT (nothing to say), STY_OUT_OF_MEMORY, STY_INTERNAL (espeak-ng fails, or
 * a LOW and HIGH out of bounds or refused). */
sty_status sty_engine_say(sty_engine *engine, const char *text, bool ssml, const sty_engine_settings *settings,
                          double most_s, sty_speech *speech, sty_err *err);

void sty_speech_clear(sty_speech *speech);

#endif
