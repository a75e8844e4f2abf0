"""Features of a sound by a manifest's front end, in float64 numpy: an independent twin of the program's, written from
models/README.md alone. Resampling is left out: the sound must have the front end's rate."""
import wave

import numpy as np

DEFAULTS = {
    "order": ["cut", "trim", "level", "pre_emphasis", "clip", "pad"], "input_gain": 1, "cut_head_ms": 0,
    "cut_tail_ms": 0, "trim": "none", "trim_frame_length": 2048, "trim_hop_length": 512, "trim_padding": "constant",
    "level": "none", "level_target": 1, "pre_emphasis": 0, "clip": False, "pad_samples": 0, "feature": "mel",
    "n_fft": 1024, "hop_length": 256, "win_length": "none", "window": "hann", "window_periodic": True,
    "padding": "center", "pad_mode": "reflect", "power": 1, "magnitude_eps": 0, "magnitude_eps_rule": "add",
    "first_bin": 0, "n_bins": "none", "n_mels": 80, "fmin": 0, "fmax": "none", "mel_scale": "slaney",
    "mel_norm": "slaney", "mel_sample_rate": "none", "log": "none", "log_gain": 1, "log_floor": 1e-5,
    "log_floor_rule": "clamp", "log_ceiling": "none", "range_ref": 0, "range_min": "none", "range_max": 1,
    "range_symmetric": False, "mean": 0, "std": 1, "mean_tensor": None, "std_tensor": None, "clip_low": "none",
    "clip_high": "none", "last_frame": "keep", "frame_multiple": 1, "frame_pad_value": 0,
}


def read_wav(path):
    """(samples in [-1, 1), rate) of a mono 16-bit file."""
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0, file.getframerate()


