/* front_end_params.c - the table of the `front_end` section and its checks. */
#include "audio/front_end.h"
#include "audio/stft.h"
#include "audio/wave.h"

#include <math.h>

static const char *const channel_rules[] = {"mean", "first", "error", NULL};
static const char *const resample_rules[] = {"convert", "error", NULL};
static const char *const steps[] = {"cut", "trim", "level", "pre_emphasis", "clip", "pad", NULL};
static const char *const pad_modes[] = {"constant", "reflect", NULL};
static const char *const levels[] = {"none", "peak", "rms", "min_max", "soft_peak", NULL};
static const char *const features[] = {"mel", "linear", NULL};
static const char *const windows[] = {"hann", "hamming", "blackman", "rectangular", NULL};
static const char *const paddings[] = {"none", "center", "hifigan", NULL};
static const char *const eps_rules[] = {"add", "clamp", NULL};
static const char *const mel_scales[] = {"slaney", "htk", NULL};
static const char *const mel_norms[] = {"none", "slaney", NULL};
static const char *const logs[] = {"none", "ln", "log10", NULL};
static const char *const floor_rules[] = {"clamp", "add", NULL};
static const char *const last_frames[] = {"keep", "drop", "drop_if_exact", NULL};

#define AT(field) .name = #field, .offset = offsetof(sty_front_end_params, field)
#define INTEGER(field, from, to, value, text)                                                      \
    {AT(field), .kind = STY_PARAM_INT, .low = from, .high = to, .initial = value, .help = text}
#define INTEGER_OR_NONE(field, from, to, text)                                                     \
    {AT(field), .kind = STY_PARAM_INT, .low = from, .high = to, .initial = "none", .none = true,   \
     .help = text}
#define NUMBER(field, from, to, value, text)                                                       \
    {AT(field), .kind = STY_PARAM_NUMBER, .low = from, .high = to, .initial = value, .help = text}
#define NUMBER_OR_NONE(field, from, to, text)                                                      \
    {AT(field), .kind = STY_PARAM_NUMBER, .low = from, .high = to, .initial = "none",              \
     .none = true, .help = text}
#define CHOICE(field, list, value, text)                                                           \
    {AT(field), .kind = STY_PARAM_CHOICE, .choices = list, .initial = value, .help = text}
#define FLAG(field, value, text)                                                                   \
    {AT(field), .kind = STY_PARAM_BOOL, .initial = value, .help = text}
#define NAME(field, text)                                                                          \
    {AT(field), .kind = STY_PARAM_NAME, .initial = "", .help = text}

const sty_param sty_front_end_table[] = {
    INTEGER(sample_rate, 1000, 768000, NULL, "rate of the samples in Hz"),
    CHOICE(channels, channel_rules, "mean", "what to do with several channels"),
    CHOICE(resample, resample_rules, "convert", "what to do with another rate"),
    NUMBER(input_gain, 1e-9, 1e9, "1", "factor on the samples"),
    {AT(order), .kind = STY_PARAM_ORDER, .choices = steps,
     .initial = "cut,trim,level,pre_emphasis,clip,pad", .help = "order of the sample steps"},
    NUMBER(cut_head_ms, 0, 1e7, "0", "dropped from the beginning"),
    NUMBER(cut_tail_ms, 0, 1e7, "0", "dropped from the end"),
    NUMBER_OR_NONE(trim, 0.001, 300, "dB below the loudest frame at which ends are cut"),
    INTEGER(trim_frame_length, 1, 1 << 20, "2048", "samples of a frame of trim"),
    INTEGER(trim_hop_length, 1, 1 << 20, "512", "samples between frames of trim"),
    CHOICE(trim_padding, pad_modes, "constant", "what trim's frames see beyond the ends"),
    CHOICE(level, levels, "none", "level rule"),
    NUMBER(level_target, -300, 1e6, "1", "peak, dBFS or largest divisor"),
    NUMBER(pre_emphasis, -1, 1, "0", "coefficient c of y[n] = x[n] - c x[n-1]"),
    FLAG(clip, "false", "samples to [-1, 1]"),
    INTEGER(pad_samples, 0, 1 << 24, "0", "zeros added at each end"),
    CHOICE(feature, features, "mel", "mel or the spectrum itself"),
    INTEGER(n_fft, 16, 65536, "1024", "samples of the transform"),
    INTEGER(hop_length, 1, 65536, "256", "samples between frames"),
    INTEGER_OR_NONE(win_length, 1, 65536, "samples of the window; none = n_fft"),
    CHOICE(window, windows, "hann", "window kind"),
    FLAG(window_periodic, "true", "periodic, else symmetric"),
    CHOICE(padding, paddings, "center", "samples added at each end for the frames"),
    CHOICE(pad_mode, pad_modes, "reflect", "what the added samples are"),
    INTEGER(power, 1, 2, "1", "exponent of the magnitude"),
    NUMBER(magnitude_eps, 0, 1, "0", "guard of the square root"),
    CHOICE(magnitude_eps_rule, eps_rules, "add", "how the guard enters"),
    INTEGER(first_bin, 0, 32768, "0", "first bin of the linear spectrum"),
    INTEGER_OR_NONE(n_bins, 1, 32769, "bins of the linear spectrum; none = to the end"),
    INTEGER(n_mels, 1, 4096, "80", "mel filters"),
    NUMBER(fmin, 0, 384000, "0", "lowest frequency in Hz"),
    NUMBER_OR_NONE(fmax, 1, 384000, "highest frequency in Hz; none = half the rate"),
    CHOICE(mel_scale, mel_scales, "slaney", "mel scale"),
    CHOICE(mel_norm, mel_norms, "slaney", "scaling of the filters"),
    INTEGER_OR_NONE(mel_sample_rate, 1000, 768000, "rate the filters are designed for"),
    CHOICE(log, logs, "none", "logarithm"),
    NUMBER(log_gain, -1e6, 1e6, "1", "factor after the logarithm"),
    NUMBER(log_floor, 1e-37, 1e6, "1e-5", "guard of the logarithm"),
    CHOICE(log_floor_rule, floor_rules, "clamp", "how the guard enters"),
    NUMBER_OR_NONE(log_ceiling, 1e-37, 1e30, "largest value before the logarithm"),
    NUMBER(range_ref, -1e6, 1e6, "0", "subtracted before the range map"),
    NUMBER_OR_NONE(range_min, -1e6, -1e-6, "value that becomes 0; switches the range map on"),
    NUMBER(range_max, 1e-6, 1e6, "1", "upper end of the range"),
    FLAG(range_symmetric, "false", "the range is -range_max to range_max"),
    NUMBER(mean, -1e9, 1e9, "0", "subtracted"),
    NUMBER(std, 1e-20, 1e9, "1", "divided by"),
    NAME(mean_tensor, "tensor [F], subtracted"),
    NAME(std_tensor, "tensor [F], divided by"),
    NUMBER_OR_NONE(clip_low, -1e9, 1e9, "smallest feature value"),
    NUMBER_OR_NONE(clip_high, -1e9, 1e9, "largest feature value"),
    CHOICE(last_frame, last_frames, "keep", "rule for the last frame"),
    INTEGER(frame_multiple, 1, 4096, "1", "frames are added up to a multiple of this"),
    NUMBER(frame_pad_value, -1e9, 1e9, "0", "value of added frames"),
};

