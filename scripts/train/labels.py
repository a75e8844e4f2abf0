"""The eight prosody labels, measured from audio.

    f0_hz         median F0 of the voiced frames
    f0_range_st   semitones between the 10th and 90th percentile of F0; frames more
                  than an octave from the median are left out as tracking errors
    level_dbfs    RMS of the active frames (within 30 dB of the loud ones), dB re full scale
    dynamics_db   10th to 90th percentile of the level of the voiced frames
    rate_syl_s    syllables per second of speech, pauses left out
    tilt_db_oct   slope of the long-term spectrum from 200 to 3500 Hz
    hnr_db        mean harmonics-to-noise ratio of the voiced frames
    voiced        share of the active frames that is voiced

A label that a clip does not define (no voice, two syllables) is nan.
"""
import numpy as np

import pitch

NAMES = ["f0_hz", "f0_range_st", "level_dbfs", "dynamics_db", "rate_syl_s",
         "tilt_db_oct", "hnr_db", "voiced"]
LOG2 = {"f0_hz", "rate_syl_s"}  # the model predicts log2 of these
HOP = 160
_BANDS = 200.0 * 2.0 ** (np.arange(13) / 3.0)  # third octaves, 200 Hz to 3.2 kHz


def frame_levels(x):
    """Level in dB of 10 ms frames, smoothed over 30 ms, and which are active."""
    n = max(1, len(x) // HOP)
    power = (np.asarray(x[:n * HOP], np.float64).reshape(n, -1) ** 2).mean(1) if len(x) >= HOP \
        else np.array([1e-10])
    power = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, "valid")
    level = 10 * np.log10(power + 1e-10)
    return level, level > np.percentile(level, 95) - 30


def tilt(x, rate=16000, power=None):
    """Slope in dB per octave of the mean power density over third-octave bands."""
    if power is None:
        size = 1024
        count = max(1, (len(x) - size) // 512 + 1)
        x = np.pad(x, (0, max(0, size - len(x))))
        frames = np.lib.stride_tricks.sliding_window_view(x, size)[::512][:count]
        power = (np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32))) ** 2).mean(0)
    hz = np.arange(len(power)) * rate / 2.0 / (len(power) - 1)
    dens = [power[(hz >= f / 2 ** (1 / 6)) & (hz < f * 2 ** (1 / 6))].mean() for f in _BANDS]
    return float(np.polyfit(np.log2(_BANDS), 10 * np.log10(np.array(dens) + 1e-12), 1)[0])


def syllable_rate(nuclei):
    """Syllables per second from the times of the nuclei; of a gap, what is longer than
    2.2 times the median gap is pause."""
    gaps = np.diff(np.sort(nuclei)) if len(nuclei) else np.array([])
    gaps = gaps[gaps > 0.02]
    if len(gaps) < 3:
        return np.nan
    return float(1.0 / np.minimum(gaps, 2.2 * np.median(gaps)).mean())


def summarise(x, f0, hnr, nuclei, tilt_power=None):
    """Label vector from samples, 10 ms tracks of F0 and HNR, and nuclei times."""
    level, active = frame_levels(x)
    n = min(len(level), len(f0))
    f0, hnr = f0[:n], hnr[:n]
    voiced = f0 > 0
    out = dict.fromkeys(NAMES, np.nan)
    if voiced.sum() >= 20:
        tones = f0[voiced]
        mid = np.median(tones)
        low, high = np.percentile(tones[(tones > mid / 2) & (tones < mid * 2)], [10, 90])
        out["f0_hz"] = mid
        out["f0_range_st"] = 12 * np.log2(high / low)
        out["hnr_db"] = float(hnr[voiced].mean())
        low, high = np.percentile(level[:n][voiced], [10, 90])
        out["dynamics_db"] = high - low
    out["level_dbfs"] = 10 * np.log10((10 ** (level[active] / 10)).mean())
    out["rate_syl_s"] = syllable_rate(nuclei)
    out["tilt_db_oct"] = tilt(x, power=tilt_power)
    out["voiced"] = float((voiced & active[:n]).sum() / max(1, active[:n].sum()))
    return np.array([out[k] for k in NAMES], np.float32)


def to_model(y):
    """Label values -> what the model predicts (log2 of some)."""
    y = np.array(y, np.float32)
    for i, name in enumerate(NAMES):
        if name in LOG2:
            y[..., i] = np.log2(y[..., i])
    return y


def detect_nuclei(x, f0, rate=16000):
    """Times of syllable nuclei without a transcript: peaks of the 300-2500 Hz
    envelope that stand 2 dB above the dip before them and are voiced
    (after de Jong and Wempe, 2009)."""
    size, hop = 512, HOP
    padded = np.pad(x, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32))) ** 2
    hz = np.arange(power.shape[1]) * rate / size
    env = power[:, (hz >= 300) & (hz <= 2500)].sum(1)
    kernel = np.hanning(9)[1:-1]
    env = 10 * np.log10(np.convolve(env, kernel / kernel.sum(), "same") + 1e-9)
    floor = np.percentile(env, 95) - 25
    times, dip = [], env[0]
    for i in range(1, len(env) - 1):
        dip = min(dip, env[i])
        if env[i] >= env[i - 1] and env[i] > env[i + 1] and env[i] > floor \
                and env[i] - dip > 2 and i < len(f0) and f0[i] > 0:
            times.append(i * hop / rate)
            dip = env[i]
    return np.array(times)
