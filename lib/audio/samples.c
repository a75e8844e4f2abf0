/* samples.c - levels of samples, each read from the one below. See samples.h. */
#include "audio/samples.h"

#include "audio/front_end_plan.h"
#include "audio/resample.h"

#include <math.h>
#include <string.h>

/* Level 0: one channel at the rate; then the gain, the steps in their order, and the
 * zeros behind clips that are too short. */
enum { SOURCE, GAIN, FIRST_STEP, LENGTHEN = FIRST_STEP + STY_N_STEPS, N_LEVELS };
enum { TRIM_HOPS = 64, MEASURED = 4096 };

typedef struct {
    size_t n, at;      /* samples it gives; read so far */
    size_t begin;      /* of a cut: samples left out at the start */
    size_t before;     /* zeros at the start */
    sty_wave_range range;
    float previous;    /* sample of the level below */
} level;

/* A float buffer that only grows. */
typedef struct {
    float *data;
    size_t capacity;
} grown;

struct sty_samples {
    const sty_front_end_params *params;
    const sty_clip *clip;
    level levels[N_LEVELS];
    int base;           /* level that lies in memory whole, or -1 */
    const float *whole; /* [levels[base].n] */
    grown held[2];      /* whole levels in turn */
    int next_held;
    grown window, sums, mixed;
    size_t window_first, window_n;
    bool resampling;
    sty_resampler *resampler;
    size_t clip_at;     /* frames of the clip read so far */
    const float *block; /* of those, one channel, not yet used */
    size_t n_block;
    sty_stage_fn stage;
    void *stage_context;
};

sty_status sty_samples_create(const sty_front_end_params *params, sty_samples **samples, sty_err *err) {
    sty_samples *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "samples");
    made->params = params;
    *samples = made;
    return STY_OK;
}

void sty_samples_free(sty_samples *s) {
    if (!s) return;
    sty_free(s->held[0].data);
    sty_free(s->held[1].data);
    sty_free(s->window.data);
    sty_free(s->sums.data);
    sty_free(s->mixed.data);
    sty_resampler_free(s->resampler);
    sty_free(s);
}

void sty_samples_watch(sty_samples *s, sty_stage_fn stage, void *context) {
    s->stage = stage;
    s->stage_context = context;
}

/* Room for n floats, the first `kept` of which stay. */
static sty_status grow(grown *buffer, size_t n, size_t kept, sty_err *err) {
    size_t n_bytes;
    if (n <= buffer->capacity) return STY_OK;
    if (!sty_mul(n, sizeof(float), &n_bytes)) return sty_err_no_memory(err, SIZE_MAX, "samples");
    float *data = sty_resize(kept ? buffer->data : NULL, kept * sizeof *data, n_bytes);
    if (!data) return sty_err_no_memory(err, n_bytes, "samples");
    if (!kept) sty_free(buffer->data);
    buffer->data = data;
    buffer->capacity = n;
    return STY_OK;
}

/* ---- the source ---- */

/* The clip's next frames as one channel; *n 0: there are none. */
static sty_status next_block(void *context, const float **x, size_t *n, sty_err *err) {
    sty_samples *s = context;
    const int c = s->clip->info.n_channels;
    const float *raw;
    STY_TRY(sty_clip_block(s->clip, s->clip_at, &raw, n, err));
    s->clip_at += *n;
    *x = raw;
    if (c == 1 || *n == 0) return STY_OK;
    STY_TRY(grow(&s->mixed, *n, 0, err));
    float *to = s->mixed.data;
    if (s->params->channels == CHANNELS_FIRST)
        for (size_t i = 0; i < *n; i++)
            to[i] = raw[i * (size_t)c];
    else sty_wave_mix(raw, *n, c, to);
    *x = to;
    return STY_OK;
}

static sty_status read_source(sty_samples *s, float *to, size_t n, sty_err *err) {
    if (s->resampling) return sty_resampler_read(s->resampler, next_block, s, to, n, err);
    while (n > 0) {
        if (s->n_block == 0) STY_TRY(next_block(s, &s->block, &s->n_block, err));
        const size_t m = n < s->n_block ? n : s->n_block;
        if (m == 0) return sty_err_set(err, STY_TRUNCATED, "%zu samples are missing", n);
        memcpy(to, s->block, m * sizeof *to);
        to += m;
        n -= m;
        s->block += m;
        s->n_block -= m;
    }
    return STY_OK;
}

