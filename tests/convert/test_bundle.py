"""TensorFlow checkpoints: the table of variables, its bounds, and what is wrong with damaged ones."""
import random

import bundle
import numpy as np
import tap
from support import Case, golden, read_safetensors, run

from convert.checkpoint import open_checkpoint
from convert.tensorflow import crc32c, masked

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
                (good + bundle.field(7, b""), "partitioned"), (good + b"\x0b", "unknown type"), (good[:-2], "truncated")):
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
