/* manner.h - how something is spoken, in numbers. Floor 5. The definitions are those
 * of the shipped model's `prosody` labels (models/default/README.md). */
#ifndef STY_SPEAK_MANNER_H
#define STY_SPEAK_MANNER_H

#include "base/mem.h"

/* NAN: not known. */
typedef struct sty_manner {
    double f0_hz;       /* median of the voiced frames */
    double range_st;    /* 10th to 90th percentile of F0; over an octave from the median left out */
    double rate_syl_s;  /* syllables per second, pauses left out */
    double level_dbfs;  /* RMS of the frames within 30 dB of the loud ones */
    double tilt_db_oct; /* slope of the spectrum */
    double hnr_db;      /* harmonics to noise */
    double voiced;      /* share of the active frames that is voiced */
} sty_manner;

/* Facts that tell speech from other sounds. */
typedef struct sty_speechlike {
    double active_s; /* seconds within 30 dB of the loud frames */
    double speaking_s; /* seconds within 25 dB of the loudest frame: no sounds under 0.05 s, and with pauses under 0.12 s */
    double voiced;   /* share of them */
    double level_dbfs;
    double runs_s;   /* stretches of voice per active second */
    double steady;   /* share of the steps of 10 ms within the voice that move F0 by less than 0.02 semitones */
} sty_speechlike;

/* What signal processing measures exactly: F0, its range, level and voiced; the
 * others become NAN, F0 and its range too with fewer than 10 voiced frames.
 * x [n]: mono. facts may be NULL. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_manner_measure(const float *x, size_t n, int rate_hz, sty_manner *manner, sty_speechlike *facts, sty_err *err);

/* The level alone; -INFINITY for no samples. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_manner_level(const float *x, size_t n, int rate_hz, double *level_dbfs, sty_err *err);

/* Syllables per second from the times at which vowels begin: one over the mean
 * distance, none counting as more than 2.2 times the median, the rest of it being a
 * pause; NAN for fewer than three. times [n] are sorted. Errors: STY_OUT_OF_MEMORY. */
sty_status sty_manner_rate(const double *times, size_t n, double *rate_syl_s, sty_err *err);

#endif
