"""Tensors that are read only when somebody asks for their values.

A checkpoint may hold gigabytes of optimiser state; recognising a family needs names, dtypes and shapes alone.
numpy has no bfloat16: such values travel as their 16 raw bits.
"""
import numpy as np

from .errors import READ_ERRORS, ConvertError, reason

# name -> (numpy type of the raw values, bytes)
DTYPES = {
    "F64": ("<f8", 8), "F32": ("<f4", 4), "F16": ("<f2", 2), "BF16": ("<u2", 2),
    "I64": ("<i8", 8), "I32": ("<i4", 4), "I16": ("<i2", 2), "I8": ("i1", 1), "U8": ("u1", 1), "BOOL": ("u1", 1),
    "U16": ("<u2", 2), "U32": ("<u4", 4), "U64": ("<u8", 8), "C64": ("<c8", 8), "C128": ("<c16", 16),
    "F8_E4M3": ("u1", 1), "F8_E5M2": ("u1", 1),
}
FLOATS = ("F64", "F32", "F16", "BF16")
MAX_BYTES = 4 << 30  # of one tensor, and of a model's weights


class Tensor:
    """dtype is a key of DTYPES; load() returns the raw values, little-endian and contiguous, in this shape."""

    __slots__ = ("dtype", "shape", "_load")

    def __init__(self, dtype, shape, load):
        self.dtype, self.shape, self._load = dtype, tuple(shape), load

    @classmethod
    def of(cls, array, dtype="F32"):
        array = np.ascontiguousarray(array, DTYPES[dtype][0])
        return cls(dtype, array.shape, lambda: array)

    @property
    def nbytes(self):
        return element_count(self.shape) * DTYPES[self.dtype][1]

    def raw(self):
        if self.nbytes > MAX_BYTES:
            raise ConvertError(f"a tensor of shape {list(self.shape)} is larger than 4 GiB")
        try:
            array = self._load()
        except READ_ERRORS as error:
            raise ConvertError(f"the values of a tensor of shape {list(self.shape)} cannot be read; "
                               f"the file is damaged ({reason(error)})") from None
        assert array.shape == self.shape and array.dtype == np.dtype(DTYPES[self.dtype][0])
        return array

    def float64(self):
        if self.dtype not in FLOATS:
            raise ConvertError(f"a tensor of type {self.dtype} is used as weights; expected one of {', '.join(FLOATS)}")
        raw = self.raw()
        if self.dtype == "BF16":
            raw = (raw.astype("<u4") << 16).view("<f4")
        return raw.astype(np.float64)

    def transposed(self, *axes):
        """The same values with permuted axes, as np.transpose."""
        shape = [self.shape[a] for a in axes]
        return Tensor(self.dtype, shape, lambda: np.ascontiguousarray(self.raw().transpose(axes)))

    def reshaped(self, *shape):
        assert element_count(shape) == element_count(self.shape)
        return Tensor(self.dtype, shape, lambda: self.raw().reshape(shape))

    def rows(self, begin, end):
        """A slice of the first axis."""
        return Tensor(self.dtype, (end - begin, *self.shape[1:]), lambda: np.ascontiguousarray(self.raw()[begin:end]))


def element_count(shape):
    count = 1
    for n in shape:
        count *= n
    return count


def strided_view(raw_bytes, dtype, offset, shape, stride, big_endian=False):
    """Values of a checked view (see check_view) of a storage, copied out in C order."""
    kind = np.dtype(DTYPES[dtype][0])
    flat = np.frombuffer(raw_bytes, kind.newbyteorder(">") if big_endian else kind)
    if element_count(shape) == 0:
        return np.zeros(shape, kind)
    if element_count(shape) > flat.size:
        raise ConvertError(f"a view of shape {list(shape)} repeats elements of its storage of {flat.size}")
    steps = [s * kind.itemsize for s in stride]
    view = np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False)
    return np.array(view, kind, order="C")


def check_view(numel, offset, shape, stride):
    """A view must lie inside its storage of numel elements: offset, shape and stride are as in torch."""
    numbers = [offset, *shape, *stride]
    if not all(type(n) is int and n >= 0 for n in numbers) or len(shape) != len(stride):
        raise ConvertError(f"a tensor view of offset {offset!r}, shape {shape!r}, stride {stride!r}: "
                           "expected non-negative integers")
    if len(shape) > 64 or max(numbers, default=0) >= 1 << 48:
        raise ConvertError("a tensor view has more than 64 axes or sizes beyond 2^48")
    if element_count(shape) == 0:
        return
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride))
    if last >= numel:
        raise ConvertError(f"a tensor view of offset {offset}, shape {list(shape)}, stride {list(stride)} "
                           f"lies outside its storage of {numel} elements")
