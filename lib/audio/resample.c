/* resample.c - soxr HQ, fed piece by piece: a clip of any length takes the same memory. */
#include "audio/resample.h"

#include <soxr.h>
#include <string.h>

enum { PIECE = 4096 };

struct sty_resampler {
    soxr_t soxr;
    int in_hz, out_hz;
    const float *held; /* input not yet taken */
    size_t n_held;
    bool ended, dry;   /* no more input; no more output */
};

size_t sty_resample_length(size_t n, int in_hz, int out_hz) {
    size_t product;
    if (!sty_mul(n, (size_t)out_hz, &product)) return SIZE_MAX;
    return (product + (size_t)in_hz - 1) / (size_t)in_hz;
}

sty_status sty_resampler_create(int in_hz, int out_hz, sty_resampler **resampler, sty_err *err) {
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t error = NULL;
    sty_resampler *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a resampler");
    made->in_hz = in_hz;
    made->out_hz = out_hz;
    made->soxr = soxr_create(in_hz, out_hz, 1, &error, NULL, &quality, &runtime);
    if (error || !made->soxr) {
        sty_free(made);
        return sty_err_set(err, STY_OUT_OF_MEMORY, "cannot resample %d Hz to %d Hz: %s", in_hz,
                           out_hz, error ? error : "soxr failed");
    }
    *resampler = made;
    return STY_OK;
}

void sty_resampler_free(sty_resampler *resampler) {
    if (!resampler) return;
    soxr_delete(resampler->soxr);
    sty_free(resampler);
}

int sty_resampler_in_hz(const sty_resampler *resampler) { return resampler->in_hz; }

sty_status sty_resampler_restart(sty_resampler *r, sty_err *err) {
    const soxr_error_t error = soxr_clear(r->soxr);
    r->n_held = 0;
    r->ended = r->dry = false;
    return error ? sty_err_set(err, STY_INTERNAL, "resampling failed: %s", error) : STY_OK;
}

/* One call of soxr: *done samples into out. */
static sty_status step(sty_resampler *r, float *out, size_t n, size_t *done, sty_err *err) {
    size_t taken = 0;
    const soxr_error_t error = soxr_process(r->soxr, r->ended ? NULL : r->held, r->ended ? 0 : r->n_held, &taken, out, n, done);
    if (error) return sty_err_set(err, STY_INTERNAL, "resampling failed: %s", error);
    r->dry = r->ended && *done == 0;
    if (r->ended) return STY_OK;
    r->held += taken;
    r->n_held -= taken;
    if (taken == 0 && *done == 0) r->ended = true; /* it takes no more */
    return STY_OK;
}

sty_status sty_resampler_read(sty_resampler *r, sty_resampler_source source, void *context, float *out, size_t n,
                              sty_err *err) {
    while (n > 0 && !r->dry) {
        size_t done = 0;
        if (!r->ended && r->n_held == 0) {
            STY_TRY(source(context, &r->held, &r->n_held, err));
            r->ended = r->n_held == 0;
        }
        STY_TRY(step(r, out, n, &done, err));
        out += done;
        n -= done;
    }
    memset(out, 0, n * sizeof *out);
    return STY_OK;
}

/* A signal in memory as pieces. */
typedef struct {
    const float *x;
    size_t n;
} pieces;

static sty_status next_piece(void *context, const float **x, size_t *n, sty_err *err) {
    pieces *p = context;
    (void)err;
    *x = p->x;
    *n = p->n < PIECE ? p->n : PIECE;
    p->x += *n;
    p->n -= *n;
    return STY_OK;
}

sty_status sty_resampler_run(sty_resampler *resampler, const float *x, size_t n, float *out,
                             sty_err *err) {
    pieces all = {x, n};
    STY_TRY(sty_resampler_restart(resampler, err));
    return sty_resampler_read(resampler, next_piece, &all, out, sty_resample_length(n, resampler->in_hz, resampler->out_hz), err);
}
