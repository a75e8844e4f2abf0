"""Checkpoint -> weights, front end and expected values:
`python3 export.py CHECKPOINT.pt WORK_DIR OUT_DIR`.

    weights.safetensors   the weights, float32, PyTorch names; mean and deviation of
                          the labels are folded into prosody.weight and prosody.bias
    manifest.json         the model folder's manifest
    clips/clip1..3.wav    short synthetic clips
    expected.safetensors  what PyTorch computes for them, stage by stage
"""
import os
import sys

import numpy as np
import torch

import engines
import labels
import manifest
import safetensors_io
from frontend import features
from model import Model

CLIPS = [("en", "f3", "Good evening, and welcome.", {"rate": 150, "pitch": 60, "range": 60}),
         ("de", "m3", "Der Zug kommt gleich.", {"rate": 180, "pitch": 40, "range": 30}),
         ("en", "croak", "Is it late?", {"rate": 130, "pitch": 30, "range": 80})]


def load_model(weights):
    """Model with exported weights; its prosody output needs only the inverse."""
    model = Model()
    state = {k: torch.from_numpy(v) for k, v in safetensors_io.load(weights).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or any(not m.endswith("num_batches_tracked") for m in missing):
        raise SystemExit("%s does not fit the model: %s %s" % (weights, missing, unexpected))
    return model.eval()


def inverse(values):
    """Linear read-out -> label values with units."""
    out = np.array(values, np.float32)
    for i, name in enumerate(labels.NAMES):
        if name in labels.LOG2:
            out[..., i] = np.exp2(out[..., i])
    return out


def main():
    checkpoint, work, out = sys.argv[1:4]
    os.makedirs(os.path.join(out, "clips"), exist_ok=True)
    saved = torch.load(checkpoint)
    state = {k: v.numpy() for k, v in saved["model"].items()
             if not k.endswith("num_batches_tracked")}
    mean, std = (v.numpy() for v in saved["stats"][:2])
    state["prosody.weight"] = state["prosody.weight"] * std[:, None]
    state["prosody.bias"] = state["prosody.bias"] * std + mean
    weights = os.path.join(out, "weights.safetensors")
    safetensors_io.save(weights, state)
    manifest.write(out)

    torch.set_num_threads(1)
    model = load_model(weights)
    espeak = engines.Espeak(work, {})
    expected = {}
    for i, (language, variant, text, params) in enumerate(CLIPS, 1):
        x, _ = espeak.speak(text, language + "+" + variant, **params)
        path = os.path.join(out, "clips", "clip%d.wav" % i)
        engines.write_wav(path, x[:3 * engines.RATE] * 0.5)
        x, _ = engines.read_wav(path)
        with torch.no_grad():
            mel = features(torch.from_numpy(x))
            reference, style, token_weights, prosody = model(mel[None])
        for name, value in (("mel", mel), ("reference", reference[0]), ("style", style[0]),
                            ("token_weights", token_weights[0]),
                            ("prosody_linear", prosody[0]),
                            ("prosody", inverse(prosody[0].numpy()))):
            expected["clip%d.%s" % (i, name)] = np.asarray(value)
        print(path, "%.2f s" % (len(x) / engines.RATE),
              dict(zip(labels.NAMES, np.round(inverse(prosody[0].numpy()), 2).tolist())))
    safetensors_io.save(os.path.join(out, "expected.safetensors"), expected)
    print(weights, os.path.getsize(weights), "bytes")


if __name__ == "__main__":
    main()
