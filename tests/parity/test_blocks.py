"""Graphs of many layers over long features: in blocks the bits are those of a run whole. An extraction that is asked
for the features keeps them, and so runs whole."""
import json

import numpy as np
import stylet
import tap

BINS = 12


def conv(name, n_in, n_out, kernel, rank, **more):
    shape = [n_out, n_in] + [kernel] * rank
    layer = {"name": name, "type": f"conv{rank}d", "channels": n_out, "kernel": kernel, **more}
    tensors = {f"{name}.weight": shape, f"{name}.bias": [n_out]}
    if more.get("norm", "none") in ("batch", "layer", "group"):
        parts = ["weight", "bias"] + (["running_mean", "running_var"] if more["norm"] == "batch" else [])
        tensors.update({f"{name}.norm.{part}": [n_out] for part in parts})
    return layer, tensors


def recurrent(name, kind, n_in, units, layers=1, **more):
    rows = units * (4 if kind == "lstm" else 3)
    tensors = {}
    for at in range(layers):
        tensors[f"{name}.weight_ih_l{at}"] = [rows, n_in if at == 0 else units]
        tensors[f"{name}.weight_hh_l{at}"] = [rows, units]
        tensors[f"{name}.bias_ih_l{at}"] = tensors[f"{name}.bias_hh_l{at}"] = [rows]
    if more.get("cell") == "tensorflow":
        tensors = {f"{name}.gates.weight": [2 * units, n_in + units], f"{name}.gates.bias": [2 * units],
                   f"{name}.candidate.weight": [units, n_in + units], f"{name}.candidate.bias": [units]}
    return {"name": name, "type": kind, "units": units, "layers": layers, **more}, tensors


def plain(name, type, **more):
    return {"name": name, "type": type, **more}, {}


GRAPHS = {
    "strides of three and two, TensorFlow's padding, both GRU cells": [
        conv("a", BINS, 16, 5, 1, stride=3, padding_rule="same", norm="batch", activation="relu"),
        conv("b", 16, 16, 4, 1, stride=2, padding_rule="same", activation="leaky_relu"),
        recurrent("c", "gru", 16, 20, layers=2, output="all"),
        recurrent("out", "gru", 16, 24, cell="tensorflow", input="b")],
    "images, halved four times": [
        plain("image", "image"),
        conv("a", 1, 6, 3, 2, stride=2, padding=1, norm="layer", activation="relu"),
        conv("b", 6, 8, 3, 2, stride=[2, 1], padding=1, norm="batch", order="activation_norm", activation="tanh"),
        plain("halved", "average_pool", kernel=2, stride=2, odd_frames="repeat"),
        conv("c", 8, 10, 3, 2, stride=[2, 1], padding=[0, 1]),
        plain("c_mean", "pool"),
        plain("c_max", "pool", kind="max", input="c"),
        plain("flat", "flatten", order="mel_major", input="c"),
        recurrent("lstm", "lstm", 30, 8),
        plain("out", "concat", inputs=["c_mean", "c_max", "lstm"])],
    "branches of unlike reach that meet, dilation, no padding": [
        conv("wide", BINS, 8, 9, 1, padding=12, dilation=3),
        conv("narrow", BINS, 8, 1, 1, input="features", activation="sigmoid"),
        plain("sum", "residual", inputs=["wide", "narrow"], factor=0.5),
        plain("gate", "glu"),
        plain("norm", "layer_norm", affine=False),
        conv("short", 4, 8, 8, 1, stride=2),
        plain("last", "pool", kind="last"),
        plain("mean", "pool", input="norm"),
        plain("out", "concat", inputs=["last", "mean"])],
    "a part in blocks, then layers that need all of it": [
        conv("a", BINS, 8, 3, 1, stride=2, padding=1, activation="relu"),
        conv("b", 8, 8, 3, 1, stride=2, padding=1),
        plain("all", "instance_norm", affine=False),
        recurrent("out", "gru", 8, 8)],
}


class Blocks(stylet.Case):
    def model(self, layers):
        random = np.random.default_rng(1)
        tensors = {}
        for _, shapes in layers:
            for name, shape in shapes.items():
                size = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.5
                values = size * random.standard_normal(shape)
                tensors[name] = np.abs(values) + 0.5 if name.endswith("_var") else values
        stylet.write_safetensors(self.scratch / "weights.safetensors", tensors)
        names = [layer["name"] for layer, _ in layers]
        entry = {"file": "weights.safetensors", "sha256": "0" * 64,
                 "tensors": {name: {"dtype": "F32", "shape": list(t.shape)} for name, t in tensors.items()}}
        manifest = {"format": "stylet", "version": 1, "name": "blocks", "family": "",
                    "front_end": {"sample_rate": 16000, "n_fft": 512, "hop_length": 160, "n_mels": BINS},
                    "weights": [entry], "layers": [layer for layer, _ in layers],
                    "outputs": {"style": {"from": "out"}}}
        (self.scratch / "manifest.json").write_text(json.dumps(manifest))
        return names

    def arrays(self, names, features):
        out = self.scratch / "out.npz"
        np.save(self.scratch / "in.npy", features)
        self.ok("extract", "-m", self.scratch, "-j", 1, "-w", ",".join(names), "-o", out, "--overwrite", self.scratch / "in.npy")
        with np.load(out) as file:
            return {name: file[name] for name in names}

    def test_any_graph_gives_the_same_bits_in_blocks(self):
        random = np.random.default_rng(2)
        for what, layers in GRAPHS.items():
            names = self.model(layers)
            for n_frames in [1537, 2600, *random.integers(1100, 5000, 3)]:
                features = random.standard_normal((n_frames, BINS)).astype(np.float32)
                blocks, whole = self.arrays(["style"], features), self.arrays(["style", "features"], features)
                self.assertEqual(blocks["style"].tobytes(), whole["style"].tobytes(), f"{what}: {n_frames} frames")
                if n_frames > 3000:
                    continue
                blocks, whole = self.arrays(names[:8], features), self.arrays([*names[:7], "features"], features)
                for name in names[:7]:
                    self.assertEqual(blocks[name].tobytes(), whole[name].tobytes(), f"{what}: {name}, {n_frames} frames")


if __name__ == "__main__":
    tap.main()
