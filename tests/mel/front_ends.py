"""The published front ends of the golden families, as `--preset` and `--set` of `stylet mel`, and running them.

Each: (file of expected numbers, tensor, wav below clips/ or wav16/, preset, {key: value}).
"""
import numpy as np

KING = {"pre_emphasis": 0.97, "log": "log10", "log_gain": 20, "range_ref": 20, "range_min": -100, "clip_high": 1,
        "win_length": 800, "hop_length": 200, "sample_rate": 16000, "fmax": "none"}
COQUI = {"fmax": "none", "log": "log10", "log_gain": 20, "log_floor": 1e-8, "range_ref": 20, "range_min": -100,
         "range_max": 4, "range_symmetric": "true", "clip_low": -4, "clip_high": 4}
DELIGHTFUL = {"magnitude_eps": 1e-9, "fmin": 20, "fmax": 11025, "level": "peak", "level_target": 1,
              "last_frame": "drop_if_exact"}
ME = "me_example2"


def family(name):
    return f"families/{name}/{name}.expected.safetensors"


FRONT_ENDS = {
    **{f"gst_tacotron {clip}": ("gst_tacotron_16k.expected.safetensors", f"in.mel_{clip}", f"wav16/{clip}.wav",
                                "tacotron2", {**KING, "clip_low": 1e-8}) for clip in ("a_en", "b_fast", "c_fr")},
    "mellotron": (family("mellotron"), f"out.mel_{ME}", f"clips/22050/{ME}.wav", "tacotron2", {}),
    "coqui reflect": (family("coqui_gst"), f"out.mel_{ME}", f"clips/22050/{ME}.wav", "tacotron2", COQUI),
    "coqui constant": (family("coqui_gst"), f"out.mel_constant_{ME}", f"clips/22050/{ME}.wav", "tacotron2",
                       {**COQUI, "pad_mode": "constant"}),
    "delightful voicesmith": (family("delightful_voicesmith"), f"out.mel_{ME}", f"clips/22050/{ME}.wav", "hifigan",
                              {**DELIGHTFUL, "n_mels": 100}),
    "delightful tts_framework": (family("delightful_tts_framework"), f"out.mel_{ME}", f"clips/22050/{ME}.wav",
                                 "hifigan", DELIGHTFUL),
    "stylespeech": (family("stylespeech"), f"out.mel_{ME}", f"clips/16000/{ME}.wav", "tacotron2",
                    {"sample_rate": 16000, "log": "log10"}),
    "styletts2": (family("styletts2"), f"out.mel_{ME}", f"clips/24000/{ME}.wav", "torchaudio-htk",
                  {"sample_rate": 24000, "mel_sample_rate": 16000, "n_fft": 2048, "hop_length": 300,
                   "win_length": 1200, "n_mels": 80, "log": "ln", "log_floor_rule": "add", "mean": -4, "std": 4}),
    "tf1": ("families/tf1_gst/syang_mlp.expected.safetensors", f"out.mel_{ME}", f"clips/16000/{ME}.wav", "tacotron2",
            {**KING, "n_fft": 2048, "clip_low": 0}),
}


def overrides(values):
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def mel(case, audio, *how, env=None, name="mel.npy"):
    """Features of an audio file by `stylet mel`; how: --preset, --model, --set."""
    out = case.scratch / name
    case.ok("mel", audio, "--overwrite", "-o", out, *how, env=env)
    return np.load(out)


def preset_mel(case, audio, preset, values, **more):
    return mel(case, audio, "--preset", preset, *overrides(values), **more)


