"""Speech given another prosody and voice with the WORLD vocoder (pyworld).

The synthesisers all speak with the same few melodies. Resynthesis gives them
F0 contours, ranges, rhythms, vocal tract sizes, tilts and breathiness of a
wider world, with every one of these independent of the others.
"""
import warnings

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyworld

PERIOD = 5.0  # ms


def draw_style(rng):
    """Settings of one style."""
    median = 2.0 ** rng.uniform(np.log2(62), np.log2(380))
    formant = np.clip((median / 160) ** 0.17 * 2.0 ** rng.uniform(-0.2, 0.2), 0.78, 1.3)
    return {
        "median": median,
        "range": 2.0 ** rng.uniform(np.log2(1.2), np.log2(15)),
        "own_melody": rng.uniform(0, 1) if rng.random() < 0.5 else 0.0,
        "slope": rng.uniform(-1.0, 0.5),
        "accent_rate": rng.uniform(0.25, 1.0),
        "jitter": rng.exponential(0.006),
        "stretch": 2.0 ** rng.uniform(-0.6, 0.55),
        "rhythm": rng.uniform(0, 0.25),
        "formant": float(formant),
        "tilt": rng.uniform(-5, 4),
        "breath": rng.uniform(0, 0.8) if rng.random() < 0.5 else 0.0,
        "dynamics": 2.0 ** rng.uniform(-0.7, 0.6),
    }


def analyse(x, f0, hop=0.01, rate=16000):
    """WORLD parameters of a clip; `f0` is the track of `pitch.track`."""
    x = np.asarray(x, np.float64)
    times = np.arange(int(len(x) / rate * 1000 / PERIOD) + 1) * PERIOD / 1000
    index = np.clip(np.round(times / hop).astype(int), 0, len(f0) - 1)
    track = f0[index].astype(np.float64)
    envelope = pyworld.cheaptrick(x, track, times, rate)
    noise = pyworld.d4c(x, track, times, rate)
    return track, envelope, noise


def _contour(rng, style, times, nuclei, own):
    """Melody in arbitrary units: declination, accents on syllables, final move."""
    length = times[-1] + 1e-3
    y = style["slope"] * times / length
    for t in nuclei:
        if rng.random() < style["accent_rate"]:
            width = rng.uniform(0.06, 0.16)
            y = y + rng.normal(0.5, 0.8) * np.exp(-0.5 * ((times - t) / width) ** 2)
    width = rng.uniform(0.08, 0.25)
    y = y + rng.normal(-0.4, 0.8) * np.exp(-0.5 * ((times - length + 0.15) / width) ** 2)
    phases = rng.uniform(0, 2 * np.pi, 3)
    for k in range(3):
        y = y + rng.normal(0, 0.25) * np.sin(2 * np.pi * (k + 1) * times / 3.0 + phases[k])
    return y + style["own_melody"] * own


def resynthesise(rng, params, nuclei, style, rate=16000):
    """(samples, nuclei) of analysed speech in another style."""
    track, envelope, noise = params
    voiced = track > 0
    if voiced.sum() < 20:
        return None
    count = len(track)
    # rhythm: a smooth time map, mean speed 1 / stretch
    bumps = np.interp(np.arange(count), np.linspace(0, count, 8), rng.normal(0, 1, 8))
    pace = style["stretch"] * np.exp(style["rhythm"] * bumps)
    out_time = np.concatenate([[0], np.cumsum(pace)])[:count]
    total = int(out_time[-1])
    source = np.interp(np.arange(total), out_time, np.arange(count))
    near = np.clip(np.round(source).astype(int), 0, count - 1)
    nuclei = np.interp(np.asarray(nuclei) * 1000 / PERIOD, np.arange(count), out_time) \
        * PERIOD / 1000
    times = np.arange(total) * PERIOD / 1000

    voiced = voiced[near]
    log_own = np.interp(np.arange(count), np.flatnonzero(track > 0), np.log2(track[track > 0]))
    own = log_own[near]
    spread = np.percentile(own[voiced], 90) - np.percentile(own[voiced], 10) + 1e-3
    melody = _contour(rng, style, times, nuclei, (own - np.median(own[voiced])) / spread * 2)
    low, mid, high = np.percentile(melody[voiced], [10, 50, 90])
    melody = (melody - mid) / (high - low + 1e-6) * style["range"] / 12
    f0 = style["median"] * 2.0 ** np.clip(melody, -1.6, 1.6)
    f0 = np.clip(f0 * (1 + rng.normal(0, style["jitter"], total)), 50, 650)
    f0 = np.where(voiced, f0, 0.0)

    bins = envelope.shape[1]
    axis = np.minimum(np.arange(bins) / style["formant"], bins - 1)
    left = np.minimum(axis.astype(int), bins - 1)
    right = np.minimum(left + 1, bins - 1)
    part = axis - left
    log_env = np.log(envelope[near] + 1e-16)
    log_env = log_env[:, left] * (1 - part) + log_env[:, right] * part
    hz = np.arange(bins) * rate / 2 / (bins - 1)
    octaves = np.log2(np.maximum(hz, 150) / 500)
    log_env = log_env + style["tilt"] * octaves * np.log(10) / 10
    level = np.log(np.exp(log_env).mean(1) + 1e-16)
    loud = np.percentile(level, 80)
    change = (style["dynamics"] - 1) * np.clip(level - loud, -8, 3)
    log_env = log_env + change[:, None]
    breathiness = style["breath"] * np.clip(hz / 4000, 0.02, 1)
    mixed = np.clip(noise[near] + (1 - noise[near]) * breathiness, 0.001, 0.999)
    y = pyworld.synthesize(f0, np.ascontiguousarray(np.exp(log_env)),
                           np.ascontiguousarray(mixed), rate, PERIOD)
    return y, nuclei
