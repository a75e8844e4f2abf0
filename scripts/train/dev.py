"""Figures on dev, by which everything is chosen: `python3 dev.py WORK_DIR CHECKPOINT.pt...`."""
import os
import sys

import numpy as np
import torch

import augment
import corpus
import evaluate
import labels
from frontend import features
from model import Model

LEVEL = labels.NAMES.index("level_dbfs")
RATE = augment.RATE


def predict(model, audio, arrays, same_level=False):
    """(linear prosody values, style vectors, level changes) of the whole clips of
    a split, each at another level."""
    gains = np.random.default_rng(5).uniform(-10, 10, len(arrays["offset"])).astype(np.float32)
    out = []
    with torch.no_grad():
        count = len(arrays["offset"]) - 1
        for i in range(count):
            x = audio[arrays["offset"][i]:arrays["offset"][i + 1]].astype(np.float32) / 32768
            gain = 0 if same_level else gains[i]
            got = model(features(torch.from_numpy(x * 10 ** (gain / 20)))[None])
            out.append((got[3][0].numpy(), got[1][0].numpy(), gain))
    return [np.array(column) for column in zip(*out)]


def r_squared(true, guess):
    ok = np.isfinite(true)
    true, guess = true[ok], guess[ok]
    return 1 - ((true - guess) ** 2).sum() / ((true - true.mean()) ** 2).sum()


def figures(model, folder, mean, std):
    """One line: R2 of the labels on dev, shares of right triplets on dev_triplets."""
    audio, arrays, _ = corpus.load(folder, "dev")
    got, style, gain = predict(model, audio, arrays)
    true = labels.to_model(corpus.measured(audio, arrays))
    true[:, LEVEL] += gain
    got = got * std.numpy() + mean.numpy()
    words = ["%s %.3f" % (n, r_squared(true[:, i], got[:, i]))
             for i, n in enumerate(labels.NAMES)]
    if os.path.exists(os.path.join(folder, "dev_triplets.jsonl")):
        audio, arrays, rows = corpus.load(folder, "dev_triplets")
        vectors = predict(model, audio, arrays, same_level=True)[1]
        got = {i: (v,) for i, v in enumerate(vectors)}
        shares = evaluate.triplets(rows, range(len(rows)), got, style.mean(0))
        words += ["triplets %.2f %.2f" % (shares["large"]["cosine"], shares["small"]["cosine"]),
                  str(shares["small"]["by_change"]), "rank %.1f" % evaluate.effective_rank(style)[0]]
    words += ["recorded f0 rmse %.3f bias %+.3f, short %.3f %+.3f" % recorded(model, folder, mean, std)]
    return "dev R2 " + " ".join(words)


def recorded(model, folder, mean, std):
    """Error and bias of F0 in octaves on dev as recordings are: through an equaliser, rooms, band
    limits and noise; whole clips, then 0.5 to 0.9 s of speech between silences."""
    split = augment.Corpus(*corpus.load(folder, "dev"))
    maker = augment.Augmenter(split, 99)
    true, got = ([], []), ([], [])
    for i in range(len(split.a["offset"]) - 1):
        rng = maker.rng = np.random.default_rng([99, i])
        clip, f0 = split.clip(i)[:2]
        for k, seconds in enumerate((6.0, rng.uniform(0.5, 0.9))):
            n = min(len(clip), int(seconds * RATE)) // 160 * 160
            start = rng.integers((len(clip) - n) // 160 + 1)
            x = clip[start * 160:start * 160 + n] / 32768.0
            tones = f0[start:start + n // 160]
            if k:
                x = np.pad(x, rng.integers(1600, 5600, 2))
            spec = np.fft.rfft(x)
            hz = np.arange(len(spec)) * (RATE / 2 / (len(spec) - 1))
            octave = np.log2(np.clip(hz, 60, 7000) / 800)
            spec *= 10 ** (np.interp(octave, np.linspace(-3.5, 3.2, 8), rng.normal(0, 2.5, 8)) / 20)
            x = maker.disturb(np.fft.irfft(spec, len(x)), spec, hz)
            if (tones > 0).sum() < 20:
                continue
            with torch.no_grad():
                guess = model(features(torch.from_numpy(x.astype(np.float32)))[None])[3][0, 0]
            true[k].append(np.log2(np.median(tones[tones > 0])))
            got[k].append(float(guess * std[0] + mean[0]))
    out = []
    for t, g in zip(map(np.array, true), map(np.array, got)):
        out += [np.sqrt(((g - t) ** 2).mean()), (g - t).mean()]
    return tuple(out)


def main():
    torch.set_num_threads(1)
    work, *paths = sys.argv[1:]
    for path in paths:
        saved = torch.load(path, weights_only=False)
        model = Model()
        model.load_state_dict(saved["model"])
        print(path, figures(model.eval(), work, *saved["stats"][:2]), flush=True)


if __name__ == "__main__":
    main()
