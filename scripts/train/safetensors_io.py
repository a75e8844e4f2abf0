"""Reading and writing safetensors files with numpy alone."""
import json
import struct

import numpy as np


def save(path, tensors, metadata=None):
    """Write float32 tensors {name: array}."""
    header, blobs, at = {}, [], 0
    if metadata:
        header["__metadata__"] = {k: str(v) for k, v in metadata.items()}
    for name in sorted(tensors):
        # (ascontiguousarray would turn a scalar into a vector)
        data = np.asarray(tensors[name], dtype="<f4", order="C")
        header[name] = {"dtype": "F32", "shape": list(data.shape),
                        "data_offsets": [at, at + data.nbytes]}
        blobs.append(data.tobytes())
        at += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    """{name: float32 array} of a file written by `save`."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        body = f.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            a, b = entry["data_offsets"]
            out[name] = np.frombuffer(body[a:b], "<f4").reshape(entry["shape"]).copy()
    return out
