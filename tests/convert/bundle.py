"""Writes TensorFlow checkpoints of version 2, from the description of the table's format: for tests of the reader."""
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def block(entries, every=16):
    """Keys shared with the one before, but for every sixteenth, whose places stand at the end."""
    out, restarts, before = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return bytes(out) + b"".join(struct.pack("<I", at) for at in restarts or [0]) + struct.pack("<I", len(restarts or [0]))


def trailer(body, kind=0):
    crc = crc32c(body + bytes([kind]))
    return bytes([kind]) + struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def table(entries, per_block=20, kind=0):
    """The file of sorted (key, value) pairs."""
    out, index = bytearray(), []
    for first in range(0, len(entries), per_block):
        part = entries[first:first + per_block]
        body = block(part)
        index.append((part[-1][0], varint(len(out)) + varint(len(body))))
        out += body + trailer(body, kind)
    handles = b""
    for body in (block([]), block(index, 1)):
        handles += varint(len(out)) + varint(len(body))
        out += body + trailer(body)
    return bytes(out) + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def field(number, value):
    """Of a protocol buffer: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(shape, offset, size, dtype=1, shard=0):
    dims = b"".join(field(2, field(1, n)) for n in shape)
    return field(1, dtype) + field(2, dims) + field(3, shard) + field(4, offset) + field(5, size) + b"\x35" + bytes(4)


HEADER = field(1, 1) + field(3, field(1, 1))


def bundle(arrays):
    """(index, data) of float32 arrays by name."""
    entries, data = [(b"", HEADER)], b""
    for name in sorted(arrays, key=str.encode):
        raw = arrays[name].astype("<f4").tobytes()
        entries.append((name.encode(), entry(arrays[name].shape, len(data), len(raw))))
        data += raw
    return table(entries), data
