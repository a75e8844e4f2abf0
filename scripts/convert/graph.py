"""Collects what a family writes: front end, layers, tensors, outputs, and what had to be assumed."""
import numpy as np

from .errors import ConvertError
from .tensors import DTYPES, FLOATS, MAX_BYTES, Tensor


class Graph:
    def __init__(self):
        self.front_end, self.inputs, self.layers, self.tensors, self.outputs = {}, {}, [], {}, {}

    def layer(self, name, type_, /, **parameters):
        """Appends a layer; parameters that are None are left out. Returns its name."""
        assert all(layer["name"] != name for layer in self.layers), name
        given = {key: value for key, value in parameters.items() if value is not None}
        self.layers.append({"name": name, "type": type_, **given})
        return name

    def tensor(self, name, tensor, shape=None):
        """Adds a tensor under its manifest name; its shape must be as expected where a number is given (None: any)."""
        if shape is not None and (len(shape) != len(tensor.shape)
                                  or any(want not in (None, have) for want, have in zip(shape, tensor.shape))):
            wanted = ["any" if n is None else n for n in shape]
            wanted = str(wanted).replace("'", "")
            raise ConvertError(f"tensor '{name}' has shape {list(tensor.shape)}; expected {wanted}")
        self.tensors[name] = tensor
        return tensor

    def take(self, view, *names, **shapes):
        """Adds tensors of a view under their own names."""
        for name in names:
            self.tensor(name, view[name], shapes.get("shape"))

    def output(self, name, source, description=None, **more):
        self.outputs[name] = {"from": source, **({"description": description} if description else {}), **more}


def check_and_widen(tensors, dtype):
    """Tensors ready to be written: F64 narrowed to F32, F16 and BF16 kept or (dtype f32) widened; all finite."""
    ready, total = {}, 0
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOATS:
            raise ConvertError(f"tensor '{name}' has type {tensor.dtype}; expected weights of {', '.join(FLOATS)}")
        if len(tensor.shape) > 4 or 0 in tensor.shape:
            raise ConvertError(f"tensor '{name}' has shape {list(tensor.shape)}; expected 1 to 4 axes, none empty")
        total += tensor.nbytes
        if total > MAX_BYTES:
            raise ConvertError("the weights are larger than 4 GiB")
        values = tensor.float64()
        kept = tensor.dtype in ("F16", "BF16") and dtype == "keep"
        with np.errstate(over="ignore"):
            written = values if kept else values.astype(DTYPES["F32"][0])
        if not np.isfinite(written).all():
            raise ConvertError(f"tensor '{name}' holds values that are not finite")
        ready[name] = Tensor.of(tensor.raw(), tensor.dtype) if kept else Tensor.of(written, "F32")
    return ready


def read_map(layer, wanted):
    """The full name of one of a layer's tensors: `weights` as models/README.md defines it."""
    prefixes = layer.get("weights", layer["name"] + ".")
    if isinstance(prefixes, str):
        return prefixes + wanted
    matching = [start for start in prefixes if wanted.startswith(start)]
    longest = max(matching, key=len)
    return prefixes[longest] + wanted[len(longest):]


def fold_batch_norms(graph):
    """Puts batch norms that directly follow a convolution into its weights: w s and (b - mean) s + beta,
    s = gamma / sqrt(var + eps)."""
    for layer in graph.layers:
        if layer.get("norm") != "batch" or layer.get("order", "norm_activation") != "norm_activation":
            continue
        names = {key: read_map(layer, key) for key in
                 ("weight", "bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")}
        affine, bias = layer.get("norm_affine", True), layer.get("bias", True)
        value = {key: graph.tensors.pop(name).float64() for key, name in names.items()
                 if (affine or key not in ("norm.weight", "norm.bias")) and (bias or key != "bias")}
        scale = value.get("norm.weight", 1.0) / np.sqrt(value["norm.running_var"] + layer.get("norm_eps", 1e-5))
        weight = value["weight"] * scale.reshape(-1, *[1] * (value["weight"].ndim - 1))
        shifted = (value.get("bias", 0.0) - value["norm.running_mean"]) * scale + value.get("norm.bias", 0.0)
        for key in ("norm", "norm_eps", "norm_affine", "bias"):
            layer.pop(key, None)
        prefix = names["weight"][:-len("weight")]
        layer["weights"] = prefix
        graph.tensors[prefix + "weight"] = Tensor.of(weight.astype("<f4"))
        graph.tensors[prefix + "bias"] = Tensor.of(shifted.astype("<f4"))
