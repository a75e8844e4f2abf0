"""The model folder's manifest: `python3 manifest.py MODEL_DIR` reads weights.safetensors there and writes manifest.json.

The graph is the standard GST (models/README.md); the front end repeats the constants of frontend.py under the manifest's
names. Standard library only.
"""
import hashlib
import json
import os
import struct
import sys

FRONT_END = {
    "sample_rate": 16000, "n_fft": 1024, "hop_length": 256, "power": 2,
    "n_mels": 80, "fmin": 0, "fmax": 8000, "mel_scale": "htk", "mel_norm": "none",
    "log": "log10", "log_gain": 10, "log_floor": 1e-7, "mean": -35, "std": 20,
}
LABELS = [("f0_hz", "Hz", "exp2"), ("f0_range_st", "semitones", "identity"), ("level_dbfs", "dBFS", "identity"),
          ("dynamics_db", "dB", "identity"), ("rate_syl_s", "syllables/s", "exp2"), ("tilt_db_oct", "dB/octave", "identity"),
          ("hnr_db", "dB", "identity"), ("voiced", "share", "identity")]
CHANNELS = (32, 32, 64, 64, 128, 128)


def layers():
    graph = [{"name": "image", "type": "image"}]
    for i, channels in enumerate(CHANNELS):
        graph.append({"name": f"conv{i}", "type": "conv2d", "channels": channels, "kernel": 3, "stride": 2, "padding": 1,
                      "norm": "batch", "activation": "relu",
                      "weights": {"": f"encoder.convs.{i}.", "norm.": f"encoder.bns.{i}."}})
    graph += [
        {"name": "flat", "type": "flatten"},
        {"name": "gru", "type": "gru", "units": 128, "weights": "encoder.gru."},
        {"name": "stl", "type": "style_token_attention", "tokens": 10, "token_width": 32, "units": 256, "heads": 8,
         "weights": {"tokens": "stl.embed", "query.": "stl.attention.W_query.", "key.": "stl.attention.W_key.",
                     "value.": "stl.attention.W_value."}},
        {"name": "prosody", "type": "linear", "units": len(LABELS), "weights": "prosody."},
    ]
    return graph


def tensors(data):
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: {"dtype": entry["dtype"], "shape": entry["shape"]} for name, entry in sorted(header.items())}


def manifest(folder, name):
    with open(os.path.join(folder, "weights.safetensors"), "rb") as file:
        data = file.read()
    return {
        "format": "stylet", "version": 1, "name": name,
        "description": "prosody and voice quality of speech: GST of the standard shape, trained on synthetic speech",
        "license": "MIT", "family": "gst-tacotron",
        "provenance": {"source": "scripts/train", "corpus": "espeak-ng and flite, synthetic speech only"},
        "front_end": FRONT_END,
        "weights": [{"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest(),
                     "tensors": tensors(data)}],
        "layers": layers(),
        "outputs": {
            "style": {"from": "stl", "description": "style embedding"},
            "token_weights": {"from": "stl.attention", "description": "softmax weights, [heads, tokens]"},
            "reference": {"from": "gru", "description": "the reference encoder's last state, before the tokens"},
            "prosody": {"from": "prosody", "description": "eight measured properties of the speech",
                        "labels": [{"name": n, "unit": u, "inverse": i} for n, u, i in LABELS]},
        },
    }


def write(folder):
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest(folder, os.path.basename(os.path.normpath(folder))), file, indent=2)
        file.write("\n")


def main():
    write(sys.argv[1])


if __name__ == "__main__":
    main()
