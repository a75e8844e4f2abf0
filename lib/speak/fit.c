/* fit.c - see fit.h. Each of the three settings moves almost only its own number, so
 * correcting them one by one by what is missing converges in two rounds; the best
 * round is kept, as whole steps of pitch may swing around a goal. */
#include "speak/fit.h"

#include <math.h>
#include <string.h>

enum { MOST_ROUNDS = 2, FIT_SECONDS = 30, GAIN_ROUNDS = 6 };
static const double PIVOT_TONE = 36; /* the one of espeak-ng's tones that does not move with the range */
static const double KNEE = 0.7, CEILING = 0.99; /* samples below the knee stay as they are, none passes the ceiling */
static const double MOST_EXCESS_DB = 9;         /* gain beyond what the peaks allow */

sty_change sty_change_none(void) {
    return (sty_change){.f0_hz = NAN, .f0_factor = 1, .range_st = NAN, .range_factor = 1,
                        .rate_syl_s = NAN, .rate_factor = 1, .level_dbfs = NAN, .level_db = 0};
}

static double between(double own, double reference, double strength, bool logarithmic) {
    if (isnan(reference) || isnan(own) || strength <= 0) return own;
    return logarithmic ? own * pow(reference / own, strength) : own + strength * (reference - own);
}

sty_manner sty_fit_goal(const sty_manner *own, const sty_manner *reference, double strength, const sty_change *change) {
    sty_manner goal = *own;
    goal.f0_hz = between(own->f0_hz, reference->f0_hz, strength, true) * change->f0_factor;
    goal.range_st = between(own->range_st, reference->range_st, strength, false) * change->range_factor;
    goal.rate_syl_s = between(own->rate_syl_s, reference->rate_syl_s, strength, true) * change->rate_factor;
    goal.level_dbfs = between(own->level_dbfs, reference->level_dbfs, strength, false) + change->level_db;
    if (!isnan(change->f0_hz)) goal.f0_hz = change->f0_hz;
    if (!isnan(change->range_st)) goal.range_st = change->range_st;
    if (!isnan(change->rate_syl_s)) goal.rate_syl_s = change->rate_syl_s;
    if (!isnan(change->level_dbfs)) goal.level_dbfs = change->level_dbfs + change->level_db;
    return goal;
}

double sty_fit_range(double range_st, double most_st) {
    const double knee = most_st * 4 / 9, scale = 6;
    return range_st > knee ? knee + (most_st - knee) * (1 - exp(-(range_st - knee) / scale)) : range_st;
}

/* What the words and the voice allow: at the end of its scale espeak-ng doubles the range. */
static double most_range(const sty_manner *own) {
    return isnan(own->range_st) ? STY_RANGE_LIVELIEST_ST : fmin(2 * own->range_st, STY_RANGE_LIVELIEST_ST);
}

/* ---- measuring what was said ---- */

static float *to_float(const sty_speech *speech, sty_err *err) {
    float *x = sty_alloc(speech->n, sizeof *x);
    if (!x) sty_err_no_memory(err, speech->n * sizeof *x, "the speech");
    for (size_t i = 0; x && i < speech->n; i++)
        x[i] = (float)speech->samples[i] / 32768.0f;
    return x;
}

static sty_status measure(const sty_speech *speech, bool by_time, sty_manner *m, sty_err *err) {
    sty_speechlike facts;
    float *x = to_float(speech, err);
    if (!x) return STY_OUT_OF_MEMORY;
    sty_status status = sty_manner_measure(x, speech->n, speech->rate_hz, m, &facts, err);
    sty_free(x);
    if (status == STY_OK && !by_time) status = sty_manner_rate(speech->vowel_s, speech->n_vowels, &m->rate_syl_s, err);
    else if (facts.speaking_s > 0) m->rate_syl_s = (double)speech->n_vowels / facts.speaking_s;
    return status;
}

/* ---- pitch, range and rate ---- */

