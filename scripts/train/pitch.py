"""F0 and harmonicity by autocorrelation with a best path, after Boersma (1993).

numpy only. Checked against praat by `evaluate.py`.
"""
import numpy as np

HOP = 0.01
FLOOR, CEILING = 55.0, 600.0
CANDIDATES = 6
FINE = 2  # the autocorrelation is computed on lags this many times finer
VOICING, SILENCE = 0.45, 0.03
OCTAVE_COST, JUMP_COST, VOICE_COST = 0.015, 0.5, 0.14


def track(x, rate=16000):
    """(f0 in Hz or 0 where unvoiced, harmonics-to-noise ratio in dB), 10 ms frames.

    Frame i is centred on i * 10 ms.
    """
    window_len = int(3.0 / FLOOR * rate) // 2 * 2
    hop = int(HOP * rate)
    size = 2048
    frames = max(1, 1 + len(x) // hop)
    half = window_len // 2
    padded = np.pad(np.asarray(x, np.float32), (half, half + hop))
    view = np.lib.stride_tricks.sliding_window_view(padded, window_len)[::hop][:frames]
    view = view - view.mean(1, keepdims=True)
    peak = np.abs(view[:, half // 2:-half // 2]).max(1)
    loudest = max(float(np.abs(x).max()) if len(x) else 0.0, 1e-9)
    window = np.hanning(window_len + 2)[1:-1].astype(np.float32)
    rate *= FINE
    lo, hi = int(rate / CEILING), int(rate / FLOOR) + 1

    def autocorrelation(rows):
        power = np.abs(np.fft.rfft(rows, size)) ** 2
        return np.fft.irfft(power, size * FINE)[:, :hi + 2]

    r = autocorrelation(view * window)
    rw = autocorrelation(window[None])[0]
    r = r / np.maximum(r[:, :1], 1e-12) / (rw / rw[0])

    mid, left, right = r[:, lo:hi + 1], r[:, lo - 1:hi], r[:, lo + 1:hi + 2]
    curve = 2 * mid - left - right
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * VOICING)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(is_peak, 0.5 * (right - left) / np.maximum(curve, 1e-9), 0)
        height = np.where(is_peak, mid + 0.125 * (right - left) ** 2 / np.maximum(curve, 1e-9), 0)
    height = np.where(height > 1, 1 / np.maximum(height, 1e-9), height)
    lag = np.arange(lo, hi + 1) + np.clip(shift, -0.5, 0.5)
    strength = np.where(is_peak, height + OCTAVE_COST * np.log2(CEILING / rate * lag) * -1, -9.0)
    order = np.argsort(-strength, axis=1)[:, :CANDIDATES]
    score = np.take_along_axis(strength, order, 1)
    f0 = rate / np.take_along_axis(np.broadcast_to(lag, strength.shape), order, 1)
    corr = np.take_along_axis(height, order, 1)
    unvoiced = VOICING + np.maximum(
        0, 2 - (peak / loudest) / (SILENCE / (1 + VOICING)))
    # column 0 is "unvoiced"
    score = np.concatenate([unvoiced[:, None], score], 1)
    log_f0 = np.concatenate([np.zeros((frames, 1)), np.log2(f0)], 1)
    voiced_col = np.arange(CANDIDATES + 1) > 0
    best = score[0]
    back = np.zeros((frames, CANDIDATES + 1), int)
    change = voiced_col[:, None] != voiced_col[None, :]
    both = voiced_col[:, None] & voiced_col[None, :]
    for t in range(1, frames):
        jump = np.abs(log_f0[t - 1][:, None] - log_f0[t][None, :])
        total = best[:, None] - np.where(both, JUMP_COST * jump, 0) - VOICE_COST * change
        back[t] = total.argmax(0)
        best = total[back[t], np.arange(CANDIDATES + 1)] + score[t]
    path = np.zeros(frames, int)
    path[-1] = best.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    rows = np.arange(frames)
    voiced = path > 0
    out = np.where(voiced, 2.0 ** log_f0[rows, path], 0.0)
    c = np.clip(corr[rows, np.maximum(path - 1, 0)], 1e-3, 0.9999)
    hnr = np.where(voiced, 10 * np.log10(c / (1 - c)), 0.0)
    return out.astype(np.float32), hnr.astype(np.float32)
