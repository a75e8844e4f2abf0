"""Training batches: crops of the corpus, augmented, with labels measured after it.

What changes the style (level, speed, melody, spectrum) is shared by the two texts of
a style and enters the labels. What only disturbs (noise, room, band limits) is
drawn per clip, after the labels were taken.
"""
import numpy as np

import labels

RATE = 16000
LOCAL_STRIDES = (8, 16, 32, 64)  # frames per step of the third to the last convolution
AUX_BANDS = 120.0 * 2.0 ** (np.arange(19) / 3.0)  # third octaves to 7.7 kHz


# clip lengths with small prime factors, quick to transform
_LENGTHS = np.array(sorted(
    n for a in range(1, 18) for b in range(6) for c in range(5)
    for n in [2 ** a * 3 ** b * 5 ** c] if 8000 <= n <= 110000))


class Corpus:
    """A split in memory, grouped by style."""

    def __init__(self, audio, arrays, rows):
        self.audio = np.asarray(audio)
        self.a = arrays
        self.styles = {}
        for i, row in enumerate(rows):
            self.styles.setdefault(row["style"], []).append(i)
        self.base = {row["style"]: row["base"] for row in rows}
        self.siblings = {}
        for style, base in self.base.items():
            self.siblings.setdefault(base, []).append(style)
        # a style with one clip still trains the labels
        self.names = sorted(s for s in self.styles if not s.startswith("near"))
        self.near = sorted(s for s in self.styles if s.startswith("near"))

    def clip(self, i):
        a = self.a
        x = self.audio[a["offset"][i]:a["offset"][i + 1]]
        f = slice(a["frame"][i], a["frame"][i + 1])
        return x, a["f0"][f], a["hnr"][f], a["nuclei"][a["nucleus"][i]:a["nucleus"][i + 1]]


def draw_shared(rng):
    """Changes that are part of the style."""
    knots = rng.normal(0, 2.5, 8) if rng.random() < 0.6 else np.zeros(8)
    return {
        "level": rng.uniform(-50, -9) if rng.random() < 0.4 else rng.uniform(-38, -11),
        "speed": 2.0 ** (rng.uniform(-0.36, 0.36) if rng.random() < 0.6 else 0.0),
        "warp": rng.uniform(0, 0.35) if rng.random() < 0.45 else 0.0,
        "warp_hz": rng.uniform(0.25, 1.0, 3),
        "tilt": rng.normal(0, 2.2) if rng.random() < 0.7 else 0.0,
        "knots": knots,
    }


def near_shared(rng, shared):
    """A neighbour of these changes, for hard negatives."""
    out = dict(shared)
    size = 2.0 ** rng.uniform(-1.5, 1)
    out["level"] = float(np.clip(shared["level"] + rng.choice([-1, 1]) * 6 * size, -52, -8))
    if rng.random() < 0.6:
        out["speed"] = shared["speed"] * 2.0 ** (rng.choice([-1, 1]) * 0.2 * size)
    if rng.random() < 0.6:
        out["tilt"] = shared["tilt"] + rng.choice([-1, 1]) * 2.5 * size
    if rng.random() < 0.5:
        out["level"] = shared["level"]
    if rng.random() < 0.3:
        out["warp"] = rng.uniform(0, 0.4)
    return out


def moved(rng, shared):
    """The same but for the level or the tilt: what of speech is moved alone after it was spoken."""
    size = rng.choice([-1, 1]) * 2.0 ** rng.uniform(-1, 1)
    if rng.random() < 0.4:
        return dict(shared, tilt=shared["tilt"] + 2.5 * size)
    level = shared["level"] + 5 * size
    if not -54 < level < -14:  # louder clips are limited by their peaks
        level = shared["level"] + (5 if level < -54 else -5) * abs(size)
    return dict(shared, level=level)


def blank_edges(rng, y, f0, hnr, nuclei):
    """Up to a third of the clip before and after the speech made silent, in place; the nuclei left."""
    seconds = len(y) / RATE
    first, last = rng.uniform(0, seconds / 3), seconds - rng.uniform(0, seconds / 3)
    t = np.arange(len(y)) / RATE
    y *= np.clip(np.minimum(t - first, last - t) / 0.01, 0, 1).astype(np.float32)
    t = np.arange(len(f0)) / 100
    for track in (f0, hnr):
        track[(t < first) | (t > last)] = 0
    return nuclei[(nuclei > first) & (nuclei < last)]