static sty_status open_source(sty_samples *s, sty_err *err) {
    const sty_front_end_params *p = s->params;
    const sty_clip_info *clip = &s->clip->info;
    if (clip->n_channels != 1 && p->channels == CHANNELS_ERROR)
        return sty_err_set(err, STY_BAD_CHANNELS, "the clip has %d channels, the model wants one", clip->n_channels);
    const bool same = clip->rate_hz == p->sample_rate;
    if (!same && p->resample == RESAMPLE_ERROR)
        return sty_err_set(err, STY_BAD_RATE, "the clip has %d Hz, the model wants %d Hz", clip->rate_hz, p->sample_rate);
    if (!same && s->resampler && sty_resampler_in_hz(s->resampler) != clip->rate_hz) {
        sty_resampler_free(s->resampler);
        s->resampler = NULL;
    }
    if (!same && !s->resampler) STY_TRY(sty_resampler_create(clip->rate_hz, p->sample_rate, &s->resampler, err));
    s->resampling = !same;
    s->levels[SOURCE].n = same ? clip->n_frames : sty_resample_length(clip->n_frames, clip->rate_hz, p->sample_rate);
    s->base = -1;
    if (same && clip->n_channels == 1 && s->clip->samples) {
        s->base = SOURCE;
        s->whole = s->clip->samples;
    }
    return STY_OK;
}

/* ---- levels ---- */

static int step_of(const sty_samples *s, int l) {
    return l >= FIRST_STEP && l < LENGTHEN ? s->params->order[l - FIRST_STEP] : -1;
}

/* True when a level changes samples; leaving some out at the ends is no change. */
static bool changes(const sty_samples *s, int l) {
    const sty_front_end_params *p = s->params;
    switch (step_of(s, l)) {
    case STY_STEP_CUT:
    case STY_STEP_TRIM: return false;
    case STY_STEP_LEVEL: return p->level != STY_LEVEL_NONE;
    case STY_STEP_PRE_EMPHASIS: return (float)p->pre_emphasis != 0;
    case STY_STEP_CLIP: return p->clip;
    case STY_STEP_PAD: return p->pad_samples != 0;
    default: return l == SOURCE || (l == GAIN ? p->input_gain != 1 : s->levels[l].n != s->levels[l - 1].n);
    }
}

static sty_status read_level(sty_samples *s, int l, float *to, size_t n, sty_err *err);

/* Of the level below, samples that are left out. */
static sty_status skip(sty_samples *s, int l, size_t n, float *room, size_t n_room, sty_err *err) {
    while (n > 0) {
        const size_t m = n < n_room ? n : n_room;
        STY_TRY(read_level(s, l - 1, room, m, err));
        n -= m;
    }
    return STY_OK;
}

/* n samples of the level below with zeros around them. */
static sty_status read_padded(sty_samples *s, int l, float *to, size_t n, sty_err *err) {
    const level *own = &s->levels[l];
    const size_t end = own->before + s->levels[l - 1].n, at = own->at;
    for (size_t i = 0; i < n;) {
        const size_t here = at + i;
        const size_t stop = here < own->before ? own->before : here < end ? end : own->n;
        const size_t m = n - i < stop - here ? n - i : stop - here;
        if (here >= own->before && here < end) STY_TRY(read_level(s, l - 1, to + i, m, err));
        else memset(to + i, 0, m * sizeof *to);
        i += m;
    }
    return STY_OK;
}

static void change(const sty_samples *s, int l, float *x, size_t n) {
    const sty_front_end_params *p = s->params;
    const level *own = &s->levels[l];
    const int step = step_of(s, l);
    if (l == GAIN)
        for (size_t i = 0; i < n; i++)
            x[i] *= (float)p->input_gain;
    if (step == STY_STEP_LEVEL) sty_wave_level(x, n, (sty_level)p->level, p->level_target, &own->range);
    if (step == STY_STEP_PRE_EMPHASIS) sty_wave_pre_emphasis(x, n, (float)p->pre_emphasis, own->previous, x);
    if (step == STY_STEP_CLIP) sty_wave_clip(x, n, -1.0f, 1.0f);
}

