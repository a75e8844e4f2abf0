/* probe.h - sounds that a model is asked with: silence, noise, tones, and a small
 * synthetic voice swept in pitch, tempo, level and length. Floor 4.
 *
 * The voice is a pulse train through three resonators (formants) that change from
 * syllable to syllable, with a little breath; enough of speech for a reference
 * encoder to answer, the same on every machine. */
#ifndef STY_STYLE_PROBE_H
#define STY_STYLE_PROBE_H

#include "base/mem.h"

typedef enum sty_probe_kind {
    STY_PROBE_SILENCE,
    STY_PROBE_NOISE,
    STY_PROBE_TONE,   /* value: Hz */
    STY_PROBE_PITCH,  /* Hz of the voice */
    STY_PROBE_TEMPO,  /* syllables a second */
    STY_PROBE_LEVEL,  /* dBFS of the voice */
    STY_PROBE_LENGTH, /* times the usual length */
    STY_PROBE_GIVEN   /* the user's audio: not made here */
} sty_probe_kind;

typedef struct sty_probe {
    const char *name;
    sty_probe_kind kind;
    double value;
} sty_probe;

extern const sty_probe sty_probes[];
extern const size_t sty_n_probes;

/* True for the voice and given audio. */
bool sty_probe_is_speech(sty_probe_kind kind);

/* The sound, `seconds` long (times the value of a LENGTH probe), mono.
 * Errors: STY_OUT_OF_MEMORY. */
sty_status sty_probe_make(const sty_probe *probe, int rate_hz, double seconds, sty_clip **clip,
                          sty_err *err);

#endif