const size_t sty_n_front_end_params = STY_COUNT(sty_front_end_table);

sty_status sty_front_end_check(const sty_front_end_params *p, sty_err *err) {
    const int n_bins = p->n_fft / 2 + 1;
    const double half = (p->mel_sample_rate == STY_NONE ? p->sample_rate : p->mel_sample_rate) / 2.0;
    const double fmax = isnan(p->fmax) ? half : p->fmax;
    if (!sty_stft_size_ok((size_t)p->n_fft))
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'n_fft' is %d, expected an even number from 16 to 65536 without prime "
                           "factors above 7",
                           p->n_fft);
    if (p->win_length != STY_NONE && p->win_length > p->n_fft)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'win_length' is %d, expected at most n_fft = %d",
                           p->win_length, p->n_fft);
    if (p->padding == 2 && p->hop_length > p->n_fft)
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'hop_length' is %d, expected at most n_fft = %d with padding hifigan",
                           p->hop_length, p->n_fft);
    if (p->feature == 0) {
        if (fmax > half)
            return sty_err_set(err, STY_BAD_ARGUMENT,
                               "'fmax' is %g, expected at most half the rate, %g", fmax, half);
        if (p->fmin >= fmax)
            return sty_err_set(err, STY_BAD_ARGUMENT, "'fmin' is %g, expected less than fmax = %g",
                               p->fmin, fmax);
        if (p->n_mels > n_bins)
            return sty_err_set(err, STY_BAD_ARGUMENT,
                               "'n_mels' is %d, expected at most the %d bins of the transform",
                               p->n_mels, n_bins);
    } else {
        const int count = p->n_bins == STY_NONE ? 1 : p->n_bins;
        if (p->first_bin + count > n_bins)
            return sty_err_set(err, STY_BAD_ARGUMENT,
                               "'first_bin' + 'n_bins' is %d, expected at most the %d bins of the "
                               "transform",
                               p->first_bin + count, n_bins);
    }
    if (p->level == STY_LEVEL_PEAK && p->level_target <= 0)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'level_target' is %g, expected more than 0",
                           p->level_target);
    if (!isnan(p->clip_low) && !isnan(p->clip_high) && p->clip_low > p->clip_high)
        return sty_err_set(err, STY_BAD_ARGUMENT,
                           "'clip_low' is %g, expected at most clip_high = %g", p->clip_low,
                           p->clip_high);
    return STY_OK;
}

size_t sty_front_end_width(const sty_front_end_params *p) {
    if (p->feature == 0) return (size_t)p->n_mels;
    return p->n_bins == STY_NONE ? (size_t)(p->n_fft / 2 + 1 - p->first_bin) : (size_t)p->n_bins;
}