def trim(x, db, frame, hop, mode):
    """librosa.effects.trim: frames of at least -db against the loudest, by mean power."""
    y = np.pad(x, frame // 2, mode=mode)
    power = np.array([np.mean(y[i * hop:i * hop + frame] ** 2) for i in range(1 + (len(y) - frame) // hop)])
    loud = 10 * np.log10(np.maximum(power, 1e-10)) - 10 * np.log10(max(power.max(), 1e-10)) > -db
    if not loud.any():
        return x[:0]
    first, last = np.flatnonzero(loud)[[0, -1]]
    return x[first * hop:min((last + 1) * hop, len(x))]


def level(x, rule, target):
    peak = np.abs(x).max()
    if rule == "peak":
        return x * target / peak
    if rule == "rms":
        return x * np.sqrt(len(x) * (10 ** (target / 20)) ** 2 / np.sum(x ** 2))
    if rule == "min_max":
        return (x - (x.max() + x.min()) / 2) / (x.max() - x.min())
    return x / min(target, peak) if rule == "soft_peak" and peak > 1 else x


def samples(x, fe):
    x = x * fe["input_gain"]
    for step in fe["order"]:
        if step == "cut":
            head, tail = (int(fe[key] * fe["sample_rate"] / 1000) for key in ("cut_head_ms", "cut_tail_ms"))
            x = x[head:len(x) - tail]
        elif step == "trim" and fe["trim"] != "none":
            x = trim(x, fe["trim"], fe["trim_frame_length"], fe["trim_hop_length"], fe["trim_padding"])
        elif step == "level":
            x = level(x, fe["level"], fe["level_target"])
        elif step == "pre_emphasis":
            x = np.concatenate([x[:1], x[1:] - fe["pre_emphasis"] * x[:-1]])
        elif step == "clip" and fe["clip"]:
            x = np.clip(x, -1, 1)
        elif step == "pad":
            x = np.pad(x, fe["pad_samples"])
    return x


def window(fe):
    n = fe["n_fft"] if fe["win_length"] == "none" else fe["win_length"]
    phase = 2 * np.pi * np.arange(n) / (n if fe["window_periodic"] else n - 1)
    shapes = {"hann": 0.5 - 0.5 * np.cos(phase), "hamming": 0.54 - 0.46 * np.cos(phase),
              "blackman": 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2 * phase), "rectangular": np.ones(n)}
    before = (fe["n_fft"] - n) // 2
    return np.pad(shapes[fe["window"]], (before, fe["n_fft"] - n - before))


def spectrum(x, fe):
    n_fft, hop = fe["n_fft"], fe["hop_length"]
    amount = {"center": n_fft // 2, "hifigan": (n_fft - hop) // 2, "none": 0}[fe["padding"]]
    x = np.pad(x, amount, mode=fe["pad_mode"])
    frames = np.stack([x[i * hop:i * hop + n_fft] for i in range(1 + (len(x) - n_fft) // hop)])
    power = np.abs(np.fft.rfft(frames * window(fe), axis=1)) ** 2
    eps = fe["magnitude_eps"]
    power = power + eps if fe["magnitude_eps_rule"] == "add" else np.maximum(power, eps)
    return np.sqrt(power) ** fe["power"]


def hz_to_mel(f, scale):
    f = np.asarray(f, float)
    if scale == "htk":
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, f * 3 / 200, 15 + np.log(np.maximum(f, 1e-9) / 1000) * 27 / np.log(6.4))


def mel_to_hz(m, scale):
    if scale == "htk":
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


def mel_bank(fe):
    rate = fe["sample_rate"] if fe["mel_sample_rate"] == "none" else fe["mel_sample_rate"]
    top = rate / 2 if fe["fmax"] == "none" else fe["fmax"]
    edges = mel_to_hz(np.linspace(hz_to_mel(fe["fmin"], fe["mel_scale"]), hz_to_mel(top, fe["mel_scale"]),
                                  fe["n_mels"] + 2), fe["mel_scale"])
    bins = np.arange(fe["n_fft"] // 2 + 1) * rate / fe["n_fft"]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return bank * (2 / (high - low)) if fe["mel_norm"] == "slaney" else bank


def compress(x, fe):
    if fe["log"] != "none":
        x = np.maximum(x, fe["log_floor"]) if fe["log_floor_rule"] == "clamp" else x + fe["log_floor"]
        if fe["log_ceiling"] != "none":
            x = np.minimum(x, fe["log_ceiling"])
        x = fe["log_gain"] * (np.log(x) if fe["log"] == "ln" else np.log10(x))
    if fe["range_min"] != "none":
        x = (x - fe["range_ref"] - fe["range_min"]) / -fe["range_min"]
        x = 2 * fe["range_max"] * x - fe["range_max"] if fe["range_symmetric"] else fe["range_max"] * x
    return (x - fe["mean"]) / fe["std"]


def features(x, front_end, tensors=None):
    """[frames, bins] of mono samples at the front end's rate."""
    fe = {**DEFAULTS, **front_end}
    x = samples(np.asarray(x, float), fe)
    y = spectrum(x, fe)
    if fe["feature"] == "mel":
        y = y @ mel_bank(fe).T
    else:
        y = y[:, fe["first_bin"]:None if fe["n_bins"] == "none" else fe["first_bin"] + fe["n_bins"]]
    y = compress(y, fe)
    if fe["mean_tensor"]:
        y = y - tensors[fe["mean_tensor"]]
    if fe["std_tensor"]:
        y = y / tensors[fe["std_tensor"]]
    if fe["clip_low"] != "none":
        y = np.maximum(y, fe["clip_low"])
    if fe["clip_high"] != "none":
        y = np.minimum(y, fe["clip_high"])
    if fe["last_frame"] == "drop" or (fe["last_frame"] == "drop_if_exact" and len(x) % fe["hop_length"] == 0):
        y = y[:-1]
    behind = -len(y) % fe["frame_multiple"]
    return np.pad(y, ((0, behind), (0, 0)), constant_values=fe["frame_pad_value"])
