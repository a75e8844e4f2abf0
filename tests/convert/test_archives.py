"""Zip, npz and safetensors containers: bounds, bombs, truncation, object arrays."""

import io
import json
import struct
import zipfile

import numpy as np
import tap
from hostile import dictionary, state_dict_zip, tensor, torch_zip
from support import FIXTURES, Case, gst_arrays

from convert.checkpoint import open_checkpoint
from convert.errors import ConvertError


def zip_of(entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def npy(array, allow_pickle=False):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), allow_pickle=allow_pickle)
    return out.getvalue()


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Zip(Case):
    def test_a_checkpoint_cut_anywhere_is_refused(self):
        data = (FIXTURES / "readers.pt").read_bytes()
        for cut in [*range(0, 64), *range(64, len(data), 37), *range(len(data) - 30, len(data))]:
            self.refused(self.write("cut.pt", data[:cut]))

    def test_compressed_members_are_refused(self):
        bomb = torch_zip(
            dictionary({"w": tensor("0", 1 << 20, 0, [1 << 20], [1])}), {"0": bytes(4 << 20)}, zipfile.ZIP_DEFLATED
        )
        self.assertLess(len(bomb), 20_000)
        self.refused(self.write("bomb.pt", bomb), saying="is compressed")

    def test_a_member_that_claims_more_than_the_file_is_refused(self):
        data = bytearray(torch_zip(dictionary({"w": tensor("0", 1 << 28, 0, [4], [1])}), {"0": bytes(16)}))
        directory = data.rfind(b"PK\x01\x02", 0, data.rfind(b"m/data/0"))
        for at in (directory + 20, directory + 24):  # compressed and plain size
            struct.pack_into("<I", data, at, 1 << 30)
        self.refused(self.write("huge.pt", bytes(data)), saying="overlap")

    def test_members_that_overlap_are_refused(self):
        body = dictionary({"a": tensor("0", 4, 0, [4], [1]), "b": tensor("1", 4, 0, [4], [1])})
        data = bytearray(torch_zip(body, {"0": bytes(16), "1": bytes(16)}))
        first = data.rfind(b"PK\x01\x02", 0, data.rfind(b"m/data/0"))
        second = data.rfind(b"PK\x01\x02", 0, data.rfind(b"m/data/1"))
        data[second + 42 : second + 46] = data[first + 42 : first + 46]  # the place of its bytes
        self.refused(self.write("overlap.pt", bytes(data)), saying="overlap")

    def test_damaged_values_are_found_by_their_checksum(self):
        arrays = gst_arrays()
        data = bytearray(state_dict_zip(arrays))
        data[data.find(arrays["stl.embed"].tobytes())] ^= 1
        self.refused(self.write("flip.pt", bytes(data)), "--family", "gst-tacotron", saying="damaged")

    def test_other_zip_files_are_refused(self):
        self.refused(self.write("a.zip", zip_of({"readme": b"hello"})), saying="neither")

    def test_random_damage_never_escapes(self):
        random, seed_data = np.random.default_rng(5), (FIXTURES / "readers.pt").read_bytes()
        for _ in range(400):
            data = bytearray(seed_data)
            for at in random.integers(0, len(data), 4):
                data[at] = random.integers(0, 256)
            try:
                for value in open_checkpoint(str(self.write("random.pt", bytes(data)))).tensors.values():
                    value.raw()
            except ConvertError:
                pass


