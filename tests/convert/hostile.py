"""Writes torch checkpoints by hand, without torch, so that tests can write wrong ones."""

import io
import pickle
import struct
import zipfile

STORAGES = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}


def text(word):
    raw = word.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def integer(n):
    if -(2**31) <= n < 2**31:
        return b"J" + struct.pack("<i", n)
    raw = n.to_bytes(16, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(key, numel, kind="FloatStorage", device="cpu"):
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text(device) + integer(numel) + b"tQ"


def tensor(key, numel, offset, shape, stride, kind="FloatStorage", device="cpu"):
    """_rebuild_tensor_v2(storage, offset, shape, stride, False, OrderedDict())"""
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage(key, numel, kind, device)
        + integer(offset)
        + integers(shape)
        + integers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def dictionary(entries):
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def program(body):
    return b"\x80\x02" + body + b"."


def torch_zip(body, storages=None, compression=zipfile.ZIP_STORED, root="m"):
    """A zip checkpoint of this pickle body and {key: bytes}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(f"{root}/data.pkl", program(body))
        for key, data in (storages or {}).items():
            archive.writestr(f"{root}/data/{key}", data)
        archive.writestr(f"{root}/version", "3\n")
    return out.getvalue()


def state_dict_zip(arrays, prefix=""):
    """A plain zip checkpoint {name: float32 array}."""
    storages, entries = {}, {}
    for i, (name, array) in enumerate(arrays.items()):
        strides = [step // array.itemsize for step in array.strides]
        kind = STORAGES[array.dtype.str]
        entries[prefix + name] = tensor(str(i), array.size, 0, array.shape, strides, kind)
        storages[str(i)] = array.tobytes()
    return torch_zip(dictionary(entries), storages)


class Command:
    """Pickles into a call of this function with these arguments."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def pickled(value, protocol):
    """The pickle of a value, without header and end, to be put into a program of the same protocol."""
    return pickle.dumps(value, protocol)
