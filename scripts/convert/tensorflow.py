"""TensorFlow checkpoints of version 2: NAME.index, a sorted table of entries, and NAME.data-00000-of-00001 with the values.

The table is LevelDB's: blocks of prefix-compressed keys, each with a type and a checksum behind it, an index block of the
blocks' places, a footer of 48 bytes. Keys are variable names, values protocol buffers. Every bound is checked before
anything is read by it; the checksums of the table are checked, those of the values are not. A variable that is
partitioned has an entry that lists its slices, and each slice an entry of its own under an encoded key.
"""
import mmap
import os
import struct

import numpy as np

from .errors import ConvertError
from .tensors import DTYPES, Tensor, element_count

MAGIC, FOOTER, TRAILER = struct.pack("<Q", 0xDB4775248B80FB57), 48, 5
MAX_INDEX, MAX_ENTRIES, MAX_SHARDS = 64 << 20, 200_000, 10_000
MASK = 0xFFFFFFFF
# of tensorflow/core/framework/types.proto
KINDS = {1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 8: "C64", 9: "I64", 10: "BOOL", 14: "BF16", 17: "U16",
         18: "C128", 19: "F16", 22: "U32", 23: "U64"}
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC = _crc_table()


def crc32c(data):
    crc = MASK
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ MASK


def masked(crc):
    """As stored behind a block, so that a checksum of checksums is not weak."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & MASK


def varint(data, at):
    """(value, where it ends)"""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ConvertError("the table is truncated or damaged: a number does not end")
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def block(data, handle, at=0):
    """The bytes of a block, from its (offset, size) in `handle`; its type and checksum stand behind it."""
    offset, at = varint(handle, at)
    size, at = varint(handle, at)
    if offset + size + TRAILER > len(data) - FOOTER:
        raise ConvertError("a block of the table lies outside of the file; it is truncated or damaged")
    whole = bytes(data[offset:offset + size + TRAILER])
    kind, checksum = struct.unpack("<BI", whole[size:])
    if masked(crc32c(whole[:size + 1])) != checksum:
        raise ConvertError("a block of the table has another checksum; the file is damaged")
    if kind != 0:
        raise ConvertError(f"a block of the table is compressed (type {kind}); expected none, as TensorFlow writes it")
    return whole[:size], at


def entries(data):
    """(key, value) of every entry of a block."""
    restarts = struct.unpack("<I", data[-4:])[0] if len(data) >= 4 else 1 << 30
    end, at, key = len(data) - 4 * (restarts + 1), 0, b""
    if end < 0:
        raise ConvertError("a block of the table is too short for its restarts")
    while at < end:
        shared, at = varint(data, at)
        new, at = varint(data, at)
        size, at = varint(data, at)
        if shared > len(key) or at + new + size > end:
            raise ConvertError("an entry of the table does not fit its block")
        key = key[:shared] + data[at:at + new]
        yield key, data[at + new:at + new + size]
        at += new + size


def fields(message):
    """(number, value) of a protocol buffer: integers, and bytes."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = varint(message, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
            value, at = int.from_bytes(message[at:at + size], "little"), at + size
        elif kind == BYTES:
            size, at = varint(message, at)
            value, at = message[at:at + size], at + size
        else:
            raise ConvertError(f"an entry of the table has a field of unknown type {kind}")
        if at > len(message):
            raise ConvertError("an entry of the table is truncated")
        yield tag >> 3, value


def _number(value):
    if not isinstance(value, int):
        raise ConvertError("an entry of the table has bytes where a number is expected")
    return value


def _part(value):
    if not isinstance(value, bytes):
        raise ConvertError("an entry of the table has a number where a message is expected")
    return value


def _shape(message):
    """TensorShapeProto: dim = 2 {size = 1}."""
    found = []
    for number, value in fields(message):
        if number == 2:
            found.append(next((_number(size) for at, size in fields(_part(value)) if at == 1), 0))
    if len(found) > 64 or any(size >= 1 << 48 for size in found):
        raise ConvertError("an entry of the table has a shape that is none")
    return tuple(found)


def _entry(message):
    """BundleEntryProto: dtype 1, shape 2, shard_id 3, offset 4, size 5, slices 7 (any number)."""
    found, slices = {1: 0, 2: b"", 3: 0, 4: 0, 5: 0}, []
    for number, value in fields(message):
        if number == 7:
            slices.append(_part(value))
        elif number in found:
            found[number] = value
    return [_number(found[1]), _shape(_part(found[2])), *(_number(found[n]) for n in (3, 4, 5)), slices]


def _extents(message):
    """TensorSliceProto: extent = 1 {start = 1, length = 2}; one without a length is the whole axis, (0, -1)."""
    found = []
    for number, value in fields(message):
        if number == 1:
            extent = {at: _number(n) for at, n in fields(_part(value)) if at in (1, 2)}
            found.append((extent.get(1, 0), extent[2]) if 2 in extent else (0, -1))
    return found


def _signed(n):
    """OrderedCode: as many leading ones as bytes, then the number in two's complement, all of it in 7 bits a byte."""
    size = (n if n >= 0 else ~n).bit_length() // 7 + 1
    return ((n & (1 << 8 * size) - 1) ^ ((1 << size) - 1 << 7 * size)).to_bytes(size, "big")


def slice_key(name, extents):
    """The key of a slice: 0, the name, the rank, start and length of every axis."""
    escaped = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes([byte])) for byte in name)
    rank = bytes([1, len(extents)]) if extents else b"\0"
    return b"\0" + escaped + b"\0\1" + rank + b"".join(_signed(n) for extent in extents for n in extent)


