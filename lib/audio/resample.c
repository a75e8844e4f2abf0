/* resample.c - soxr HQ over a whole clip. */
#include "audio/resample.h"

#include <soxr.h>
#include <string.h>

struct sty_resampler {
    soxr_t soxr;
    int in_hz, out_hz;
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

sty_status sty_resampler_run(sty_resampler *resampler, const float *x, size_t n, float *out,
                             sty_err *err) {
    const size_t length = sty_resample_length(n, resampler->in_hz, resampler->out_hz);
    size_t used = 0, made = 0, done;
    soxr_error_t error = soxr_clear(resampler->soxr);
    while (!error && used < n) {
        size_t taken = 0;
        error = soxr_process(resampler->soxr, x + used, n - used, &taken, out + made,
                             length - made, &done);
        used += taken;
        made += done;
        if (taken == 0 && done == 0) break;
    }
    while (!error && made < length) {
        error = soxr_process(resampler->soxr, NULL, 0, NULL, out + made, length - made, &done);
        if (done == 0) break;
        made += done;
    }
    if (error) return sty_err_set(err, STY_INTERNAL, "resampling failed: %s", error);
    memset(out + made, 0, (length - made) * sizeof *out);
    return STY_OK;
}
