"""Make the model that counts syllables: `python3 syllables.py WORK_DIR OUT_DIR`.

WORK_DIR holds the corpus (`corpus.py`; what is missing of it is made), OUT_DIR becomes the model folder: a stack of
one-dimensional convolutions whose output is, of every 20 ms, the share of a syllable's nucleus that lies there. The sum over
a clip counts its syllables. Trained on the splits `train` and `near` (espeak-ng, flite, both resynthesised); everything that
is drawn at random is drawn on the mel spectra. Chosen by `engine` (festival), which trains nothing.

About 5 minutes on one thread; the same weights every time on the same machine.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import corpus
import manifest
import safetensors_io

HERE = os.path.dirname(os.path.abspath(__file__))
FRONT_END = {
    "sample_rate": 16000, "level": "rms", "level_target": -23, "n_fft": 512, "hop_length": 320, "power": 2,
    "n_mels": 32, "fmin": 60, "fmax": 5000, "mel_scale": "htk", "mel_norm": "none",
    "log": "log10", "log_floor": 1e-5, "mean": -1, "std": 1.5,
}
# (kernel, dilation) of every convolution; 0.6 s of sight to each side
STACK = [(5, 1), (5, 1), (5, 2), (5, 4), (5, 8)]
CHANNELS = 48
STEP_S = 0.02
WIDTH = 1.8        # standard deviation of a nucleus, in steps
FRAMES, BATCH, STEPS, RATE = 150, 48, 1000, 3e-3


# ---- features ----

def mel_filters():
    """HTK triangles without normalisation, [257, 32]."""
    f = FRONT_END
    hz = np.arange(f["n_fft"] // 2 + 1) * f["sample_rate"] / f["n_fft"]
    low, top = (2595 * np.log10(1 + f[k] / 700) for k in ("fmin", "fmax"))
    edge = 700 * (10 ** (np.linspace(low, top, f["n_mels"] + 2) / 2595) - 1)
    up = (hz[:, None] - edge[None, :-2]) / (edge[1:-1] - edge[:-2])
    down = (edge[None, 2:] - hz[:, None]) / (edge[2:] - edge[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(up, down)).astype(np.float32))


_FILTERS, _WINDOW = mel_filters(), torch.hann_window(512)


def mel_power(x):
    """[frames, 32] of samples at -23 dBFS."""
    x = torch.from_numpy(np.asarray(x, np.float32))
    x = x * (10 ** (FRONT_END["level_target"] / 20) / (x.square().mean().sqrt() + 1e-9))
    spec = torch.stft(x, 512, 320, 512, _WINDOW, center=True, pad_mode="reflect", return_complex=True)
    return ((spec.real ** 2 + spec.imag ** 2).T @ _FILTERS)


def scaled(power):
    return (torch.log10(torch.clamp(power, min=FRONT_END["log_floor"])) - FRONT_END["mean"]) / FRONT_END["std"]


class Split:
    """Every clip's mel power (as its logarithm) and nuclei, in memory."""

    def __init__(self, work, names):
        audio, arrays, self.rows = corpus.load_several(work, names)
        mels, self.nuclei = [], []
        for i in range(len(self.rows)):
            x = audio[arrays["offset"][i]:arrays["offset"][i + 1]] / np.float32(32768)
            mels.append(torch.log10(torch.clamp(mel_power(x), min=1e-7)).half())
            self.nuclei.append(arrays["nuclei"][arrays["nucleus"][i]:arrays["nucleus"][i + 1]])
        self.ends = np.cumsum([0] + [len(m) for m in mels])
        self.mel = torch.cat(mels)

    def clip(self, i):
        return self.mel[self.ends[i]:self.ends[i + 1]].float()


# ---- batches ----

def smooth(rng, n, size, width):
    """Random curves [n, width] through 7 points."""
    points = rng.normal(0, 1, (n, 7)) * size
    at = np.linspace(0, 6, width)
    return np.stack([np.interp(at, np.arange(7), p) for p in points])


