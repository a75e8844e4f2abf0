/* stft.c - window, kiss_fftr, squared magnitude, one frame after another. */
#include "audio/stft.h"

#include <kiss_fftr.h>
#include <string.h>

struct sty_stft {
    size_t n_fft;
    kiss_fftr_cfg plan;
    float *window;         /* [n_fft] */
    float *frame;          /* [n_fft] */
    kiss_fft_cpx *spectrum; /* [n_fft / 2 + 1] */
};

bool sty_stft_size_ok(size_t n_fft) {
    if (n_fft < 16 || n_fft > 65536 || n_fft % 2 != 0) return false;
    for (size_t prime = 2; prime <= 7; prime++)
        while (n_fft % prime == 0)
            n_fft /= prime;
    return n_fft == 1;
}

sty_status sty_stft_create(size_t n_fft, const float *window, sty_stft **stft, sty_err *err) {
    sty_assert(sty_stft_size_ok(n_fft));
    sty_stft *made = sty_alloc(1, sizeof *made);
    if (!made) return sty_err_no_memory(err, sizeof *made, "a transform");
    size_t plan_bytes = 0;
    kiss_fftr_alloc((int)n_fft, 0, NULL, &plan_bytes);
    made->n_fft = n_fft;
    made->plan = sty_alloc(plan_bytes, 1);
    made->window = sty_alloc(n_fft, sizeof *made->window);
    made->frame = sty_alloc(n_fft, sizeof *made->frame);
    made->spectrum = sty_alloc(n_fft / 2 + 1, sizeof *made->spectrum);
    if (!made->plan || !made->window || !made->frame || !made->spectrum) {
        sty_stft_free(made);
        return sty_err_no_memory(err, plan_bytes, "a transform");
    }
    kiss_fftr_cfg plan = kiss_fftr_alloc((int)n_fft, 0, made->plan, &plan_bytes);
    sty_assert(plan == made->plan);
    memcpy(made->window, window, n_fft * sizeof *window);
    *stft = made;
    return STY_OK;
}

void sty_stft_free(sty_stft *stft) {
    if (!stft) return;
    sty_free(stft->plan);
    sty_free(stft->window);
    sty_free(stft->frame);
    sty_free(stft->spectrum);
    sty_free(stft);
}

void sty_stft_power(sty_stft *stft, const float *x, size_t hop, size_t n_frames, float *power) {
    const size_t n_bins = stft->n_fft / 2 + 1;
    for (size_t i = 0; i < n_frames; i++, x += hop, power += n_bins) {
        for (size_t j = 0; j < stft->n_fft; j++)
            stft->frame[j] = x[j] * stft->window[j];
        kiss_fftr(stft->plan, stft->frame, stft->spectrum);
        for (size_t k = 0; k < n_bins; k++)
            power[k] = stft->spectrum[k].r * stft->spectrum[k].r +
                       stft->spectrum[k].i * stft->spectrum[k].i;
    }
}
