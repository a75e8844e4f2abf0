"""safetensors, both ways. Reading checks every bound; writing gives the same bytes for the same tensors."""
import json
import struct

import numpy as np

from .errors import ConvertError
from .tensors import DTYPES, Tensor, element_count

MAX_HEADER = 100 << 20


def _no_duplicates(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ConvertError("the safetensors header names something twice")
    return result


def parse_header(data):
    """(entries by name, start of the values)."""
    size = struct.unpack("<Q", bytes(data[:8]))[0] if len(data) >= 8 else 0
    if not 2 <= size <= min(MAX_HEADER, len(data) - 8):
        raise ConvertError(f"the safetensors header of {size} bytes does not fit the file; it is truncated or damaged")
    try:
        header = json.loads(bytes(data[8:8 + size]).decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"the safetensors header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise ConvertError("the safetensors header is not an object")
    header.pop("__metadata__", None)
    return header, 8 + size


def check_entry(name, entry):
    """(dtype, shape, begin, end) of one entry, its size checked."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise ConvertError(f"tensor '{name}': expected dtype, shape and data_offsets") from None
    if dtype not in DTYPES:
        raise ConvertError(f"tensor '{name}' has dtype {dtype!r}; expected one of {', '.join(DTYPES)}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 1 << 48 for n in [*shape, begin, end]):
        raise ConvertError(f"tensor '{name}' has a shape or offsets that are no sizes")
    if len(shape) > 64 or end - begin != element_count(shape) * DTYPES[dtype][1]:
        raise ConvertError(f"tensor '{name}' has {end - begin} bytes; expected {dtype} {shape}")
    return dtype, shape, begin, end


def read_safetensors(data):
    """Tensors by name, lazy: they keep `data` (bytes or a map of the file) open."""
    header, start = parse_header(data)
    tensors, spans = {}, []
    for name, entry in header.items():
        dtype, shape, begin, end = check_entry(name, entry)
        spans.append((begin, end, name))
        tensors[name] = Tensor(dtype, shape, _loader(data, start + begin, start + end, dtype, shape))
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at:
            raise ConvertError(f"tensor '{name}' begins at byte {begin}; expected {at}: no holes and no overlaps")
        at = end
    if start + at != len(data):
        raise ConvertError(f"the values end at byte {start + at} of {len(data)}; the file is truncated or damaged")
    return tensors


def _loader(data, begin, end, dtype, shape):
    return lambda: np.frombuffer(bytes(data[begin:end]), DTYPES[dtype][0]).reshape(shape)


def write_safetensors(path, tensors):
    """Writes in name order, header padded with spaces to 8 bytes."""
    header, at = {}, 0
    for name in sorted(tensors):
        tensor = tensors[name]
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "xb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(tensors[name].raw().tobytes())
