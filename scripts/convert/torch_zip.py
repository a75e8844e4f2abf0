"""Torch's zip checkpoints (since 1.6): NAME/data.pkl and one stored member NAME/data/KEY per storage."""
import zipfile

from .errors import READ_ERRORS, ConvertError, reason
from .torch_objects import Storage, build, parse_storage_id, storage_bytes
from .unpickle import Machine

MAX_PICKLE = 512 << 20
LOCAL_HEADER = 30  # bytes, without the name


def check_members(archive, file_size):
    """Members must be inside the file and apart from each other; those that are read must also be stored
    (check_stored): then nothing can unpack to more than it is."""
    spans = []
    for info in archive.infolist():
        spans.append((info.header_offset, info.header_offset + LOCAL_HEADER + info.compress_size, info.filename))
    spans.sort()
    for (_, end, name), (begin, _, other) in zip(spans, spans[1:]):
        if begin < end:
            raise ConvertError(f"zip members '{name}' and '{other}' overlap; expected each to have its own bytes")
    if spans and (spans[-1][1] > file_size or spans[0][0] < 0):
        raise ConvertError(f"zip member '{spans[-1][2]}' lies outside the file; it is truncated or damaged")


def check_stored(info):
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ConvertError(f"zip member '{info.filename}' is compressed; expected stored ones, as torch writes")


class ZipStorages:
    """Hands out the storages of an archive; keeps the last one read, as neighbours often share it."""

    def __init__(self, archive, root):
        self.archive, self.root, self.last = archive, root, (None, None)
        self.big_endian = f"{root}byteorder" in archive.NameToInfo and self.read(f"{root}byteorder") == b"big"

    def read(self, name):
        check_stored(self.archive.getinfo(name))
        try:
            return self.archive.read(name)
        except READ_ERRORS as error:
            raise ConvertError(f"zip member '{name}' cannot be read; the file is damaged ({reason(error)})") from None

    def persistent(self, identity):
        dtype, key, numel, _ = parse_storage_id(identity)
        name = f"{self.root}data/{key}"
        info = self.archive.NameToInfo.get(name)
        if info is None:
            raise ConvertError(f"storage '{name}' is missing; the file is truncated or damaged")
        check_stored(info)
        if info.file_size != storage_bytes(dtype, numel):
            raise ConvertError(f"storage '{name}' has {info.file_size} bytes; "
                               f"expected {storage_bytes(dtype, numel)} for {numel} elements")
        return Storage(dtype, numel, lambda: self.fetch(name), big_endian=self.big_endian)

    def fetch(self, name):
        if self.last[0] != name:
            self.last = (name, self.read(name))
        return self.last[1]


def pickle_members(archive):
    return [name for name in archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]


def read_torch_zip(archive, file_size):
    """The object that torch.save was given, with lazy tensors."""
    check_members(archive, file_size)
    pickles = sorted(pickle_members(archive), key=len)
    if len(set(archive.namelist())) != len(archive.namelist()):
        raise ConvertError("the zip directory names a member twice")
    root = pickles[0][:-len("data.pkl")]
    storages = ZipStorages(archive, root)
    if archive.getinfo(pickles[0]).file_size > MAX_PICKLE:
        raise ConvertError(f"'{pickles[0]}' is larger than {MAX_PICKLE >> 20} MiB")
    return Machine(storages.read(pickles[0]), build=build, persistent=storages.persistent).run()
