/* front_end_preset.c - named front ends, as texts over the parameter table, and
 * single values from text. What a preset leaves out has the table's default. */
#include "audio/front_end.h"

#include <string.h>

typedef struct {
    const char *name, *description;
    const char *const *values;
} preset;

/* librosa.feature.melspectrogram() as it stands since 0.10: power, no logarithm. */
static const char *const librosa[] = {"sample_rate=22050", "n_fft=2048",    "hop_length=512",
                                      "pad_mode=constant", "power=2",       "n_mels=128",
                                      "mel_scale=slaney",  "mel_norm=slaney", NULL};

/* NVIDIA/tacotron2 layers.TacotronSTFT with the published hyperparameters. */
static const char *const tacotron2[] = {"sample_rate=22050", "n_fft=1024", "hop_length=256",
                                        "n_mels=80", "fmax=8000", "log=ln", "log_floor=1e-5", NULL};

/* jik876/hifi-gan meldataset.mel_spectrogram with config_v1. */
static const char *const hifigan[] = {"sample_rate=22050", "n_fft=1024", "hop_length=256",
                                      "padding=hifigan", "magnitude_eps=1e-9", "n_mels=80",
                                      "fmax=8000", "log=ln", "log_floor=1e-5", NULL};

/* torchaudio.transforms.MelSpectrogram() with its defaults: power, no logarithm. */
static const char *const torchaudio_htk[] = {"sample_rate=16000", "n_fft=400", "hop_length=200",
                                             "power=2", "n_mels=128", "mel_scale=htk",
                                             "mel_norm=none", NULL};

/* espnet2 LogMelFbank with the 24 kHz TTS recipes, before the global normalisation. */
static const char *const espnet[] = {"sample_rate=24000", "n_fft=2048", "hop_length=300", "win_length=1200",
                                     "magnitude_eps=1e-10", "magnitude_eps_rule=clamp", "n_mels=80", "fmin=80",
                                     "fmax=7600", "log=log10", "log_floor=1e-10", NULL};

static const preset presets[] = {
    {"librosa", "librosa.feature.melspectrogram, 22.05 kHz, 2048/512, 128 power mels", librosa},
    {"tacotron2", "TacotronSTFT, 22.05 kHz, 1024/256, 80 ln mels to 8 kHz", tacotron2},
    {"hifigan", "HiFi-GAN, 22.05 kHz, 1024/256, no centre, 80 ln mels to 8 kHz", hifigan},
    {"torchaudio-htk", "torchaudio MelSpectrogram, 16 kHz, 400/200, 128 HTK power mels", torchaudio_htk},
    {"espnet", "ESPnet LogMelFbank, 24 kHz, 2048/300/1200, 80 log10 mels 80 to 7600 Hz", espnet},
};

const char *sty_front_end_preset_name(size_t index) {
    return index < STY_COUNT(presets) ? presets[index].name : NULL;
}

const char *sty_front_end_preset_text(size_t index) {
    return index < STY_COUNT(presets) ? presets[index].description : NULL;
}

static const char *name_at(const void *context, size_t i) {
    return ((const preset *)context)[i].name;
}

sty_status sty_front_end_preset(const char *name, sty_front_end_params *params, size_t *index,
                                sty_err *err) {
    for (size_t i = 0; i < STY_COUNT(presets); i++) {
        if (strcmp(presets[i].name, name) != 0) continue;
        memset(params, 0, sizeof *params);
        sty_params_init(sty_front_end_table, sty_n_front_end_params, params);
        for (const char *const *value = presets[i].values; *value; value++)
            STY_TRY(sty_front_end_set(params, *value, err));
        *index = i;
        return STY_OK;
    }
    return sty_unknown_name("preset", name, name_at, presets, STY_COUNT(presets), err);
}

sty_status sty_front_end_set(sty_front_end_params *params, const char *text, sty_err *err) {
    char key[STY_MAX_NAME];
    const char *equals = strchr(text, '=');
    const size_t n = equals ? (size_t)(equals - text) : 0;
    if (n == 0 || n >= sizeof key)
        return sty_err_set(err, STY_BAD_ARGUMENT, "'%s' is not of the form key=value", text);
    memcpy(key, text, n);
    key[n] = '\0';
    const sty_param *param = sty_params_find(sty_front_end_table, sty_n_front_end_params, key);
    if (!param) return sty_unknown_param(sty_front_end_table, sty_n_front_end_params, key, err);
    return sty_param_set_text(param, params, equals + 1, err);
}
