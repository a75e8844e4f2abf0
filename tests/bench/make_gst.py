#!/usr/bin/env python3
"""Make a GST of the published shape and front end (KinglittleQ/GST-Tacotron) with random weights, to be timed.

    python3 tests/bench/make_gst.py FOLDER

The weights come from a fixed seed, so the bytes are the same everywhere. The manifest says that they mean nothing
("trained": false).
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

CONVERT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "convert_checkpoint.py")


def tensors(seed=20):
    """state_dict of KinglittleQ/GST-Tacotron's `gst` module, E = 256, 8 heads, 10 tokens."""
    random = np.random.Generator(np.random.PCG64(seed))

    def normal(*shape, scale):
        return (scale * random.standard_normal(shape)).astype(np.float32)

    out = {}
    channels = [1, 32, 32, 64, 64, 128, 128]
    for i, (c_in, c_out) in enumerate(zip(channels, channels[1:])):
        conv, norm = f"gst.encoder.convs.{i}.", f"gst.encoder.bns.{i}."
        out[conv + "weight"] = normal(c_out, c_in, 3, 3, scale=(2.0 / (9 * c_in)) ** 0.5)
        out[conv + "bias"] = np.zeros(c_out, np.float32)
        out[norm + "weight"] = np.ones(c_out, np.float32)
        out[norm + "bias"] = normal(c_out, scale=0.1)
        out[norm + "running_mean"] = normal(c_out, scale=0.1)
        out[norm + "running_var"] = np.ones(c_out, np.float32)
    out["gst.encoder.gru.weight_ih_l0"] = normal(384, 256, scale=0.12)
    out["gst.encoder.gru.weight_hh_l0"] = normal(384, 128, scale=0.06)
    out["gst.encoder.gru.bias_ih_l0"] = normal(384, scale=0.05)
    out["gst.encoder.gru.bias_hh_l0"] = normal(384, scale=0.05)
    out["gst.stl.embed"] = normal(10, 32, scale=0.8)
    out["gst.stl.attention.W_query.weight"] = normal(256, 128, scale=0.3)
    out["gst.stl.attention.W_key.weight"] = normal(256, 32, scale=0.3)
    out["gst.stl.attention.W_value.weight"] = normal(256, 32, scale=0.2)
    return out


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        checkpoint = os.path.join(work, "untrained.npz")
        np.savez(checkpoint, **tensors())
        subprocess.run([sys.executable, CONVERT, checkpoint,
                        "-o", folder, "--family", "gst-tacotron", "--overwrite",
                        "--set", "name=gst", "--set", "frame_multiple=1"], check=True)
    path = os.path.join(folder, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    manifest["description"] = "GST of the standard shape with random weights: its numbers mean nothing"
    manifest["trained"] = False
    manifest["provenance"] = {"source": "tests/bench/make_gst.py"}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