/* The next n samples of a level; the caller knows that there are so many. */
static sty_status read_level(sty_samples *s, int l, float *to, size_t n, sty_err *err) {
    level *own = &s->levels[l];
    if (n == 0) return STY_OK;
    if (l == s->base) memcpy(to, s->whole + own->at, n * sizeof *to);
    else if (l == SOURCE) STY_TRY(read_source(s, to, n, err));
    else if (step_of(s, l) == STY_STEP_PAD || l == LENGTHEN) STY_TRY(read_padded(s, l, to, n, err));
    else {
        if (own->at == 0 && own->begin) STY_TRY(skip(s, l, own->begin, to, n, err));
        STY_TRY(read_level(s, l - 1, to, n, err));
        const float last = to[n - 1];
        if (changes(s, l)) change(s, l, to, n);
        own->previous = last;
    }
    own->at += n;
    return STY_OK;
}

/* Every level from its start again. */
static sty_status rewind_all(sty_samples *s, sty_err *err) {
    for (int l = 0; l < N_LEVELS; l++) {
        s->levels[l].at = 0;
        s->levels[l].previous = 0;
    }
    s->clip_at = s->n_block = s->window_first = s->window_n = 0;
    return s->resampling ? sty_resampler_restart(s->resampler, err) : STY_OK;
}

/* Where a level lies in memory without being copied, or NULL. */
static const float *in_place(const sty_samples *s, int l) {
    if (l == s->base) return s->whole;
    if (l <= s->base || l == SOURCE || changes(s, l)) return NULL;
    const float *below = in_place(s, l - 1);
    return below ? below + s->levels[l].begin : NULL;
}

/* Puts a whole level into memory. */
static sty_status hold(sty_samples *s, int l, sty_err *err) {
    const float *there = in_place(s, l);
    if (!there) {
        grown *to = &s->held[s->next_held];
        STY_TRY(grow(to, s->levels[l].n + STY_RESAMPLE_SLACK, 0, err));
        STY_TRY(rewind_all(s, err));
        STY_TRY(read_level(s, l, to->data, s->levels[l].n, err));
        s->next_held = !s->next_held;
        there = to->data;
    }
    s->base = l;
    s->whole = there;
    return STY_OK;
}

/* ---- windows ---- */

static sty_status window(sty_samples *s, int l, size_t begin, size_t end, const float **x, size_t *first, sty_err *err) {
    if (end > s->levels[l].n) end = s->levels[l].n;
    if (l == s->base) {
        *x = s->whole;
        *first = 0;
        return STY_OK;
    }
    if (begin > s->window_first) {
        const size_t gone = begin - s->window_first < s->window_n ? begin - s->window_first : s->window_n;
        memmove(s->window.data, s->window.data + gone, (s->window_n - gone) * sizeof *s->window.data);
        s->window_first += gone;
        s->window_n -= gone;
    }
    const size_t there = s->window_first + s->window_n, more = end > there ? end - there : 0;
    STY_TRY(grow(&s->window, s->window_n + more + STY_RESAMPLE_SLACK, s->window_n, err));
    STY_TRY(read_level(s, l, s->window.data + s->window_n, more, err));
    s->window_n += more;
    *x = s->window.data;
    *first = s->window_first;
    return STY_OK;
}

sty_status sty_samples_window(sty_samples *s, size_t begin, size_t end, const float **x, size_t *first, sty_err *err) {
    return window(s, LENGTHEN, begin, end, x, first, err);
}

/* ---- opening ---- */