def read_table(data):
    """{key: value} of a whole table."""
    if len(data) > MAX_INDEX:
        raise ConvertError(f"the index has {len(data)} bytes; expected at most {MAX_INDEX}")
    if len(data) < FOOTER or data[-8:] != MAGIC:
        raise ConvertError("is not the index of a TensorFlow checkpoint (no table), or is truncated")
    footer, found = bytes(data[-FOOTER:]), {}
    _, at = varint(footer, 0)  # the meta block, which nothing needs
    _, at = varint(footer, at)
    index, _ = block(data, footer, at)
    for _, handle in entries(index):
        for key, value in entries(block(data, handle)[0]):
            if key in found or len(found) >= MAX_ENTRIES:
                raise ConvertError(f"the index has a key twice, or more than {MAX_ENTRIES} of them")
            found[key] = value
    return found


def _shards(stem, header):
    """The paths of the data files; BundleHeaderProto: num_shards 1, endianness 2."""
    found = {1: 1, 2: 0, **{number: value for number, value in fields(header) if number in (1, 2)}}
    if _number(found[2]) != 0:
        raise ConvertError("the values are big-endian; expected little-endian")
    if not 1 <= _number(found[1]) <= MAX_SHARDS:
        raise ConvertError(f"the checkpoint has {found[1]} data files; expected 1 to {MAX_SHARDS}")
    return [f"{stem}.data-{i:05d}-of-{found[1]:05d}" for i in range(found[1])]


class _Shards:
    """Data files, opened when the first of their values is asked for."""

    def __init__(self, paths):
        self.paths, self.sizes, self.maps = paths, {}, {}

    def size(self, i):
        if i >= len(self.paths):
            raise ConvertError(f"an entry is in data file {i} of {len(self.paths)}")
        if i not in self.sizes:
            if not os.path.isfile(self.paths[i]):
                raise ConvertError(f"the data file '{os.path.basename(self.paths[i])}' is not beside the index")
            self.sizes[i] = os.path.getsize(self.paths[i])
        return self.sizes[i]

    def bytes(self, i, offset, size):
        if i not in self.maps:
            with open(self.paths[i], "rb") as file:
                self.maps[i] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self.maps[i][offset:offset + size]


def index_of(path):
    """The index of the checkpoint that this path names (prefix, index or data file), or None."""
    stem = path
    if path.endswith(".index"):
        stem = path[:-len(".index")]
    elif ".data-" in os.path.basename(path):
        stem = path[:path.rindex(".data-")]
    return stem + ".index" if os.path.isfile(stem + ".index") else None


def read_bundle(path):
    """(tensors by variable name, the files they are in) of an index."""
    with open(path, "rb") as file:
        table = read_table(file.read(MAX_INDEX + 1))
    if b"" not in table:
        raise ConvertError("the index has no header entry; expected a TensorFlow checkpoint of version 2")
    shards, tensors = _Shards(_shards(path[:-len(".index")], table.pop(b""))), {}
    for key, value in table.items():
        name, entry = key.decode("utf-8", "replace"), _entry(value)
        if entry[0] not in KINDS or key.startswith(b"\0"):
            continue  # strings and the like: save paths, object graphs; slices, which their variable asks for
        tensors[name] = _partitioned(shards, table, key, name, entry) if entry[-1] else _tensor(shards, name, entry)
    return tensors, [path, *shards.paths]


def _tensor(shards, name, entry):
    dtype, shape, shard, offset, size, _ = entry
    kind = KINDS[dtype]
    if size != element_count(shape) * DTYPES[kind][1] or offset + size > shards.size(shard):
        raise ConvertError(f"variable '{name}' has {size} bytes at {offset}; expected {kind} {list(shape)} inside "
                           f"'{os.path.basename(shards.paths[shard])}'")

    def load():
        if size == 0:
            return np.zeros(shape, DTYPES[kind][0])
        return np.frombuffer(shards.bytes(shard, offset, size), DTYPES[kind][0]).reshape(shape)
    return Tensor(kind, shape, load)


def _partitioned(shards, table, key, name, entry):
    """A variable joined from its slices, which must fill it."""
    dtype, shape, parts = entry[0], entry[1], []
    for message in entry[-1]:
        extents = _extents(message)
        place = [(0, n) if length < 0 else (start, length) for (start, length), n in zip(extents, shape)]
        found = _entry(table.get(slice_key(key, extents), b""))
        if (len(extents) != len(shape) or any(start + length > n for (start, length), n in zip(place, shape))
                or (found[0], found[1]) != (dtype, tuple(length for _, length in place)) or found[-1]):
            raise ConvertError(f"variable '{name}' is partitioned; its slice {place} of {list(shape)} is missing or of another "
                               "type or shape")
        parts.append((tuple(slice(start, start + length) for start, length in place), _tensor(shards, name, found)))
    if sum(element_count(part.shape) for _, part in parts) != element_count(shape):
        raise ConvertError(f"variable '{name}' is partitioned; its slices do not make up {list(shape)}")

    def load():
        whole, filled = np.zeros(shape, DTYPES[KINDS[dtype]][0]), np.zeros(shape, bool)
        for place, part in parts:
            whole[place], filled[place] = part.raw(), True
        if not filled.all():
            raise ConvertError(f"variable '{name}' is partitioned; its slices overlap")
        return whole
    return Tensor(KINDS[dtype], shape, load)
