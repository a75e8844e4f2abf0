"""The front end of the model: samples -> [frames, 80] features.

The same constants stand in manifest.py under the manifest's names.
"""
import numpy as np
import torch

CONSTANTS = {
    "sample_rate": 16000, "n_fft": 1024, "win_length": 1024, "hop_length": 256,
    "window": "hann", "window_periodic": True,
    "padding": "center", "pad_amount": 512, "pad_mode": "reflect",
    "exponent": 2.0,
    "mel": {"n": 80, "fmin": 0.0, "fmax": 8000.0, "scale": "htk", "norm": "none"},
    "floor": {"kind": "clamp", "value": 1e-7}, "log": "log10", "log_gain": 10.0,
    "offset": 35.0, "scale": 0.05,
    "formula": "y = (10 * log10(max(mel(|X|^2), 1e-7)) + 35) / 20",
    "input_scale": "unit", "level": "kept", "trim": "none", "pre_emphasis": 0.0,
    "layout": "time_major",
}


def mel_filters():
    """HTK triangles without normalisation, [513, 80]."""
    c = CONSTANTS
    hz = np.arange(c["n_fft"] // 2 + 1) * c["sample_rate"] / c["n_fft"]
    top = 2595 * np.log10(1 + c["mel"]["fmax"] / 700)
    edge = 700 * (10 ** (np.linspace(0, top, c["mel"]["n"] + 2) / 2595) - 1)
    up = (hz[:, None] - edge[None, :-2]) / (edge[1:-1] - edge[:-2])
    down = (edge[None, 2:] - hz[:, None]) / (edge[2:] - edge[1:-1])
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)


_FILTERS = torch.from_numpy(mel_filters())
_WINDOW = torch.hann_window(1024, periodic=True)


def features(x):
    """Features [batch, frames, 80] of samples [batch, n] (or [n] -> [frames, 80])."""
    single = x.dim() == 1
    if single:
        x = x[None]
    spec = torch.stft(x, 1024, 256, 1024, _WINDOW, center=True, pad_mode="reflect",
                      return_complex=True)
    power = (spec.real ** 2 + spec.imag ** 2).transpose(1, 2)
    mel = (10 * torch.log10(torch.clamp(power @ _FILTERS, min=1e-7)) + 35) / 20
    return mel[0] if single else mel
