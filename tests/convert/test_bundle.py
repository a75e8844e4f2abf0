"""TensorFlow checkpoints: the table of variables, its bounds, and what is wrong with damaged ones."""
import random

import bundle
import numpy as np
import tap
from support import FIXTURES, Case, golden, read_safetensors, run

from convert.checkpoint import open_checkpoint
from convert.errors import ConvertError
from convert.tensorflow import crc32c, masked, slice_key

FLOATS = np.arange(6, dtype=np.float32).reshape(2, 3)


class Bundle(Case):
    def save(self, index, data=b"", name="model.ckpt-7"):
        self.write(name + ".index", index)
        self.write(name + ".data-00000-of-00001", data)
        return self.scratch / name

    def refuse(self, entries, data=b"", saying="", **how):
        with self.subTest(saying):
            self.refused(self.save(bundle.table(entries, **how), data), "--family", "tf1-gst", saying=saying)

    def test_the_checksum_is_the_published_one(self):
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(masked(0), 0xA282EAD8)

    def test_every_variable_comes_back(self):
        values = np.random.default_rng(3)
        arrays = {f"model/inference/layer_{i // 7}/kernel_{i}": values.standard_normal((i % 5 + 1, i % 3 + 1)) for i in range(90)}
        arrays["global_step"] = np.array(7.0)
        path = self.save(*bundle.bundle(arrays))
        for named in (path, f"{path}.index", f"{path}.data-00000-of-00001"):
            found = open_checkpoint(str(named)).tensors
            self.assertEqual(sorted(found), sorted(arrays))
            for name, tensor in found.items():
                np.testing.assert_array_equal(tensor.raw(), arrays[name].astype("<f4"))

    def test_a_checkpoint_converts_as_its_npz_does(self):
        weights = {name: values.astype("<f4") for name, values in
                   read_safetensors(golden("families/tf1_gst/syang_mlp.weights.safetensors")).items()}
        weights["ref_encoder/dense/kernel/Adam"] = weights["ref_encoder/dense/kernel"]
        got = self.convert(self.save(*bundle.bundle(weights)), to="one")
        np.savez(self.scratch / "model.npz", **weights)
        want = self.convert(self.scratch / "model.npz", to="two")
        self.assertEqual(got.manifest["layers"], want.manifest["layers"])
        self.assertEqual(got.manifest["weights"], want.manifest["weights"])
        self.assertEqual(got.manifest["name"], "model")

    def test_what_tensorflow_wrote_comes_back_partitioned_variables_whole(self):
        found = open_checkpoint(str(FIXTURES / "partitioned.ckpt-7")).tensors
        shapes = {"model/whole": (3, 4), "model/rows": (5, 3), "model/columns": (2, 300)}
        self.assertEqual(sorted(found), sorted([*shapes, "global_step"]))
        self.assertEqual(found["global_step"].raw(), 7)
        for name, shape in shapes.items():
            np.testing.assert_array_equal(found[name].raw(), np.arange(np.prod(shape), dtype="<f4").reshape(shape))

    def test_keys_of_slices_are_the_published_ones(self):
        self.assertEqual(slice_key(b"a", [(0, -1), (63, 64)]), b"\0a\0\1\1\2" b"\x80\x7f" b"\xbf\xc0\x40")
        self.assertEqual(slice_key(b"\0\xff", [(8191, 8192)]), b"\0\0\xff\xff\0\0\1\1\1" b"\xdf\xff" b"\xe0\x20\0")

    def sliced(self, *slices, shape=(2, 3), stored=None):
        """Of a variable of 2 x 3: its entry, and its slices of (extents, shape, offset)."""
        message = b"".join(bundle.field(7, b"".join(bundle.field(1, bundle.field(1, start) + bundle.field(2, length))
                                                    for start, length in extents)) for extents, _, _ in slices)
        entries = [(slice_key(b"a", extents), bundle.entry(part, offset, 4 * int(np.prod(part))))
                   for extents, part, offset in (slices if stored is None else stored)]
        return sorted([(b"", bundle.HEADER), (b"a", bundle.entry(shape, 0, 0) + message), *entries])

    def test_slices_that_do_not_make_up_their_variable_are_refused(self):
        top, bottom = ([(0, 1), (0, 3)], (1, 3), 0), ([(1, 1), (0, 3)], (1, 3), 12)
        whole = open_checkpoint(str(self.save(bundle.table(self.sliced(bottom, top)), FLOATS.tobytes()))).tensors
        np.testing.assert_array_equal(whole["a"].raw(), FLOATS)
        for entries, saying in ((self.sliced(top), "do not make up"), (self.sliced(top, bottom, stored=[top]), "is missing"),
                                (self.sliced(top, ([(2, 1), (0, 3)], (1, 3), 12)), "is missing"),
                                (self.sliced(top, ([(1, 1), (0, 3)], (3, 1), 12)), "is missing"),
                                (self.sliced(([(0, 1)], (1,), 0)), "is missing"),
                                (self.sliced(top, ([(1, 1), (0, 3)], (1, 3), 16)), "12 bytes at 16")):
            self.refuse(entries, FLOATS.tobytes(), saying)
        twice = self.save(bundle.table(self.sliced(top, top, stored=[top])), FLOATS.tobytes())
        with self.assertRaisesRegex(ConvertError, "overlap"):
            open_checkpoint(str(twice)).tensors["a"].raw()

    def test_version_1_is_refused_by_name(self):
        # a table alone, as version 1 is; its values lie in the entries
        path = self.write("model.ckpt-7", bundle.table([(b"", b"x"), (slice_key(b"a", [(0, -1)]), FLOATS.tobytes())]))
        self.refused(path, "--family", "tf1-gst", saying="TensorFlow checkpoint of version 1")

    def test_strings_are_left_out(self):
        entries = [(b"", bundle.HEADER), (b"_SAVE", bundle.entry((), 0, 9, dtype=7)), (b"a", bundle.entry((2, 3), 0, 24))]
        found = open_checkpoint(str(self.save(bundle.table(entries), FLOATS.tobytes()))).tensors
        self.assertEqual(list(found), ["a"])

    def test_entries_that_lie_are_refused(self):
        good = bundle.entry((2, 3), 0, 24)
        for value, saying in (
                (bundle.entry((2, 3), 4, 24), "24 bytes at 4"), (bundle.entry((2, 3), 0, 20), "20 bytes at 0"),
                (bundle.entry((1 << 50,), 0, 24), "shape"), (bundle.entry((2, 3), 0, 24, shard=4), "data file 4 of 1"),
                (bundle.field(1, b"x"), "bytes where a number"), (bundle.field(1, 1) + bundle.field(2, 9), "a number where"),
                (good + bundle.field(7, b""), "partitioned"), (good + bundle.field(7, 1), "a number where"), (good + b"\x0b", "unknown type"), (good[:-2], "truncated")):
            self.refuse([(b"", bundle.HEADER), (b"a", value)], FLOATS.tobytes(), saying)

    def test_headers_that_lie_are_refused(self):
        for header, saying in ((bundle.field(1, 1 << 40), "data files"), (bundle.field(1, 0), "data files"),
                               (bundle.field(1, 1) + bundle.field(2, 1), "big-endian"), (bundle.field(1, 2), "00000-of-00002")):
            self.refuse([(b"", header), (b"a", bundle.entry((2, 3), 0, 24))], FLOATS.tobytes(), saying)
        self.refuse([(b"a", bundle.entry((2, 3), 0, 24))], FLOATS.tobytes(), "no header entry")

    def test_compressed_and_repeated_entries_are_refused(self):
        entries = [(b"", bundle.HEADER), (b"a", bundle.entry((2, 3), 0, 24))]
        self.refuse(entries, FLOATS.tobytes(), "is compressed (type 1)", kind=1)
        self.refuse(entries + entries[1:], FLOATS.tobytes(), "a key twice")

    def test_an_index_cut_or_changed_anywhere_is_refused(self):
        index, data = bundle.bundle({f"v{i}": FLOATS for i in range(30)})
        for cut in range(0, len(index), 7):
            self.refused(self.save(index[:cut], data))
        choose = random.Random(5)
        for _ in range(200):
            at, bit = choose.randrange(len(index) - 48), 1 << choose.randrange(8)
            path = self.save(index[:at] + bytes([index[at] ^ bit]) + index[at + 1:], data)
            code, _, err = run(path, "-o", self.scratch / "refused", "--family", "tf1-gst")
            self.assertEqual((code, len(err.splitlines())), (2, 1), err)

    def test_footers_of_random_bytes_are_refused(self):
        index, data = bundle.bundle({f"v{i}": FLOATS for i in range(30)})
        choose = random.Random(6)
        for _ in range(300):
            self.refused(self.save(index[:-48] + choose.randbytes(40) + index[-8:], data), "--family", "tf1-gst")

    def test_a_missing_data_file_is_named(self):
        index, _ = bundle.bundle({"a": FLOATS})
        self.refused(self.write("lone.index", index), saying="lone.data-00000-of-00001")


if __name__ == "__main__":
    tap.main()