class Npz(Case):
    def test_an_archive_gives_its_arrays(self):
        path = self.scratch / "a.npz"
        np.savez_compressed(
            path,
            **{
                "a/b": np.arange(6.0).reshape(2, 3),
                "f": np.asfortranarray(np.eye(3, 2, dtype="f4")),
                "big": np.arange(3, dtype=">f4"),
                "word": np.array("text"),
            },
        )
        tensors = open_checkpoint(str(path)).tensors
        self.assertEqual(sorted(tensors), ["a/b", "big", "f"])
        np.testing.assert_array_equal(tensors["a/b"].raw(), np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(tensors["f"].raw(), np.eye(3, 2))
        np.testing.assert_array_equal(tensors["big"].raw(), np.arange(3))

    def test_object_arrays_are_refused(self):
        data = zip_of({"a.npy": npy(np.array([{}, 1], dtype=object), allow_pickle=True)})
        self.refused(self.write("o.npz", data), saying="object array")

    def test_sizes_that_do_not_match_are_refused(self):
        good = npy(np.arange(6.0))
        for bad in (
            good[:-1],
            good + b"\0",
            good.replace(b"(6,)", b"(7,)"),
            good.replace(b"(6,)", b"(-6,)"),
            good[:20],
            b"",
            b"x" * 200,
        ):
            self.refused(self.write("bad.npz", zip_of({"a.npy": bad})))

    def test_a_zip_bomb_is_refused(self):
        head = npy(np.zeros(0, "u1")).replace(b"(0,), }", b"(134217728,), }").replace(b"          \n", b"\n")
        length = len(head) - 10
        head = head[:8] + struct.pack("<H", length) + head[10:]
        data = zip_of({"a.npy": head + bytes(128 << 20)}, zipfile.ZIP_DEFLATED)
        self.assertLess(len(data), 1 << 20)
        self.refused(self.write("bomb.npz", data), saying="zip bomb")


class Safetensors(Case):
    def test_a_file_gives_its_tensors(self):
        header = {
            "__metadata__": {"a": "b"},
            "x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "y": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [8, 12]},
        }
        data = safetensors(header, np.array([1, 2], "<f4").tobytes() + b"\x80\x3f\x00\xc0")
        tensors = open_checkpoint(str(self.write("t.safetensors", data))).tensors
        self.assertEqual(tensors["x"].float64().tolist(), [1, 2])
        self.assertEqual(tensors["y"].float64().tolist(), [[1, -2]])

    def test_wrong_headers_are_refused(self):
        x = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        cases = [
            safetensors({"x": x}, bytes(7)),
            safetensors({"x": x}, bytes(9)),
            safetensors({"x": {**x, "shape": [3]}}, bytes(8)),
            safetensors({"x": {**x, "data_offsets": [8, 0]}}, bytes(8)),
            safetensors({"x": {**x, "dtype": "F99"}}, bytes(8)),
            safetensors({"x": x, "y": x}, bytes(8)),
            safetensors({"x": {**x, "data_offsets": [4, 12]}}, bytes(12)),
            safetensors(b'{"x":1,"x":2}       '),
            safetensors(b'{"x":[}             '),
            safetensors({"x": {**x, "shape": [-2]}}, bytes(8)),
            safetensors({"x": {**x, "shape": [2**40, 2**40]}}, bytes(8)),
            struct.pack("<Q", 1 << 60) + b"{" + bytes(16),
            safetensors({"x": {**x, "shape": [True, 2]}}, bytes(8)),
            safetensors(b'{"a":' * 100000 + b"1" + b"}" * 100000),
        ]
        for data in cases:
            self.refused(self.write("bad.safetensors", data))

    def test_a_file_cut_anywhere_is_refused(self):
        data = safetensors({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, bytes(16))
        for cut in range(len(data)):
            self.refused(self.write("cut.safetensors", data[:cut]))


class Other(Case):
    def test_things_that_are_no_checkpoint_are_refused(self):
        self.refused(self.scratch / "nothing.pt", saying="not found")
        self.refused(self.scratch, saying="is a directory")
        self.refused(self.write("empty.pt", b""), saying="too short")
        self.refused(self.write("text.pt", b"this is a text file, honestly\n"), saying="is not a checkpoint")
        self.refused(self.write("zeros.pt", bytes(4096)), saying="is not a checkpoint")


if __name__ == "__main__":
    tap.main()