def _cubic(x, pos):
    i = pos.astype(np.int64)
    t = (pos - i).astype(np.float32)
    n = len(x) - 1
    a, b, c, d = (x[np.clip(i + k, 0, n)] for k in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


class Augmenter:
    def __init__(self, corpus, seed, clean=0.3, near=0.4, moved=0.0, edges=0.0):
        self.c, self.clean, self.near, self.moved, self.edges = corpus, clean, near, moved, edges
        self.rng = np.random.default_rng(seed)
        pool = np.random.default_rng(seed + 1)
        self.rooms = []
        for _ in range(60):
            t60, direct = pool.uniform(0.08, 0.6), pool.uniform(0, 14)
            n = int(min(t60, 0.5) * RATE)
            tail = pool.normal(0, 1, n) * 10 ** (-3 * np.arange(n) / RATE / t60)
            tail[:int(pool.uniform(0.002, 0.015) * RATE)] = 0
            tail *= 10 ** (-direct / 20) / np.sqrt((tail ** 2).sum() + 1e-9)
            tail[0] = 1.0
            self.rooms.append(tail.astype(np.float32))
        self.noises = [self._noise(pool) for _ in range(24)]

    def _noise(self, rng):
        n = 8 * RATE
        kind = rng.random()
        spec = rng.normal(0, 1, n // 2 + 1) + 1j * rng.normal(0, 1, n // 2 + 1)
        hz = np.arange(n // 2 + 1) / 8.0
        spec *= 10 ** (-rng.uniform(-1, 8) * np.log2(np.maximum(hz, 30) / 1000) / 20)
        x = np.fft.irfft(spec, n)
        x /= x.std()
        if kind < 0.25:  # mains hum
            base = rng.choice([50, 60])
            t = np.arange(n) / RATE
            for k in range(1, 8):
                x += 3 * rng.random() / k * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6))
        elif kind < 0.5:  # other voices
            for _ in range(5):
                clip = self.c.clip(rng.integers(len(self.c.a["offset"]) - 1))[0] / 32768.0
                start = rng.integers(0, n - len(clip)) if len(clip) < n else 0
                x[start:start + len(clip)] += clip[:n] * 8
        return (x / x.std()).astype(np.float32)

    def source(self, style, order, seconds):
        """Enough speech of a style: (samples, f0, hnr, nuclei)."""
        rng = self.rng
        clips = self.c.styles[style]
        xs, f0s, hnrs, nuclei, at, k = [], [], [], [], 0, 0

        def silence(limit):
            n = int(rng.uniform(0, limit) * 100) * 160
            xs.append(np.zeros(n, np.float32))
            f0s.append(np.zeros(n // 160, np.float32))
            hnrs.append(np.zeros(n // 160, np.float32))
            return n

        if rng.random() < 0.25:
            at += silence(0.3)
        while True:
            x, f0, hnr, times = self.c.clip(clips[order[k % len(order)] % len(clips)])
            n = len(x) // 160
            xs.append(x[:n * 160].astype(np.float32) / 32768)
            f0s.append(np.pad(f0[:n], (0, max(0, n - len(f0)))))
            hnrs.append(np.pad(hnr[:n], (0, max(0, n - len(hnr)))))
            nuclei.append(times + at / RATE)
            at += n * 160
            k += 1
            if at >= seconds * RATE:
                break
            at += silence(0.4)
        if rng.random() < 0.25:
            at += silence(0.3)
        return tuple(np.concatenate(p) for p in (xs, f0s, hnrs, nuclei))

    def item(self, style, order, shared, samples, begin):
        """One training clip of `samples` samples, `begin` (0 to 1) tells where in the
        speech: (audio, labels, auxiliary targets, targets along time)."""
        rng = self.rng
        frames = samples // 160 + 1
        t = np.arange(frames) / 100
        curve = np.zeros(frames)
        if shared["warp"]:
            for hz in shared["warp_hz"]:
                curve += np.sin(2 * np.pi * hz * t + rng.uniform(0, 2 * np.pi))
        speed = shared["speed"] * 2.0 ** (shared["warp"] * curve / 1.7)
        at = np.concatenate([[0], np.cumsum(speed)]) * 0.01
        x, f0, hnr, nuclei = self.source(style, order, at[-1] + 0.02)
        room = len(x) / RATE - at[-1] - 0.01
        start = begin * max(room, 0)
        at = at + start
        pos = np.interp(np.arange(samples) / 160, np.arange(frames + 1), at) * RATE
        y = _cubic(x, np.minimum(pos, len(x) - 1))
        index = np.clip(np.round(at[:-1] * 100).astype(int), 0, len(f0) - 1)
        f0, hnr = f0[index] * speed.astype(np.float32), hnr[index]
        nuclei = nuclei[(nuclei > at[0]) & (nuclei < at[-1])]
        nuclei = np.interp(nuclei, at, np.arange(frames + 1) / 100)

        if self.edges and rng.random() < self.edges:
            nuclei = blank_edges(rng, y, f0, hnr, nuclei)

        # the part of the spectrum that is style
        spec = np.fft.rfft(y)
        hz = np.arange(len(spec)) * (RATE / 2 / (len(spec) - 1))
        octave = np.log2(np.clip(hz, 60, 7000) / 800)
        db = shared["tilt"] * octave + np.interp(octave, np.linspace(-3.5, 3.2, 8),
                                                 shared["knots"])
        spec *= 10 ** (db / 20)
        y = np.fft.irfft(spec, samples).astype(np.float32)
        rms, active = labels.frame_levels(y)
        level = 10 * np.log10((10 ** (rms[active] / 10)).mean() + 1e-10)
        gain = min(10 ** ((shared["level"] - level) / 20), 0.99 / (np.abs(y).max() + 1e-6))
        y *= gain
        power = np.abs(spec) ** 2
        target = labels.summarise(y, f0, hnr, nuclei, tilt_power=power)
        aux = self._aux(power, f0, hnr, hz)
        along = self._local(f0, nuclei, samples, rms + 20 * np.log10(gain), active)
        if not shared.get("clean"):
            y = self.disturb(y, spec * gain, hz)
        return y, target, aux, along

    def _local(self, f0, nuclei, samples, level, active):
        """What the convolutions should know of every step in time, used only in
        training: log2 F0 or nan, voiced share, syllable nuclei, active share, level of
        the active frames in dB or nan, standard deviation of log2 F0 or nan."""
        active = np.pad(active, (0, len(f0) - len(active)))
        power = np.where(active, 10 ** (np.pad(level, (0, len(f0) - len(level))) / 10), 0)
        voiced = f0 > 0
        tone = np.where(voiced, np.log2(f0 + 1e-9) - 7.3, 0)
        sums = np.stack([voiced, tone, tone ** 2, active, power])
        sums = np.concatenate([np.zeros((5, 1)), np.cumsum(sums, 1)], 1)
        out = []
        for stride in LOCAL_STRIDES:
            steps = -(-(samples // 256 + 1) // stride)
            edges = (np.arange(steps + 1) - 0.5) * stride * 256 / RATE
            at = np.clip(edges * 100 + 0.5, 0, len(f0))
            n, first, second, on, energy = np.diff(
                [np.interp(at, np.arange(len(f0) + 1), row) for row in sums], axis=1)
            width = stride * 256 / RATE * 100
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = np.where(n > 0.3 * min(width, 30), first / n, np.nan)
                spread = np.sqrt(np.maximum(second / n - mean ** 2, 0))
                loud = np.where(on > 0.2 * width, 10 * np.log10(energy / on), np.nan)
            ramp = np.clip((edges[:, None] - nuclei[None]) / 0.1 + 0.5, 0, 1).sum(1)
            out.append(np.stack([mean, n / width, np.diff(ramp), on / width, loud, spread],
                                1).astype(np.float32))
        return out

    def _aux(self, power, f0, hnr, hz):
        """Further targets used only in training: spectrum shape, F0 distribution."""
        edges = np.searchsorted(hz, AUX_BANDS)
        cum = np.concatenate([[0], np.cumsum(power)])
        band = 10 * np.log10((cum[edges[1:]] - cum[edges[:-1]]) / np.diff(edges) + 1e-12)
        band = band - band.mean()
        voiced = f0 > 0
        if voiced.sum() < 20:
            more = [np.nan] * 5
        else:
            v = np.log2(f0[voiced])
            steps = np.abs(np.diff(np.log2(f0[1:][voiced[1:] & voiced[:-1]]))) \
                if (voiced[1:] & voiced[:-1]).sum() > 3 else np.array([np.nan])
            more = list(np.percentile(v, [10, 90])) + [np.median(steps) * 100,
                                                       np.percentile(hnr[voiced], 10),
                                                       np.percentile(hnr[voiced], 90)]
        return np.array(list(band) + more, np.float32)

    def disturb(self, y, spec, hz):
        rng, n = self.rng, len(y)
        if rng.random() < 0.2:
            return y
        filt = None
        if rng.random() < 0.3:
            filt = 1 / np.sqrt(1 + (hz / rng.uniform(3400, 7500)) ** (2 * rng.integers(3, 10)))
        if rng.random() < 0.4:
            cut = 2.0 ** rng.uniform(np.log2(50), np.log2(320))
            high = 1 / np.sqrt(1 + (cut / np.maximum(hz, 1)) ** (2 * rng.integers(1, 5)))
            filt = high if filt is None else filt * high
        if rng.random() < 0.3:
            room = np.fft.rfft(self.rooms[rng.integers(len(self.rooms))], n) if n > 8000 else 1
            filt = room if filt is None else filt * room
        if filt is not None:
            y = np.fft.irfft(spec * filt, n).astype(np.float32)
        if rng.random() < 0.65:
            noise = self.noises[rng.integers(len(self.noises))]
            start = rng.integers(len(noise) - n)
            y = y + noise[start:start + n] * (y.std() * 10 ** (-rng.uniform(8, 45) / 20))
        return np.clip(y, -1, 1)

    def batch(self, groups):
        """(audio [4 * groups, n], labels, aux, style ids, targets along time)."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.2:
            seconds = rng.uniform(0.6, 1.3)
        elif draw < 0.85:
            seconds = rng.uniform(1.3, 3.3)
        else:
            seconds, groups = rng.uniform(3.3, 6.5), max(4, groups // 2)
        samples = int(_LENGTHS[np.searchsorted(_LENGTHS, seconds * RATE)])
        xs, ys, auxs, ids, local = [], [], [], [], []
        for g in range(groups):
            near = self.c.near and rng.random() < self.near
            pool = self.c.near if near else self.c.names
            style = pool[rng.integers(len(pool))]
            order = rng.permutation(len(self.c.styles[style]))
            shared = draw_shared(rng)
            if rng.random() < self.clean:  # as it was spoken, but for the level
                shared.update(speed=1.0, warp=0.0, tilt=0.0, knots=np.zeros(8), clean=True)
            others = [s for s in self.c.siblings[self.c.base[style]] if s != style]
            if others and rng.random() < (0.75 if near else 0.4):
                second = others[rng.integers(len(others))]
                shared2 = shared if near or rng.random() < 0.7 else near_shared(rng, shared)
            else:
                second, shared2 = style, near_shared(rng, shared)
            if self.moved and not near and rng.random() < self.moved:
                second, shared2 = style, moved(rng, shared)
            # the same words in both styles
            begin = rng.random(2) if rng.random() < 0.6 else np.zeros(2)
            for k, (name, change) in enumerate(((style, shared), (second, shared2))):
                for turn in (0, 1):
                    x, y, aux, along = self.item(name, np.roll(order, -turn), change, samples,
                                                 begin[turn])
                    xs.append(x)
                    ys.append(y)
                    auxs.append(aux)
                    local.append(along)
                    ids.append(2 * g + k if len(order) > 1 else 1000 + len(ids))
        local = [np.stack(parts) for parts in zip(*local)]
        return np.stack(xs), np.stack(ys), np.stack(auxs), np.array(ids), local