static sty_status find_trim(sty_samples *s, int l, sty_err *err) {
    const sty_front_end_params *p = s->params;
    const sty_wave_trim_rule rule = {.top_db = p->trim,
                                     .frame = (size_t)p->trim_frame_length,
                                     .hop = (size_t)p->trim_hop_length,
                                     .reflected = p->trim_padding == PAD_REFLECT};
    const size_t n = s->levels[l - 1].n, n_sums = sty_wave_trim_hops(n, &rule), around = 2 * rule.frame + 4 * rule.hop;
    size_t end, first;
    const float *x;
    STY_TRY(grow(&s->sums, 4 * n_sums, 0, err)); /* two doubles each */
    double *sums = (double *)(void *)s->sums.data;
    STY_TRY(rewind_all(s, err));
    for (size_t i = 0; i < n_sums; i += TRIM_HOPS) {
        const size_t to = n_sums - i < TRIM_HOPS ? n_sums : i + TRIM_HOPS;
        const size_t begin = i * rule.hop > around ? i * rule.hop - around : 0;
        STY_TRY(window(s, l - 1, begin, to * rule.hop + around, &x, &first, err));
        sty_wave_trim_sums(x, first, n, &rule, i, to, sums);
    }
    sty_wave_trim_bounds(sums, n, &rule, &s->levels[l].begin, &end);
    s->levels[l].n = end - s->levels[l].begin;
    return STY_OK;
}

static sty_status find_range(sty_samples *s, int l, sty_err *err) {
    sty_wave_range *range = &s->levels[l].range;
    const size_t n = s->levels[l - 1].n;
    *range = STY_WAVE_NOTHING;
    STY_TRY(rewind_all(s, err));
    for (size_t i = 0; i < n; i += MEASURED) {
        const size_t end = n - i < MEASURED ? n : i + MEASURED;
        const float *x;
        size_t first;
        STY_TRY(window(s, l - 1, i, end, &x, &first, err));
        sty_wave_measure(x + (i - first), end - i, range);
    }
    return STY_OK;
}

/* Lengths, and what must be known of all samples below before any can be read. */
static sty_status open_level(sty_samples *s, int l, sty_err *err) {
    const sty_front_end_params *p = s->params;
    level *own = &s->levels[l];
    const size_t n = s->levels[l - 1].n, pad = (size_t)p->pad_samples;
    *own = (level){.n = n};
    const bool held = s->clip->samples || s->stage;
    switch (step_of(s, l)) {
    case STY_STEP_CUT: {
        const size_t head = (size_t)(p->cut_head_ms * p->sample_rate / 1000.0);
        const size_t tail = (size_t)(p->cut_tail_ms * p->sample_rate / 1000.0);
        const size_t end = tail < n ? n - tail : 0;
        own->begin = head < end ? head : end;
        own->n = end - own->begin;
        return STY_OK;
    }
    case STY_STEP_TRIM:
        if (isnan(p->trim) || n == 0) return STY_OK;
        if (held) STY_TRY(hold(s, l - 1, err));
        return find_trim(s, l, err);
    case STY_STEP_LEVEL:
        if (!changes(s, l)) return STY_OK;
        if (held) STY_TRY(hold(s, l - 1, err));
        return find_range(s, l, err);
    case STY_STEP_PAD:
        if (!sty_add(n, 2 * pad, &own->n)) return sty_err_no_memory(err, SIZE_MAX, "samples");
        own->before = pad;
        return STY_OK;
    default: return STY_OK;
    }
}

static sty_status show(sty_samples *s, int l, sty_err *err) {
    const char *const *names = sty_params_find(sty_front_end_table, sty_n_front_end_params, "order")->choices;
    if (!s->stage) return STY_OK;
    STY_TRY(hold(s, l, err));
    if (l != GAIN)
        s->stage(s->stage_context, l == SOURCE ? "samples" : names[step_of(s, l)], s->whole, 1, &s->levels[l].n);
    return STY_OK;
}

sty_status sty_samples_open(sty_samples *s, const sty_clip *clip, size_t least, size_t *n, size_t *n_padded, sty_err *err) {
    s->clip = clip;
    s->levels[SOURCE] = (level){.n = 0};
    STY_TRY(open_source(s, err));
    STY_TRY(show(s, SOURCE, err));
    for (int l = GAIN; l < LENGTHEN; l++) {
        STY_TRY(open_level(s, l, err));
        STY_TRY(show(s, l, err));
    }
    level *last = &s->levels[LENGTHEN];
    *last = (level){.n = s->levels[LENGTHEN - 1].n};
    *n_padded = last->n > 0 && last->n < least ? least - last->n : 0;
    *n = last->n += *n_padded;
    if (s->clip->samples || s->stage) STY_TRY(hold(s, LENGTHEN, err));
    return rewind_all(s, err);
}
