"""Re-parametrised weights as the plain ones they stand for, under their plain names.

weight norm    w = g v / ||v||, the norm over all axes but the first: X.weight_g, X.weight_v, or since torch 2.0
               X.parametrizations.weight.original0 and original1
spectral norm  w = W / (u^T W v) with the stored u and v, W as [out, rest]: X.weight_orig, X.weight_u, X.weight_v, or
               X.parametrizations.weight.original and X.parametrizations.weight.0._u, ._v. The stored vectors come from
               few power iterations: the true spectral norm is another number, and the wrong one.
"""
import numpy as np

from .errors import ConvertError
from .tensors import Tensor

WEIGHT_NORM = ((".weight_g", ".weight_v"),
               (".parametrizations.weight.original0", ".parametrizations.weight.original1"))
SPECTRAL_NORM = ((".weight_orig", ".weight_u", ".weight_v"),
                 tuple(".parametrizations.weight." + part for part in ("original", "0._u", "0._v")))


def _weight_norm(name, g, v):
    if len(v.shape) < 2 or g.shape != (v.shape[0],) + (1,) * (len(v.shape) - 1):
        raise ConvertError(f"tensor '{name}': weight norm with g {list(g.shape)} and v {list(v.shape)}; "
                           "expected g of one value per output channel")

    def load():
        direction = v.float64()
        length = np.sqrt((direction ** 2).sum(axis=tuple(range(1, direction.ndim)), keepdims=True))
        if not length.all():
            raise ConvertError(f"tensor '{name}': weight norm of a zero vector")
        return (g.float64() * direction / length).astype("<f4")
    return Tensor("F32", v.shape, load)


def _spectral_norm(name, weight, u, v):
    rest = int(np.prod(weight.shape[1:], dtype=np.int64)) if len(weight.shape) > 1 else 0
    if u.shape != weight.shape[:1] or v.shape != (rest,):
        raise ConvertError(f"tensor '{name}': spectral norm with weight {list(weight.shape)}, u {list(u.shape)}, "
                           f"v {list(v.shape)}; expected u of the rows and v of the columns")

    def load():
        plain = weight.float64()
        sigma = u.float64() @ plain.reshape(plain.shape[0], -1) @ v.float64()
        if not sigma:
            raise ConvertError(f"tensor '{name}': spectral norm of zero")
        return (plain / sigma).astype("<f4")
    return Tensor("F32", weight.shape, load)


def fold(tensors):
    """(the tensors with plain weights added and their parts removed, {name: which norm was folded})."""
    result, folded = dict(tensors), {}
    for names, combine, kind in ((SPECTRAL_NORM, _spectral_norm, "spectral norm"),
                                 (WEIGHT_NORM, _weight_norm, "weight norm")):
        for endings in names:
            for name in [name for name in result if name.endswith(endings[0])]:
                stem = name[:-len(endings[0])]
                parts = [stem + ending for ending in endings]
                if all(part in result for part in parts):
                    tensor = combine(stem + ".weight", *(result.pop(part) for part in parts))
                    result[stem + ".weight"], folded[stem + ".weight"] = tensor, kind
    return result, folded
