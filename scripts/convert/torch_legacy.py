"""Torch's older checkpoints (before 1.6): pickles in a row, then the storages, each a count and its values."""
import struct

from .errors import ConvertError
from .torch_objects import Storage, build, parse_storage_id, storage_bytes
from .unpickle import Global, Machine

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


class LegacyStorages:
    """Storages are named before their bytes are reached, so their places are filled in afterwards."""

    def __init__(self, data):
        self.data, self.known, self.places, self.big_endian = data, {}, {}, False

    def persistent(self, identity):
        if isinstance(identity, tuple) and len(identity) > 1 and identity[0] == "module":
            return identity[1] if isinstance(identity[1], Global) else None  # a class with its source text
        dtype, key, numel, view = parse_storage_id(identity)
        if self.known.setdefault(key, (dtype, numel)) != (dtype, numel):
            raise ConvertError(f"storage '{key}' is declared twice with different types or sizes")
        base, count = 0, numel
        if view is not None:
            if not (isinstance(view, tuple) and len(view) == 3 and all(type(n) is int for n in view[1:])):
                raise ConvertError(f"storage '{key}' has a view that is none; the file is damaged")
            base, count = view[1], view[2]
            if base < 0 or count < 0 or base + count > numel:
                raise ConvertError(f"storage '{key}' has a view outside of its {numel} elements")
        return Storage(dtype, count, lambda: self.fetch(key), base, self.big_endian)

    def fetch(self, key):
        begin, end = self.places[key]
        return bytes(self.data[begin:end])

    def place(self, keys, at):
        """Reads where each storage lies, from position `at` on."""
        for key in map(str, keys):
            if key not in self.known or key in self.places:
                raise ConvertError(f"storage '{key}' is listed but not used, or twice; the file is damaged")
            dtype, numel = self.known[key]
            header = bytes(self.data[at:at + 8])
            if len(header) < 8:
                raise ConvertError("the storages end early; the file is truncated")
            count = struct.unpack(">q" if self.big_endian else "<q", header)[0]
            if count != numel:
                raise ConvertError(f"storage '{key}' holds {count} elements; expected {numel}")
            begin, at = at + 8, at + 8 + storage_bytes(dtype, numel)
            if at > len(self.data):
                raise ConvertError(f"storage '{key}' ends early; the file is truncated")
            self.places[key] = (begin, at)
        missing = sorted(set(self.known) - set(self.places))
        if missing:
            raise ConvertError(f"storage '{missing[0]}' is missing; the file is truncated or damaged")


def read_torch_legacy(data):
    """The object that torch.save was given, with lazy tensors that keep `data` open."""
    storages = LegacyStorages(data)
    machine = Machine(data, build=build, persistent=storages.persistent)
    if machine.run() != MAGIC:
        raise ConvertError("this pickle is not a torch checkpoint; expected one written by torch.save")
    if machine.run() != PROTOCOL:
        raise ConvertError("this torch checkpoint has another protocol; expected 1001")
    system = machine.run()
    storages.big_endian = isinstance(system, dict) and system.get("little_endian") is False
    root = machine.run()
    keys = machine.run()
    if not isinstance(keys, list) or not all(isinstance(key, (str, int)) for key in keys):
        raise ConvertError("the list of storages is none; the file is damaged")
    storages.place(keys, machine.at)
    return root
