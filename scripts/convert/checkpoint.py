"""Opens a checkpoint of any kind we read and gives its tensors flat names."""
import hashlib
import mmap
import os
import zipfile

from .errors import READ_ERRORS, ConvertError, reason
from .npz import read_npz
from .safetensors import read_safetensors
from .tensorflow import MAGIC, index_of, read_bundle
from .tensors import Tensor
from .torch_legacy import read_torch_legacy
from .torch_zip import pickle_members, read_torch_zip
from .unpickle import Instance

MAX_DEPTH, MAX_ENTRIES, MAX_MEMBERS = 64, 2_000_000, 200_000
MODULE_PARTS = ("_parameters", "_buffers", "_modules")  # of a pickled torch.nn.Module: not part of the names


class Checkpoint:
    """tensors: by flat name. root: the pickled object, in which configurations may be found; None elsewhere. files: what
    it is made of, if not of the path alone."""

    def __init__(self, path, tensors, root=None, files=None):
        self.path, self.tensors, self.root, self.files = path, tensors, root, files or [path]

    def embedded(self, *keys):
        """The plain value under these keys of the pickled object, or None."""
        value = self.root
        for key in keys:
            if isinstance(value, Instance):
                value = {**value.entries, **value.state} if isinstance(value.state, dict) else value.entries
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def sha256(self):
        digest = hashlib.sha256()
        for path in self.files:
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
        return digest.hexdigest()


class _RepairedFile:
    """A zip file whose first two letters were replaced: GPT-SoVITS writes its version there. Reads as "PK" again."""

    def __init__(self, file):
        self.file, self.seek, self.tell, self.close = file, file.seek, file.tell, file.close

    def seekable(self):
        return True

    def read(self, size=-1):
        at = self.file.tell()
        piece = self.file.read(size)
        return b"PK"[at:at + len(piece)] + piece[max(2 - at, 0):] if at < 2 else piece


def open_checkpoint(path):
    """Reads names, dtypes and shapes of everything; values only when asked for."""
    try:
        index = index_of(path)
        if index:
            tensors, files = read_bundle(index)
            return Checkpoint(path, tensors, files=files)
        if not os.path.isfile(path):
            problem = "is a directory" if os.path.isdir(path) else "not found"
            raise ConvertError(f"'{path}': {problem}; expected a checkpoint file")
        file = open(path, "rb")  # stays open for the tensors, which are read when asked for
        size = os.fstat(file.fileno()).st_size
        if size < 16:
            raise ConvertError("is too short for a checkpoint")
        return _open_file(path, file, size)
    except ConvertError as error:
        text = str(error)
        raise ConvertError(text if text.startswith(f"'{path}'") else f"'{path}': {text}") from None
    except OSError as error:
        raise ConvertError(f"'{path}' cannot be read: {(error.strerror or str(error)).lower()}") from None
    except READ_ERRORS as error:
        raise ConvertError(f"'{path}' cannot be read as a checkpoint: {reason(error)}") from None


def _open_file(path, file, size):
    magic = file.read(9)
    if magic[2:4] == b"\x03\x04" and magic[:2].isalnum():
        return _open_zip(path, file if magic[:2] == b"PK" else _RepairedFile(file), size)
    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if magic[:1] == b"\x80":
        root = read_torch_legacy(data)
        return Checkpoint(path, flatten(root), root)
    if magic[8:9] == b"{":
        return Checkpoint(path, read_safetensors(data))
    if data[-len(MAGIC):] == MAGIC:
        raise ConvertError("is a TensorFlow checkpoint of version 1; write it as npz first (scripts/convert/README.md)")
    raise ConvertError("is not a checkpoint; expected a torch, safetensors or npz file, or the index of "
                       "a TensorFlow checkpoint")


def _open_zip(path, file, size):
    archive = zipfile.ZipFile(file)
    if len(archive.namelist()) > MAX_MEMBERS:
        raise ConvertError(f"the zip directory has {len(archive.namelist())} members; expected at most {MAX_MEMBERS}")
    if pickle_members(archive):
        root = read_torch_zip(archive, size)
        return Checkpoint(path, flatten(root), root)
    if any(name.endswith(".npy") for name in archive.namelist()):
        return Checkpoint(path, read_npz(archive, size))
    raise ConvertError("is a zip file, but neither a torch checkpoint (no data.pkl) nor an npz archive (no .npy)")


def children(value):
    """(name, value) of a container; name "" joins nothing."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    elif isinstance(value, Instance):
        state = value.state if isinstance(value.state, dict) else {}
        pairs = [*value.entries.items(), *state.items()]
    else:
        return
    for key, child in pairs:
        if isinstance(key, (str, int)):
            yield "" if key in MODULE_PARTS else str(key), child


def flatten(root):
    """Every tensor reachable from the object, named by the path to it. Each container is visited once."""
    tensors, seen, pending, visited = {}, set(), [("", root, 0)], 0
    while pending:
        path, value, depth = pending.pop()
        visited += 1
        if depth > MAX_DEPTH or visited > MAX_ENTRIES:
            raise ConvertError("the checkpoint is nested too deeply or has too many entries")
        if isinstance(value, Tensor):
            if tensors.setdefault(path, value) is not value:
                raise ConvertError(f"two tensors are named '{path}'")
        elif id(value) not in seen:
            if isinstance(value, (dict, list, tuple, Instance)) and value:
                seen.add(id(value))
            below = [(".".join(filter(None, (path, name))), child, depth + 1) for name, child in children(value)]
            pending.extend(reversed(below))
    return tensors
