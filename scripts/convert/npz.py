"""numpy archives, a zip of .npy files. Object arrays are pickles: refused. Sizes are checked before unpacking."""
import io

import numpy as np

from .errors import ConvertError
from .tensors import DTYPES, Tensor, element_count

MAX_HEADER = 1 << 16
MAX_UNPACKED, MAX_RATIO = 64 << 20, 100  # a member beyond both looks like a bomb
BY_NUMPY_TYPE = {("f", 8): "F64", ("f", 4): "F32", ("f", 2): "F16", ("i", 8): "I64", ("i", 4): "I32", ("i", 2): "I16",
                 ("i", 1): "I8", ("u", 1): "U8", ("u", 2): "U16", ("u", 4): "U32", ("u", 8): "U64", ("b", 1): "BOOL",
                 ("c", 8): "C64", ("c", 16): "C128"}


def read_array_header(file, name):
    """(shape, whether Fortran order, numpy type) of a .npy; nothing is evaluated but the literal of its header."""
    try:
        version = np.lib.format.read_magic(file)
        length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
        if length > MAX_HEADER:
            raise ValueError(f"header of {length} bytes")
        text = file.read(length)
        raw = (length.to_bytes(2, "little") if version == (1, 0) else length.to_bytes(4, "little")) + text
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(io.BytesIO(raw))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ConvertError(f"member '{name}' is not a .npy array ({str(error).splitlines()[0]})") from None


def read_npz(archive, file_size):
    """Tensors by name, without the .npy; lazy."""
    tensors = {}
    for info in archive.infolist():
        name = info.filename
        if not name.endswith(".npy") or name[:-4] in tensors:
            raise ConvertError(f"member '{name}' of the archive is not a .npy array, or stands twice")
        if info.file_size > MAX_UNPACKED and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise ConvertError(f"member '{name}' claims {info.file_size} bytes in {info.compress_size}; "
                               "refused as a zip bomb")
        if info.compress_size > file_size:
            raise ConvertError(f"member '{name}' lies outside the file; it is truncated or damaged")
        with archive.open(info) as file:
            shape, fortran, kind = read_array_header(file, name)
            start = file.tell()
        if kind.hasobject:
            raise ConvertError(f"member '{name}' is an object array, which would run a pickle; expected numbers")
        dtype = BY_NUMPY_TYPE.get((kind.kind, kind.itemsize))
        if dtype is None:
            continue  # text and the like, as configurations are sometimes kept
        if not all(type(n) is int and 0 <= n < 1 << 48 for n in shape) or len(shape) > 64 \
                or start + element_count(shape) * kind.itemsize != info.file_size:
            raise ConvertError(f"member '{name}' has {info.file_size} bytes; expected {start} and shape {list(shape)}")
        tensors[name[:-4]] = Tensor(dtype, shape, _loader(archive, info, start, shape, fortran, kind))
    return tensors


def _loader(archive, info, start, shape, fortran, kind):
    def load():
        values = np.frombuffer(archive.read(info), kind, offset=start)
        native = DTYPES[BY_NUMPY_TYPE[kind.kind, kind.itemsize]][0]
        return np.ascontiguousarray(values.reshape(shape, order="F" if fortran else "C"), native)
    return load