class Batches:
    """Clips, played faster and slower, in other rooms, lines and noises, by other throats."""

    def __init__(self, split, seed):
        self.s, self.rng = split, np.random.default_rng(seed)
        # flite, whose voices are recorded ones, as often as espeak-ng
        flite = np.array([row["engine"].startswith("flite") for row in split.rows])
        self.parts = [np.flatnonzero(flite), np.flatnonzero(~flite)]

    def places(self, frames):
        """Where in a clip every step of a batch lies: clip, [frames] places, nuclei as steps."""
        rng = self.rng
        part = self.parts[int(rng.random() < 0.5)]
        i = part[rng.integers(len(part))]
        n = self.s.ends[i + 1] - self.s.ends[i]
        speed = 2.0 ** rng.uniform(-0.6, 0.6) * np.ones(frames)
        if rng.random() < 0.6:
            t = np.arange(frames) * STEP_S
            for hz in 2.0 ** rng.uniform(-1, 2, 3):
                speed = speed * 2.0 ** (rng.uniform(0, 0.25) * np.sin(2 * np.pi * (hz * t + rng.random())))
        at = np.cumsum(speed)
        at += rng.uniform(-30, max(n - at[-1], 0) + 30) - at[0]
        return i, at, np.interp(self.s.nuclei[i] / STEP_S, at, np.arange(frames), left=-1e9, right=1e9)

    def gather(self, i, at):
        """Log power [frames, bands] of a clip at places; the floor outside of it."""
        n = self.s.ends[i + 1] - self.s.ends[i]
        low = np.clip(np.floor(at).astype(int), 0, n - 2)
        part = torch.from_numpy(np.clip(at - low, 0, 1).astype(np.float32))[:, None]
        mel = self.s.mel[self.s.ends[i] + low].float() * (1 - part) + self.s.mel[self.s.ends[i] + low + 1].float() * part
        mel[torch.from_numpy((at < 0) | (at > n - 1))] = -7
        return mel

    def draw(self, frames, batch):
        """Features [batch, frames, bands] and the density of nuclei [batch, frames]."""
        rng, bands, mels, targets = self.rng, FRONT_END["n_mels"], [], []
        for _ in range(batch):
            i, at, nuclei = self.places(frames)
            mels.append(self.gather(i, at))
            steps = (np.arange(frames)[None] - nuclei[:, None]) / WIDTH
            targets.append(np.exp(-0.5 * steps ** 2).sum(0) / (WIDTH * np.sqrt(2 * np.pi)))
        log = self.shaped(torch.stack(mels))
        power = self.echoed(10 ** log)
        loud = power.sum(2).mean(1)[:, None, None]
        hiss = smooth(rng, batch, 0.6, bands) + rng.uniform(-0.12, 0.03, (batch, 1)) * np.arange(bands)
        hiss = 10 ** hiss / (10 ** hiss).sum(1, keepdims=True) * 10 ** rng.uniform(-6, -0.8, (batch, 1))
        grain = torch.from_numpy(rng.gamma(3, 1 / 3, (batch, frames, bands)).astype(np.float32))
        power = power + loud * torch.from_numpy(hiss.astype(np.float32))[:, None] * grain
        babble = np.where(rng.random(batch) < 0.2, 10 ** rng.uniform(-3.5, -1.2, batch), 0)
        power = power + torch.from_numpy(babble.astype(np.float32))[:, None, None] * power.roll(1, 0)
        # at the level the front end gives, which pauses move
        level = 10 ** torch.from_numpy(rng.normal(0, 0.25, (batch, 1, 1)).astype(np.float32))
        return scaled(power * level), torch.from_numpy(np.stack(targets).astype(np.float32))

    def shaped(self, log):
        """Other lines (slope, hills, edges) and other throats (bands shifted)."""
        rng, (batch, _, bands) = self.rng, log.shape
        factor = 2.0 ** rng.uniform(-0.35, 0.35, batch)
        place = np.clip((np.arange(bands) + 2) * factor[:, None] - 2, 0, bands - 1)
        low = torch.from_numpy(np.minimum(place.astype(int), bands - 2))[:, None].expand_as(log)
        part = torch.from_numpy((place - np.minimum(place.astype(int), bands - 2)).astype(np.float32))[:, None]
        log = log.gather(2, low) * (1 - part) + log.gather(2, low + 1) * part
        line = smooth(rng, batch, 0.5, bands) + rng.normal(0, 0.04, (batch, 1)) * np.arange(bands)
        for b in range(batch):
            if rng.random() < 0.4:
                edge = rng.uniform(0, 7)
                line[b] -= np.clip(edge - np.arange(bands), 0, 10) * rng.uniform(0.1, 0.6)
            if rng.random() < 0.4:
                line[b] -= np.clip(np.arange(bands) - rng.uniform(24, 32), 0, 10) * rng.uniform(0.3, 1)
        return log + torch.from_numpy(line.astype(np.float32))[:, None]

    def echoed(self, power):
        """Rooms: every step's power dies away over the next ones."""
        rng, batch = self.rng, len(power)
        on = rng.random(batch) < 0.5
        decay = 10 ** (-6 * STEP_S / rng.uniform(0.1, 0.7, batch))
        gain = np.where(on, 10 ** rng.uniform(-1.6, 0, batch), 0) * (1 - decay)
        decay, gain = (torch.from_numpy(v.astype(np.float32))[:, None] for v in (decay, gain))
        tail, out = torch.zeros_like(power[:, 0]), []
        for t in range(power.shape[1]):
            out.append(power[:, t] + gain * tail)
            tail = decay * (tail + power[:, t])
        return torch.stack(out, 1)


