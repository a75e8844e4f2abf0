/* voices.h - the measured table of espeak-ng's voice variants (models/voices.tsv,
 * made by scripts/calibrate_voices), and the choice among them. Floor 5. */
#ifndef STY_SPEAK_VOICES_H
#define STY_SPEAK_VOICES_H

#include "speak/manner.h"

/* One variant, speaking English. Low and high: at the ends of espeak-ng's scales. */
typedef struct sty_variant {
    const char *name;
    double hz, hz_low, hz_high;          /* pitch 50, 0, 99 */
    double range_st, range_low, range_high; /* range 50, 0, 99 */
    double syl_s, syl_low, syl_high;     /* 175, 80, 449 words a minute */
    double dbfs, tilt_db_oct, hnr_db, voiced;
} sty_variant;

typedef struct sty_voices {
    sty_variant *variants;
    size_t n;
    sty_arena arena;
} sty_voices;

/* Reads the table: a line of column names, then a line for each variant, tabs
 * between; lines that begin with # are skipped.
 * Errors: those of reading a file, STY_BAD_ARGUMENT (with the line). */
sty_status sty_voices_read(const char *path, sty_voices *voices, sty_err *err);
void sty_voices_clear(sty_voices *voices);

/* The variant that comes nearest to a manner: how far its pitch has to be moved (6
 * semitones weigh one), how much of the range aimed at it cannot reach (1 semitone), tilt (4 dB
 * per octave), harmonicity (5 dB). Unknown numbers do not count. n > 0. */
const sty_variant *sty_voices_choose(const sty_voices *voices, const sty_manner *manner);

#endif