static double clamp(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

/* factor that is missing, 1 where a number is not known */
static double missing(double goal, double got) { return goal > 0 && got > 0 ? goal / got : 1; }

/* Settings before they are rounded. */
typedef struct {
    double pitch, range, rate;
} point;

static sty_engine_settings settings_of(const point *p) {
    return (sty_engine_settings){(int)lround(p->pitch), (int)lround(p->range), (int)lround(p->rate), 0, 0};
}

static void correct(point *p, const sty_manner *goal, const sty_manner *got) {
    p->pitch = clamp(p->pitch + 50 * log2(missing(goal->f0_hz, got->f0_hz)), 0, STY_PITCH_MOST);
    /* a melody of which little is left is measured badly: not more than three times at once */
    if (!isnan(got->range_st) && !isnan(goal->range_st))
        p->range = clamp(p->range * clamp(goal->range_st / fmax(got->range_st, 0.05), 1.0 / 3, 3), 0, STY_RANGE_MOST);
    if (p->range < 1 && goal->range_st > got->range_st) p->range = 5;
    p->rate = clamp(p->rate * missing(goal->rate_syl_s, got->rate_syl_s), STY_RATE_LEAST, STY_RATE_MOST);
}

/* Each term is 1 at an error that one begins to hear: half a semitone, 5 %, 1.5 semitones.
 * That of the range, the least exact of the three, never outweighs the others: a melody
 * that is out of reach must not cost the pitch. */
static double distance(const sty_manner *goal, const sty_manner *got) {
    const double f0 = 12 * log2(missing(goal->f0_hz, got->f0_hz)) / 0.5;
    const double rate = log2(missing(goal->rate_syl_s, got->rate_syl_s)) / 0.07;
    const double range = isnan(got->range_st) || isnan(goal->range_st) ? 0 : (goal->range_st - got->range_st) / 1.5;
    return f0 * f0 + rate * rate + range * range / (1 + range * range);
}

static bool same_settings(const sty_engine_settings *a, const sty_engine_settings *b) {
    return a->pitch == b->pitch && a->range == b->range && a->rate_wpm == b->rate_wpm && a->low == b->low && a->high == b->high;
}

static bool equal(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* Speaks with other settings and keeps them if they come nearer. */
static sty_status attempt(sty_engine *engine, const sty_fit_request *request, const sty_engine_settings *now, const sty_manner *aim, sty_fit *fit,
                          sty_manner *got, sty_speech *speech, sty_err *err) {
    STY_TRY(sty_engine_say(engine, request->text, false, now, FIT_SECONDS, speech, err));
    STY_TRY(measure(speech, request->by_time, got, err));
    if (distance(aim, got) >= distance(aim, &fit->got)) return STY_OK;
    fit->got = *got;
    fit->settings = *now;
    return STY_OK;
}

static bool falls_short(const sty_manner *aim, const sty_manner *got) {
    return fabs(12 * log2(missing(aim->f0_hz, got->f0_hz))) > 0.3 || aim->range_st - got->range_st > 0.5;
}

/* Beyond the scales: F0 is base + step * tone, and the same tones come with every base
 * and step. The tone of the median follows from what was measured, the step from the
 * range that is missing, and the base from both. */
static sty_status widen(sty_engine *engine, const sty_fit_request *request, const sty_manner *aim, sty_fit *fit, sty_speech *speech, sty_err *err) {
    int low, high;
    sty_manner got = fit->got;
    sty_engine_settings now = fit->settings;
    if (!falls_short(aim, &got) || !(got.f0_hz > 0 && aim->f0_hz > 0) || !sty_engine_melody(engine, &low, &high)) return STY_OK;
    const double own_step = (high - low) * STY_TONE_HZ, more = (double)now.range / STY_RANGE_OWN;
    double step = own_step * more, base = (low - 9) * exp2((double)(now.pitch - STY_PITCH_OWN) / 50) - (more - 1) * own_step * PIVOT_TONE;
    if (!(step > 0)) return STY_OK;
    now.pitch = STY_PITCH_OWN;
    now.range = STY_RANGE_OWN;
    for (int k = 0; k < MOST_ROUNDS && distance(aim, &got) > 0.02; k++) {
        const double tone = (got.f0_hz - base) / step;
        if (!(tone > 0)) break;
        if (got.range_st > 0 && aim->range_st > 0) step *= clamp(aim->range_st / got.range_st, 0.5, 2);
        step = fmin(step, (aim->f0_hz - (STY_LOW_LEAST - 9)) / tone);
        now.low = (int)clamp(round(aim->f0_hz - step * tone) + 9, STY_LOW_LEAST, STY_LOW_MOST);
        now.high = now.low + (int)clamp(step / STY_TONE_HZ + 0.5, 1, STY_SPAN_MOST);
        base = now.low - 9;
        step = (now.high - now.low) * STY_TONE_HZ;
        const sty_status status = attempt(engine, request, &now, aim, fit, &got, speech, err);
        if (status == STY_INTERNAL) break; /* a file for a moment cannot be had: the scales have to do */
        if (status != STY_OK) return status;
        now.rate_wpm = (int)lround(clamp(now.rate_wpm * missing(aim->rate_syl_s, got.rate_syl_s), STY_RATE_LEAST, STY_RATE_MOST));
        if (!(got.f0_hz > 0)) break;
    }
    return STY_OK;
}

static sty_status search(sty_engine *engine, const sty_fit_request *request, sty_fit *fit, sty_speech *speech, sty_err *err) {
    int low, high;
    point p = {STY_PITCH_OWN, STY_RANGE_OWN, STY_RATE_OWN};
    sty_manner got = fit->own, aim = fit->goal;
    /* the voice's own range is aimed at as it is */
    if (!equal(aim.range_st, fit->own.range_st))
        aim.range_st = sty_fit_range(aim.range_st, sty_engine_melody(engine, &low, &high) ? STY_RANGE_WIDEST_ST : most_range(&fit->own));
    fit->settings = settings_of(&p);
    for (int round = 0; round < MOST_ROUNDS && distance(&aim, &fit->got) > 0.02; round++) {
        const sty_engine_settings before = settings_of(&p);
        correct(&p, &aim, &got);
        const sty_engine_settings now = settings_of(&p);
        if (same_settings(&before, &now)) break;
        STY_TRY(attempt(engine, request, &now, &aim, fit, &got, speech, err));
    }
    fit->on_scales = fit->settings;
    return widen(engine, request, &aim, fit, speech, err);
}

/* ---- level ---- */

/* Only where peaks would clip is anything but the gain applied. */
static double rounded_off(double v, bool limit) {
    const double a = fabs(v);
    return !limit || a <= KNEE ? v : copysign(KNEE + (CEILING - KNEE) * tanh((a - KNEE) / (CEILING - KNEE)), v);
}

/* The gain whose result has the level; peaks that are rounded off take some of it away again. */
static sty_status find_gain(const float *x, size_t n, int rate_hz, sty_fit *fit, sty_err *err) {
    double peak = 0, level;
    float *y = sty_alloc(n, sizeof *y);
    if (!y) return sty_err_no_memory(err, n * sizeof *y, "the speech");
    sty_status status = sty_manner_level(x, n, rate_hz, &level, err);
    for (size_t i = 0; i < n; i++)
        peak = fmax(peak, fabs((double)x[i]));
    const double most = 20 * log10(CEILING / fmax(peak, 1e-9));
    fit->gain_db = 0;
    for (int round = 0; status == STY_OK && round < GAIN_ROUNDS && fabs(fit->goal.level_dbfs - level) > 0.02; round++) {
        fit->gain_db = fmin(fit->gain_db + fit->goal.level_dbfs - level, most + MOST_EXCESS_DB);
        fit->limited = fit->gain_db > most;
        for (size_t i = 0; i < n; i++)
            y[i] = (float)rounded_off((double)x[i] * pow(10, fit->gain_db / 20), fit->limited);
        status = sty_manner_level(y, n, rate_hz, &level, err);
    }
    sty_free(y);
    return status;
}

static sty_status set_level(sty_speech *speech, sty_fit *fit, sty_err *err) {
    if (isnan(fit->goal.level_dbfs)) return STY_OK;
    float *x = to_float(speech, err);
    if (!x) return STY_OUT_OF_MEMORY;
    const sty_status status = find_gain(x, speech->n, speech->rate_hz, fit, err);
    const double gain = pow(10, fit->gain_db / 20);
    for (size_t i = 0; status == STY_OK && i < speech->n; i++)
        speech->samples[i] = (short)lround(clamp(rounded_off((double)x[i] * gain, fit->limited) * 32768, -32768, 32767));
    sty_free(x);
    return status;
}

/* ---- together ---- */

static bool is_own(const sty_fit *f) {
    return equal(f->goal.f0_hz, f->own.f0_hz) && equal(f->goal.range_st, f->own.range_st) &&
           equal(f->goal.rate_syl_s, f->own.rate_syl_s) && equal(f->goal.level_dbfs, f->own.level_dbfs);
}

sty_status sty_fit_speak(sty_engine *engine, const sty_fit_request *request, sty_speech *speech, sty_fit *fit, sty_err *err) {
    memset(fit, 0, sizeof *fit);
    STY_TRY(sty_engine_say(engine, request->text, false, NULL, 0, speech, err));
    STY_TRY(measure(speech, request->by_time, &fit->own, err));
    fit->goal = sty_fit_goal(&fit->own, request->reference, request->strength, request->change);
    fit->settings = (sty_engine_settings){STY_PITCH_OWN, STY_RANGE_OWN, STY_RATE_OWN, 0, 0};
    fit->on_scales = fit->settings;
    fit->got = fit->own;
    if (is_own(fit)) return STY_OK;
    STY_TRY(search(engine, request, fit, speech, err));
    STY_TRY(sty_engine_say(engine, request->text, false, &fit->settings, 0, speech, err));
    STY_TRY(set_level(speech, fit, err));
    return measure(speech, request->by_time, &fit->got, err);
}