# ---- network ----

class Counter(nn.Module):
    """[batch, frames, bands] -> logits [batch, frames]."""

    def __init__(self):
        super().__init__()
        widths = [FRONT_END["n_mels"]] + [CHANNELS] * len(STACK)
        self.convs = nn.ModuleList(nn.Conv1d(a, b, k, padding=k // 2 * d, dilation=d)
                                   for a, b, (k, d) in zip(widths, widths[1:], STACK))
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in STACK)
        self.out = nn.Conv1d(CHANNELS, 1, 1)
        nn.init.constant_(self.out.bias, -3.2)

    def forward(self, x):
        y = F.instance_norm(x.transpose(1, 2))  # whatever the microphone, the line and the level
        for conv, norm in zip(self.convs, self.norms):
            y = F.dropout1d(F.relu(norm(conv(y))), 0.15, self.training)
        return self.out(y)[:, 0]


def train(split, steps, seed):
    torch.manual_seed(seed)
    batches, model = Batches(split, seed), Counter()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-3)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.1)
    began, seen = time.time(), []
    for step in range(steps):
        x, target = batches.draw(FRAMES, BATCH)
        logits = model(x)
        count, true = torch.sigmoid(logits).sum(1), target.sum(1)
        loss = F.binary_cross_entropy_with_logits(logits, target) * 10 + 0.02 * ((count - true) ** 2 / (true + 2)).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        plan.step()
        seen.append(((count - true).abs() / (true + 1)).mean().item())
        if step % 250 == 249:
            print("step %d, count off by %.3f, %.0f s" % (step + 1, np.mean(seen[-250:]), time.time() - began),
                  file=sys.stderr, flush=True)
    return model.eval()


# ---- the model folder ----

def layers():
    graph = [{"name": "line", "type": "instance_norm", "affine": False}]
    for i, (kernel, dilation) in enumerate(STACK):
        graph.append({"name": f"conv{i}", "type": "conv1d", "channels": CHANNELS, "kernel": kernel, "dilation": dilation,
                      "padding": kernel // 2 * dilation, "norm": "batch", "activation": "relu",
                      "weights": {"": f"convs.{i}.", "norm.": f"norms.{i}."}})
    return graph + [{"name": "out", "type": "conv1d", "channels": 1, "kernel": 1, "activation": "sigmoid", "weights": "out."}]


def export(model, out):
    weights = os.path.join(out, "weights.safetensors")
    safetensors_io.save(weights, {k: v.numpy() for k, v in model.state_dict().items() if "num_batches" not in k})
    with open(weights, "rb") as file:
        data = file.read()
    with open(os.path.join(out, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump({
            "format": "stylet", "version": 1, "name": "syllables",
            "description": "where the nuclei of syllables are: every step is the share of one that lies in it",
            "license": "MIT",
            "provenance": {"source": "scripts/train/syllables.py", "corpus": "espeak-ng and flite, synthetic speech only"},
            "front_end": FRONT_END,
            "weights": [{"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest(),
                         "tensors": manifest.tensors(data)}],
            "layers": layers(),
            "outputs": {"nuclei": {"from": "out", "description": "nuclei of syllables in every 20 ms; their sum counts them"}},
        }, file, indent=2)
        file.write("\n")


# ---- figures ----

def counted(model, split):
    with torch.no_grad():
        return np.array([torch.sigmoid(model(scaled(10 ** split.clip(i))[None])).sum().item() for i in range(len(split.rows))])


def show(name, ratio):
    print("| %s | %d | %.2f | %.2f |" % (name, len(ratio), (abs(ratio - 1) < 0.1).mean(), np.median(ratio)), flush=True)


def figures(model, work):
    """Share of the clips counted within 10 %, and the median ratio; of festival by voice too."""
    print("| set | clips | within 10 % | median |\n|---|---|---|---|")
    for name in "dev", "texts", "voices", "engine":
        split = Split(work, [name])
        ratio = counted(model, split) / np.maximum([len(n) for n in split.nuclei], 1)
        show(name, ratio)
        voices = np.array([row["voice"] for row in split.rows])
        for voice in dict.fromkeys(voices) if name == "engine" else ():
            show("festival " + voice, ratio[voices == voice])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", help="folder of the corpus")
    parser.add_argument("out", help="the model folder")
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(args.out, exist_ok=True)
    if not os.path.exists(os.path.join(args.work, "engine.jsonl")):
        subprocess.run([sys.executable, os.path.join(HERE, "corpus.py"), args.work], check=True)
    model = train(Split(args.work, ["train", "near"]), args.steps, 1)
    export(model, args.out)
    figures(model, args.work)


if __name__ == "__main__":
    main()
