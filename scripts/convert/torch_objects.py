"""What a torch pickle builds: storages, tensors, parameters, ordered dictionaries. Everything else stays inert.

The layouts are those of torch/_utils.py and torch/serialization.py; tensors are lazy, their bounds are checked at once.
"""
from .errors import ConvertError
from .tensors import DTYPES, Tensor, check_view, strided_view
from .unpickle import Global, Instance

STORAGE_TYPES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "UntypedStorage": None,
    "QInt8Storage": "I8", "QUInt8Storage": "U8", "QInt32Storage": "I32", "QUInt4x2Storage": "U8",
    "QUInt2x4Storage": "U8",
}
TORCH_DTYPES = {
    "float32": "F32", "float": "F32", "float64": "F64", "double": "F64", "float16": "F16", "half": "F16",
    "bfloat16": "BF16", "int64": "I64", "long": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8",
    "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64", "complex64": "C64", "complex128": "C128",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}


class Storage:
    """numel elements of dtype (None: bytes) behind `base` elements of what fetch() returns."""

    __slots__ = ("dtype", "numel", "base", "fetch", "big_endian")

    def __init__(self, dtype, numel, fetch, base=0, big_endian=False):
        self.dtype, self.numel, self.base, self.fetch, self.big_endian = dtype, numel, base, fetch, big_endian


def parse_storage_id(identity):
    """(dtype, key, numel, view) of an id ("storage", type, key, device, numel[, view]); the device does not matter."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise ConvertError("the pickle refers to something that is not a tensor storage")
    _, kind, key, _, numel = identity[:5]
    if not isinstance(kind, Global) or kind.name not in STORAGE_TYPES:
        raise ConvertError(f"storage '{key}' is of a type unknown to torch: {getattr(kind, 'path', kind)!r}")
    if not isinstance(key, (str, int)) or type(numel) is not int or not 0 <= numel < 1 << 48:
        raise ConvertError(f"storage {key!r} has size {numel!r}; expected a name and a number of elements")
    return STORAGE_TYPES[kind.name], str(key), numel, identity[5] if len(identity) == 6 else None


def storage_bytes(dtype, numel):
    return numel * (DTYPES[dtype][1] if dtype else 1)


def _rebuild_tensor(storage, offset, shape, stride, *rest):
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(stride, tuple):
        raise ConvertError("a tensor is built from something that is not a storage; the file is damaged")
    return _view(storage, storage.dtype or "U8", storage.numel, offset, shape, stride)


def _rebuild_tensor_v3(storage, offset, shape, stride, requires_grad, hooks, dtype, *rest):
    name = getattr(dtype, "name", None)
    if not isinstance(storage, Storage) or storage.dtype is not None or name not in TORCH_DTYPES:
        return Instance(dtype if isinstance(dtype, Global) else None)
    kind = TORCH_DTYPES[name]
    return _view(storage, kind, storage.numel // DTYPES[kind][1], offset, shape, stride)


def _view(storage, dtype, numel, offset, shape, stride):
    check_view(numel, offset, shape, stride)
    return Tensor(dtype, shape, lambda: strided_view(storage.fetch(), dtype, storage.base + offset, shape, stride,
                                                     storage.big_endian))


def _ordered_dict(*args):
    pairs = args[0] if args and isinstance(args[0], (list, tuple)) else ()
    return {p[0]: p[1] for p in pairs if isinstance(p, (list, tuple)) and len(p) == 2 and isinstance(p[0], str)}


def _size(*args):
    return tuple(args[0]) if args and isinstance(args[0], (list, tuple)) else ()


def _first(value, *rest):
    return value


def _from_type(function, kind, args, *rest):
    """torch._tensor._rebuild_from_type_v2: a subclass of Tensor, built as the plain one."""
    return build(function, args) if isinstance(function, Global) and isinstance(args, tuple) else Instance(None)


BUILDERS = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.nn.parameter.Parameter": _first,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch._tensor._rebuild_from_type": _from_type,
    "torch.Size": _size,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": lambda *args: {},
    "builtins.dict": _ordered_dict,
}


def build(function, args):
    """The object for a call that a pickle asks for: one of BUILDERS or an inert Instance."""
    builder = BUILDERS.get(function.path)
    if builder is None:
        return Instance(function, args)
    try:
        return builder(*args)
    except TypeError:
        raise ConvertError(f"'{function.path}' is called with arguments it does not take") from None
