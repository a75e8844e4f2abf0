/* fit.h - speech whose manner comes as near to a goal as a voice can. Floor 5. */
#ifndef STY_SPEAK_FIT_H
#define STY_SPEAK_FIT_H

#include "speak/engine.h"
#include "speak/manner.h"

/* What is asked for on top of a reference: an absolute value, else (NAN) a factor. */
typedef struct sty_change {
    double f0_hz, f0_factor;
    double range_st, range_factor;
    double rate_syl_s, rate_factor;
    double level_dbfs, level_db; /* level_db is added */
} sty_change;

/* No change: factors 1, level_db 0, the others NAN. */
sty_change sty_change_none(void);

/* The goal: the voice's own manner at strength 0, the reference's at 1, on the way
 * between them (F0 and rate as logarithms), then the change. What the reference does
 * not know is the voice's own. */
sty_manner sty_fit_goal(const sty_manner *own, const sty_manner *reference, double strength, const sty_change *change);

/* What is aimed at for an F0 range where most_st is all that can be reached: itself to four
 * ninths of that, above ever less of it. Speech has 6 to 15 semitones, espeak-ng's voices 4
 * to 9 at the end of its scale and 8 to 12 with another melody, whose lowest tone has to
 * stay a voice: cut there all of it would sound alike, so it is narrowed and keeps its
 * order. */
enum { STY_RANGE_LIVELIEST_ST = 9, STY_RANGE_WIDEST_ST = 9 };
double sty_fit_range(double range_st, double most_st);

typedef struct sty_fit_request {
    const char *text;
    const sty_manner *reference;
    double strength; /* 0 to 1 */
    const sty_change *change;
    bool by_time; /* the reference's rate is that of vowels by speaking time (manner.h) */
} sty_fit_request;

typedef struct sty_fit {
    sty_manner own;  /* the voice as it is */
    sty_manner goal;
    sty_manner got;  /* of the result, measured */
    sty_engine_settings settings;
    sty_engine_settings on_scales; /* the nearest without another melody, for SSML */
    double gain_db;
    bool limited; /* the gain rounded peaks off */
} sty_fit;

/* Closed loop: speaks as the voice is, measures, sets pitch, range and rate by
 * espeak-ng's own laws (an octave for 50 steps of pitch, range in proportion, rate nearly
 * so), speaks and measures again and corrects once more, by the first half
 * minute of the text. Where the scales end before pitch and range are there, the lines
 * `pitch` of the voice's file go on, corrected once as well. Measured is by signal processing and by the times of the vowels,
 * which espeak-ng reports: both are exact where the model is an estimate. The level is
 * set by a gain on the result, its peaks rounded off where they would clip.
 * With a goal that is the voice's own manner the samples are the voice's, untouched.
 * Errors: those of sty_engine_say. */
sty_status sty_fit_speak(sty_engine *engine, const sty_fit_request *request, sty_speech *speech, sty_fit *fit, sty_err *err);

#endif
