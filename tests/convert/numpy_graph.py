"""Runs a model folder's layers in float64 numpy, from features on.

Written from models/README.md alone: an independent twin of the program's layers, to prove conversions and layers by.
Clear, not fast. Images are [F, T, C] as the specification has them.
"""
import json
import os

import numpy as np

LAYERS = {}


def layer(*names):
    def register(function):
        LAYERS.update(dict.fromkeys(names, function))
        return function
    return register


def read_safetensors(path):
    """Tensors by name, as float64 (integers as they are)."""
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "BF16": "<u2"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + n for n in entry["data_offsets"])
        values = np.frombuffer(data[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        tensors[name] = values if entry["dtype"] == "I64" else values.astype(np.float64)
    return tensors


class Weights:
    """A layer's tensors by the names its type gives them."""

    def __init__(self, tensors, spec):
        self.tensors, self.map = tensors, spec.get("weights", spec["name"] + ".")

    def name(self, wanted):
        if isinstance(self.map, str):
            return self.map + wanted
        start = max((key for key in self.map if wanted.startswith(key)), key=len)
        return self.map[start] + wanted[len(start):]

    def __getitem__(self, wanted):
        return self.tensors[self.name(wanted)]


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        self.tensors = {}
        for entry in self.manifest["weights"]:
            self.tensors.update(read_safetensors(os.path.join(folder, entry["file"])))

    def run(self, features, **bound):
        """Every output by name. `bound` feeds further inputs."""
        values = {"features": np.asarray(features, np.float64), **bound}
        before = "features"
        for spec in self.manifest["layers"]:
            wanted = spec.get("inputs", spec.get("input", before))
            if isinstance(wanted, dict):
                given = {key: values[name] for key, name in wanted.items()}
            elif isinstance(wanted, list):
                given = [values[name] for name in wanted]
            else:
                given = values[wanted]
            result = LAYERS[spec["type"]](spec, Weights(self.tensors, spec), given)
            main, further = result if isinstance(result, tuple) else (result, {})
            before = spec["name"]
            values[before] = main
            values.update({f"{before}.{key}": value for key, value in further.items()})
        return {name: values[entry["from"]] for name, entry in self.manifest["outputs"].items()}


# -- shared ---------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _erf(x):
    from math import erf
    return np.vectorize(erf, otypes=[float])(x)


ACTIVATIONS = {
    "none": lambda x, slope: x, "relu": lambda x, slope: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x >= 0, x, slope * x), "tanh": lambda x, slope: np.tanh(x),
    "sigmoid": lambda x, slope: sigmoid(x), "softsign": lambda x, slope: x / (1 + np.abs(x)),
    "softplus": lambda x, slope: softplus(x), "mish": lambda x, slope: x * np.tanh(softplus(x)),
    "swish": lambda x, slope: x * sigmoid(x), "gelu": lambda x, slope: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
}


def activate(spec, x, key="activation"):
    return ACTIVATIONS[spec.get(key, "none")](x, spec.get("slope", 0.01))


def normalise(x, kind, weights, prefix="", groups=1, affine=True, eps=1e-5):
    """Channels are the last axis of a vector, a sequence or an image; all other axes are positions."""
    if kind == "none":
        return x
    channels = x.shape[-1]
    flat = x.reshape(-1, channels)
    if kind == "batch":
        mean, var = weights[prefix + "running_mean"], weights[prefix + "running_var"]
    elif kind == "layer":
        mean, var = flat.mean(1, keepdims=True), flat.var(1, keepdims=True)
    elif kind == "instance":
        mean, var = flat.mean(0), flat.var(0)
    else:
        grouped = flat.reshape(flat.shape[0], groups, channels // groups)
        mean = np.repeat(grouped.mean((0, 2)), channels // groups)
        var = np.repeat(grouped.var((0, 2)), channels // groups)
    y = (flat - mean) / np.sqrt(var + eps)
    if affine:
        y = y * weights[prefix + "weight"] + weights[prefix + "bias"]
    return y.reshape(x.shape)


def norm_then_activation(spec, weights, x):
    def norm(y):
        return normalise(y, spec.get("norm", "none"), weights, "norm.", spec.get("norm_groups", 1),
                         spec.get("norm_affine", True), spec.get("norm_eps", 1e-5))
    if spec.get("order", "norm_activation") == "norm_activation":
        return activate(spec, norm(x))
    return norm(activate(spec, x))


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


# -- layers ---------------------------------------------------------------------------------------------------------


@layer("image")
def image(spec, weights, x):
    if spec.get("layout", "time_major") == "mel_major":
        x = np.ascontiguousarray(x.T).reshape(x.shape)
    return x.T[:, :, None]


def _coordinates(x):
    """Three channels behind the others: time and frequency in [-1, 1], and their radius around 0.5."""
    bins, frames, _ = x.shape
    t = np.broadcast_to(2 * np.arange(frames) / (frames - 1) - 1, (bins, frames))
    f = np.broadcast_to((2 * np.arange(bins) / (bins - 1) - 1)[:, None], (bins, frames))
    r = np.sqrt((t - 0.5) ** 2 + (f - 0.5) ** 2)
    return np.concatenate([x, t[:, :, None], f[:, :, None], r[:, :, None]], axis=2)


def _amounts(spec, sizes, kernel, stride, dilation):
    """Zeros (before, behind) for time and frequency."""
    if spec.get("padding_rule", "given") == "given":
        return [(p, p) for p in pair(spec.get("padding", 0))]
    result = []
    for n, k, s, d in zip(sizes, kernel, stride, dilation):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        result.append((total // 2, total - total // 2))
    return result


@layer("conv2d")
def conv2d(spec, weights, x):
    if spec.get("coordinates", "none") == "time_frequency_radius":
        x = _coordinates(x)
    kernel, stride, dilation = (pair(spec.get(key, value)) for key, value in
                                (("kernel", 3), ("stride", 1), ("dilation", 1)))
    weight, groups = weights["weight"], spec.get("groups", 1)
    x = x.transpose(1, 0, 2)  # time, frequency, channels
    padded = np.pad(x, _amounts(spec, x.shape[:2], kernel, stride, dilation) + [(0, 0)])
    sizes = [(padded.shape[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    out = np.zeros((*sizes, weight.shape[0]))
    inside, each = weight.shape[1], weight.shape[0] // groups
    for a in range(kernel[0]):
        for b in range(kernel[1]):
            rows = slice(a * dilation[0], a * dilation[0] + (sizes[0] - 1) * stride[0] + 1, stride[0])
            columns = slice(b * dilation[1], b * dilation[1] + (sizes[1] - 1) * stride[1] + 1, stride[1])
            for g in range(groups):
                piece = padded[rows, columns, g * inside:(g + 1) * inside]
                out[:, :, g * each:(g + 1) * each] += piece @ weight[g * each:(g + 1) * each, :, a, b].T
    if spec.get("bias", True):
        out += weights["bias"]
    return norm_then_activation(spec, weights, out.transpose(1, 0, 2))


@layer("flatten")
def flatten(spec, weights, x):
    bins, frames, channels = x.shape
    order = spec.get("order", "channel_major")
    if order == "channel_major":
        return x.transpose(1, 2, 0).reshape(frames, channels * bins)
    if order == "mel_major":
        return x.transpose(1, 0, 2).reshape(frames, bins * channels)
    return np.ascontiguousarray(x.transpose(2, 1, 0)).reshape(frames, channels * bins)


@layer("linear")
def linear(spec, weights, x):
    y = x @ weights["weight"].T
    return activate(spec, y + weights["bias"] if spec.get("bias", True) else y)


@layer("activation")
def activation(spec, weights, x):
    return activate(spec, x, "kind")


@layer("norm", "layer_norm", "batch_norm", "instance_norm", "group_norm")
def norm(spec, weights, x):
    return normalise(x, spec.get("kind") or spec["type"][:-len("_norm")], weights, "", spec.get("groups", 1), spec.get("affine", True),
                     spec.get("eps", 1e-5))


def _project(spec, weights, x, part):
    if not spec.get(part + "_projection", True):
        return x
    y = x @ weights[part + ".weight"].T
    return y + weights[part + ".bias"] if spec.get(part + "_bias", False) else y


def token_attention(spec, weights, x, score, biased=False, values=True):
    """Both attentions over learned tokens; score(query [n, w], key [K, w]) of one head. Further: published defaults."""
    units, heads = spec["units"], spec.get("heads", 1)
    spec = {"query_bias": biased, "key_bias": biased, "value_projection": values, **spec}
    tokens = weights["tokens"]
    if spec.get("token_activation", "tanh") == "tanh":
        tokens = np.tanh(tokens)
    vector = x.ndim == 1
    query = _project(spec, weights, x[None] if vector else x, "query")
    key, value = _project(spec, weights, tokens, "key"), _project(spec, weights, tokens, "value")
    rows, maps = [], []
    for h in range(heads):
        part = slice(h * units // heads, (h + 1) * units // heads)
        scores = score(query[:, part], key[:, part])
        weight = softmax(scores) if spec.get("softmax_axis", "tokens") == "tokens" else np.ones_like(scores)
        rows.append(weight @ (value[:, part] if spec["value_projection"] else value))
        maps.append(weight)
    y, attention = np.concatenate(rows, axis=1), np.array(maps)
    if spec.get("out", 0):
        y = y @ weights["out.weight"].T
        if spec.get("out_bias", True):
            y = y + weights["out.bias"]
    return (y[0], {"attention": attention[:, 0]}) if vector else (y, {"attention": attention})


@layer("style_token_attention")
def style_token_attention(spec, weights, x):
    units = spec["units"]
    scale = {"token_width": spec["token_width"], "head_width": units / spec.get("heads", 1), "units": units, "none": 1}[
        spec.get("scale", "token_width")]
    return token_attention(spec, weights, x, lambda query, key: query @ key.T / np.sqrt(scale))


@layer("additive_attention")
def additive_attention(spec, weights, x):
    n, b = weights["v"], 0
    if spec.get("normalize", True):
        n, b = weights["g"] * n / np.sqrt(np.sum(n ** 2)), weights["b"]
    return token_attention(spec, weights, x, lambda query, key: np.tanh(key[None] + query[:, None] + b) @ n,
                           biased=True, values=False)


import numpy_sequence  # noqa: E402, F401  enters its layers into LAYERS
