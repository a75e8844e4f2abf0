"""Writes what torch.save writes, without torch: a float32 tensor, or plain Python values. torch.load reads it,
also with weights_only=True."""
import pickle
import struct
import zipfile

import numpy as np


def _text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(value):
    return b"J" + struct.pack("<i", value)


def _whole_tuple(values):
    return b"(" + b"".join(map(_whole, values)) + b"t"


def _tensor_pickle(shape):
    """A call of torch._utils._rebuild_tensor_v2 on storage 0."""
    steps = [int(np.prod(shape[i + 1:], dtype=np.int64)) for i in range(len(shape))]
    storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text("0") + _text("cpu") + _whole(int(np.prod(shape))) + b"tQ"
    arguments = b"(" + storage + _whole(0) + _whole_tuple(shape) + _whole_tuple(steps) + b"\x89ccollections\nOrderedDict\n)Rt"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R."


def save(value, path):
    """An array becomes a float32 tensor; anything else is pickled as it is (dict, list, float, str)."""
    members = {"data.pkl": None, "byteorder": b"little"}
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value, "<f4")
        members["data.pkl"] = _tensor_pickle(array.shape)
        members["data/0"] = array.tobytes()
    else:
        members["data.pkl"] = pickle.dumps(value, protocol=2)
    members["version"] = b"3\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0)), data)
