#!/usr/bin/env python3
"""Write the weights of the example models: random, from a fixed seed.

    python3 models/examples/make.py

The manifests are written by hand. For every tensor a manifest names, values are drawn and put into the
weights file; then the file's digest is put into the manifest.
"""
import hashlib
import json
import pathlib
import re

import numpy as np


def values(random, name, shape):
    if len(shape) > 1:  # a matrix: about as large at its output as at its input
        return random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    if name.endswith("norm.weight"):
        return 1 + 0.1 * random.standard_normal(shape)
    return 0.1 * random.standard_normal(shape)


def safetensors(tensors):
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blob = array.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(blobs)


def make(manifest):
    text = manifest.read_text(encoding="utf-8")
    entry, = json.loads(text)["weights"]
    random = np.random.Generator(np.random.PCG64(4))
    data = safetensors({name: values(random, name, tensor["shape"]) for name, tensor in entry["tensors"].items()})
    (manifest.parent / entry["file"]).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    manifest.write_text(re.sub(r'"sha256": "\w*"', f'"sha256": "{digest}"', text), encoding="utf-8")


if __name__ == "__main__":
    for path in sorted(pathlib.Path(__file__).resolve().parent.glob("*/manifest.json")):
        make(path)
        print(path.parent.name)
