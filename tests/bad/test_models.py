"""Bad models through the program: exit 2, one line with the JSON path and what was expected, little memory, no way out of the folder.

The header of a weights file has its own tier in C (tests/unit/model/test_weights.c): every prefix, every byte.
"""
import copy
import hashlib
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import time

import numpy as np
import stylet
import tap


def safetensors(tensors):
    """The bytes of a file, from {name: array}."""
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        kind = {"float32": "F32", "float16": "F16", "int64": "I64"}[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return raw_safetensors(json.dumps(header).encode(), data)


def raw_safetensors(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


RNG = np.random.default_rng(5)
TENSORS = {"fc.weight": RNG.normal(size=(4, 8)).astype(np.float32), "fc.bias": np.zeros(4, np.float32),
           "counter": np.array(3, np.int64)}
MANIFEST = {
    "format": "stylet", "version": 1, "name": "tiny",
    "front_end": {"sample_rate": 16000, "n_fft": 512, "hop_length": 160, "n_mels": 8, "log": "ln"},
    "weights": [{"file": "w.safetensors", "sha256": "", "tensors": {
        "fc.weight": {"dtype": "F32", "shape": [4, 8]}, "fc.bias": {"dtype": "F32", "shape": [4]},
        "counter": {"dtype": "I64", "shape": []}}}],
    "layers": [{"name": "fc", "type": "linear", "units": 4}],
    "outputs": {"frames": {"from": "fc"}},
}


class Model(stylet.Case):
    def setUp(self):
        super().setUp()
        self.wav = stylet.write_wav(self.scratch / "a.wav", stylet.voice(0.3))

    def write(self, manifest=None, weights=None, name="m"):
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        weights = safetensors(TENSORS) if weights is None else weights
        (folder / "w.safetensors").write_bytes(weights)
        if not isinstance(manifest, bytes):
            manifest = copy.deepcopy(MANIFEST if manifest is None else manifest)
            for file in manifest["weights"] if isinstance(manifest.get("weights"), list) else []:
                if isinstance(file, dict) and file.get("sha256") == "":
                    file["sha256"] = hashlib.sha256(weights).hexdigest()
            manifest = json.dumps(manifest).encode()
        (folder / "manifest.json").write_bytes(manifest)
        return folder

    def edited(self, path, value):
        """MANIFEST with one place changed; a value of None takes the key away."""
        manifest = copy.deepcopy(MANIFEST)
        at = manifest
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return manifest

    def refused(self, folder, *saying, also_verify=True):
        out = self.scratch / "out.npy"
        done = self.fails(2, "extract", "-w", "frames", "-m", folder, "-o", out, self.wav, saying=saying)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertEqual(done.stdout, b"")
        self.assertEqual([p for p in self.scratch.iterdir() if "out.npy" in p.name], [])
        if also_verify:
            self.assertEqual(stylet.run("model", "verify", folder).returncode, 1 if folder.exists() else 2)
        return done.err


class Manifest(Model):
    def test_the_example_itself_is_good(self):
        folder = self.write()
        self.ok("model", "verify", folder)
        self.assertEqual(np.shape(self.records("extract", "-w", "frames", "-m", folder, self.wav)[0]["frames"])[1], 4)

    def test_each_mistake_names_its_place_and_what_was_expected(self):
        layer = ("layers", 0)
        for path, value, *saying in (
            (("formt",), 1, "unknown key 'formt', did you mean 'format'?"),
            (("format",), "other", "format: is 'other', expected 'stylet'"),
            (("format",), None, "'format' is missing"),
            (("version",), 2, "version: is 2, expected an integer from 1 to 1"),
            (("version",), "1", "version: is the text '1'"),
            (("name",), None, "'name' is missing"),
            (("name",), 7, "name: is 7, expected a text"),
            (("trained",), "no", "trained: is the text 'no', expected true or false"),
            (("front_end",), [], "front_end: is a list, expected an object"),
            (("front_end",), None, "'front_end' is missing"),
            (("front_end", "n_fttt"), 3, "front_end: unknown key 'n_fttt', did you mean 'n_fft'?"),
            (("front_end", "n_fft"), "512", "front_end: 'n_fft' is '512', expected an integer from 16 to 65536"),
            (("front_end", "n_fft"), 15, "'n_fft' is 15"),
            (("front_end", "n_fft"), 131042, "'n_fft' is 131042"),
            (("front_end", "n_fft"), 2 * 1021, "n_fft"),
            (("front_end", "n_fft"), 513, "n_fft"),
            (("front_end", "n_mels"), 0, "'n_mels' is 0"),
            (("front_end", "hop_length"), 0, "'hop_length' is 0"),
            (("front_end", "sample_rate"), None, "front_end: the key 'sample_rate' is missing"),
            (("front_end", "sample_rate"), 1e9, "'sample_rate' is 1000000000"),
            (("front_end", "log"), "log2", "'log' is 'log2', expected one of none, ln, log10"),
            (("front_end", "order"), ["cut", "cut"], "'order' is 'cut', 'cut'", "holds each of these once"),
            (("front_end", "mean_tensor"), "nowhere", "front_end: the tensor 'nowhere' is missing"),
            (("front_end", "std_tensor"), "fc.bias", "has 4 values, expected one for each of 8 bins"),
            (("weights",), {}, "weights: is an object, expected a list"),
            (("weights", 0, "sha256"), "abc", "weights[0].sha256: expected 64 lower-case hexadecimal digits"),
            (("weights", 0, "tensors"), None, "weights[0]: the key 'tensors' is missing"),
            (("weights", 0, "tensors", "fc.bias"), None, "weights[0].tensors: does not list the tensor 'fc.bias'"),
            (("weights", 0, "tensors", "more"), {"dtype": "F32", "shape": [1]}, "weights[0].tensors.more: 'w.safetensors' holds no tensor"),
            (("weights", 0, "tensors", "fc.bias", "dtype"), "F16", "weights[0].tensors.fc.bias.dtype: is F16, the tensor in 'w.safetensors' is F32"),
            (("weights", 0, "tensors", "fc.bias", "shape"), [5], "weights[0].tensors.fc.bias.shape: is [5]", "is [4]"),
            (("weights", 0, "tensors", "fc.bias", "shape"), [1] * 9, "weights[0].tensors.fc.bias.shape"),
            (("weights", 0, "tensors", "fc.bias", "shape"), "4", "weights[0].tensors.fc.bias.shape: is the text '4', expected a list"),
            (layer + ("type",), "liner", "layers[0].type: unknown layer type 'liner', did you mean 'linear'?"),
            (layer + ("type",), None, "layers[0]: the key 'type' is missing"),
            (layer + ("name",), None, "layers[0]: the key 'name' is missing"),
            (layer + ("name",), "a.b", "layers[0].name: is 'a.b', expected letters"),
            (layer + ("name",), "features", "layers[0].name: 'features' is the name of an earlier layer or input"),
            (layer + ("units",), None, "layers[0]: a layer of type linear needs 'units'"),
            (layer + ("units",), -1, "layers[0]: 'units' is -1"),
            (layer + ("units",), 5, "layers[0]: layer 'fc' (linear), input sequence [T, 8]: the tensor 'fc.weight' is [4, 8], expected [5, 8]"),
            (layer + ("unit",), 4, "layers[0]: unknown key 'unit', did you mean 'units'?"),
            (layer + ("activation",), "rellu", "layers[0]: 'activation' is 'rellu'"),
            (layer + ("weights",), "other.", "layers[0]: layer 'fc' (linear), input sequence [T, 8]: the tensor 'other.weight' (weight [4, 8]) is missing"),
            (layer + ("weights",), "fv.", "the tensor 'fv.weight' (weight [4, 8]) is missing, did you mean 'fc.weight'?"),
            (layer + ("wieghts",), "fc.", "layers[0]: unknown key 'wieghts', did you mean 'weights'?"),
            (layer + ("weights",), 5, "layers[0].weights: is 5"),
            (layer + ("weights",), {"": 5}, "layers[0].weights"),
            (layer + ("input",), "nobody", "layers[0].input: unknown layer or input 'nobody'"),
            (layer + ("input",), "fc", "layers[0].input: the layer 'fc' is this one, expected an earlier layer or an input"),
            (layer + ("input",), "features.x", "layers[0].input: 'features.x' is no value: 'features' (an input) has no further output"),
            (("layers",), [{"name": "a", "type": "linear", "units": 2, "input": "b"}, {"name": "b", "type": "pool"}],
             "layers[0].input: the layer 'b' comes later, expected an earlier layer or an input"),
            (layer + ("inputs",), {"x": "features"}, "layers[0].inputs: a layer of type linear has no input 'x'"),
            (layer + ("inputs",), {"inptu": "features"}, "a layer of type linear has no input 'inptu', did you mean 'input'?"),
            (layer + ("inputs",), ["features"], "layers[0].inputs: is a list"),
            (("layers",), {}, "layers: is an object, expected a list"),
            (("layers", 0), [], "layers[0]: is a list, expected an object"),
            (("outputs",), {}, "outputs: names no output"),
            (("outputs", "frames", "from"), "fd", "outputs.frames.from: unknown layer 'fd', did you mean 'fc'?"),
            (("outputs", "frames", "from"), "fc.attention", "outputs.frames.from: 'fc.attention' is no value: 'fc' (linear) has no further output"),
            (("outputs", "frames", "form"), "fc", "outputs.frames: unknown key 'form', did you mean 'from'?"),
            (("outputs", "frames", "labels"), [{"name": "a"}], "outputs.frames.labels: has 1 labels"),
            (("outputs", "id"), {"from": "fc"}, "outputs.id: 'id' means something else in records"),
            (("outputs", "../x"), {"from": "fc"}, "the name of the output is '../x'"),
            (("outputs", ""), {"from": "fc"}, "the name of the output is ''"),
            (("inputs",), {"s": {"shape": []}}, "inputs.s.shape: has 0 axes, expected one or two, each a number or \"T\""),
            (("inputs",), {"s": {"shape": ["T", "T", 4]}}, "inputs.s.shape: has 3 axes"),
            (("inputs",), {"s": {"shape": [0]}}, "inputs.s.shape[0]: is 0"),
            (("inputs",), {"s": {"shape": ["N", 4]}}, "inputs.s.shape[0]: is 'N', expected a number or \"T\""),
            (("inputs",), {"features": {"shape": [4]}}, "inputs.features"),
            (("inputs",), {"fc.x": {"shape": [4]}}, "inputs.fc.x"),
        ):
            with self.subTest(path=path, value=value):
                err = self.refused(self.write(self.edited(path, value)), *saying, also_verify=False)
                self.assertIn("model '", err)

    def test_labels_are_told_apart(self):
        layers = [{"name": "fc", "type": "linear", "units": 4}, {"name": "g", "type": "gru", "units": 2, "weights": "g."}]
        tensors = {**TENSORS, "g.weight_ih_l0": np.zeros((6, 4), np.float32), "g.weight_hh_l0": np.zeros((6, 2), np.float32),
                   "g.bias_ih_l0": np.zeros(6, np.float32), "g.bias_hh_l0": np.zeros(6, np.float32)}
        manifest = copy.deepcopy(MANIFEST)
        manifest["layers"] = layers
        manifest["weights"][0]["tensors"] = {n: {"dtype": "I64" if n == "counter" else "F32", "shape": list(a.shape)} for n, a in tensors.items()}
        for labels, saying in ((["a", "a"], "the label 'a' occurs twice"), (["a"], "has 1 labels, the output has 2 values"), (["a", "b"], None)):
            manifest["outputs"] = {"frames": {"from": "fc"}, "p": {"from": "g", "labels": [{"name": n} for n in labels]}}
            folder = self.write(manifest, safetensors(tensors))
            if saying:
                self.refused(folder, saying)
            else:
                self.assertEqual(set(self.records("extract", "-w", "p", "-m", folder, self.wav)[0]["p"]), {"a", "b"})

    def test_texts_that_are_no_manifest(self):
        text = json.dumps(MANIFEST).encode()
        for content, *saying in (
            (b"", "not JSON"), (b"\0", "not JSON"), (b"[]", "is a list, expected an object"), (text + b"x", "not JSON"),
            (text[:-1], "not JSON"), (b"\xef\xbb\xbf" + text, "not JSON"), (text.replace(b'"tiny"', b'"\xff"'), "UTF-8"),
            (text.replace(b'"tiny"', b'"a\\u0000b"'), "NUL"), (text.replace(b'"version": 1', b'"version": 1, "version": 1'), "the key 'version' occurs twice"),
            (text.replace(b'"version": 1', b'"version": 1e400'), "version: the number is too large"),
            (text.replace(b'"version": 1', b'"version": 01'), "no number"),
            (b'{"a":' * 33 + b"1" + b"}" * 33, "nested deeper than 32"), (b"[" * 10**6, "nested deeper"),
            (b"[" + b"0," * 400000 + b"0]", "more than 10000 JSON values"), (b" " * (2**20 + 1), "limit is 1048576"),
        ):
            with self.subTest(content=content[:60]):
                self.refused(self.write(content), *saying, also_verify=False)

    def test_every_prefix_of_a_manifest_is_refused(self):
        text = json.dumps(MANIFEST).encode()
        for n in range(0, len(text), 37):
            self.refused(self.write(text[:n]), "not JSON", also_verify=False)


class Weights(Model):
    def test_a_wrong_digest_is_found_by_verify(self):
        folder = self.write()
        weights = bytearray((folder / "w.safetensors").read_bytes())
        weights[-12] ^= 1
        (folder / "w.safetensors").write_bytes(weights)
        self.ok("extract", "-w", "frames", "-m", folder, self.wav)  # product.md: not checked for every clip
        done = self.fails(1, "model", "verify", folder, saying=("weights[0].sha256", hashlib.sha256(weights).hexdigest()))
        self.assertEqual(len(done.err.splitlines()), 1)

    def test_values_that_are_no_numbers_are_refused(self):
        for value in (np.nan, np.inf):
            tensors = copy.deepcopy(TENSORS)
            tensors["fc.weight"][1, 2] = value
            self.refused(self.write(weights=safetensors(tensors)), "layers[0]: layer 'fc' (linear), input sequence [T, 8]: the tensor 'fc.weight' has the value", "at element 10")

    def test_one_value_that_is_no_number_is_found_among_many(self):
        """Weights are looked through in blocks: any place of a block, the largest numbers around it, both signs."""
        manifest = self.edited(("layers", 0, "units"), 100)
        manifest["weights"][0]["tensors"].update({"fc.weight": {"dtype": "F32", "shape": [100, 8]},
                                                  "fc.bias": {"dtype": "F32", "shape": [100]}})
        largest = np.finfo(np.float32).max * (-1.0) ** np.arange(800, dtype=np.float32)
        tensors = {**TENSORS, "fc.weight": largest.reshape(100, 8).astype(np.float32), "fc.bias": np.zeros(100, np.float32)}
        self.ok("model", "info", self.write(manifest, safetensors(tensors)))
        for place, value in ((0, np.nan), (255, -np.nan), (256, np.inf), (511, -np.inf), (700, np.nan), (799, -np.inf)):
            weight = largest.astype(np.float32)
            weight[place] = value
            tensors["fc.weight"] = weight.reshape(100, 8)
            self.refused(self.write(manifest, safetensors(tensors)), "has the value", f"at element {place}\n")

    def test_headers_that_lie(self):
        good = safetensors(TENSORS)
        entry = '{"dtype":"F32","shape":%s,"data_offsets":%s}'
        for weights, *saying in (
            (b"", "0 bytes"), (b"\x02", "1 bytes"), (good[:-1], "lies outside"), (good + b"x", "1 bytes behind the last tensor"),
            (struct.pack("<Q", 2**63) + good[8:], "a header of 9223372036854775808 bytes"),
            (struct.pack("<Q", len(good) - 7) + good[8:], "a header of"),
            (raw_safetensors(b'{"a":' + (entry % ("[1]", "[4,8]")).encode() + b"}", bytes(8)), "leave a hole"),
            (raw_safetensors(b'{"a":' + (entry % ("[4294967296,4294967296,1]", "[0,0]")).encode() + b"}"), "does not fit"),
            (raw_safetensors(b'{"a":' + (entry % ("[9007199254740993]", "[0,0]")).encode() + b"}"), "a.shape[0]"),
            (raw_safetensors(b'{"a":' + (entry % ("[0]", "[0,0]")).encode() + b"}"), "without elements"),
            (raw_safetensors(b'{"a":' * 10**6), "nested deeper than 8"),
        ):
            with self.subTest(saying=saying):
                self.refused(self.write(weights=weights), "weights[0].file: 'w.safetensors'", *saying)

    def peak(self, folder):
        """Exit code and peak memory in MiB of one refusal."""
        script = ("import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode; "
                  "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)")
        done = subprocess.run([sys.executable, "-c", script, stylet.STYLET, "model", "info", folder], stdout=subprocess.PIPE, check=True)
        return [int(word) for word in done.stdout.split()]

    def test_a_refusal_costs_little_memory_and_time(self):
        if "asan" in stylet.STYLET or "tsan" in stylet.STYLET:
            self.skipTest("a sanitizer needs more memory itself")
        code, usual = self.peak(self.write())
        self.assertEqual(code, 0)
        values = b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(600000)) + b"}}"
        for make in (lambda p: p.write_bytes(struct.pack("<Q", 100 * 2**20 + 1) + b"{" + b" " * (100 * 2**20)),
                     lambda p: p.write_bytes(raw_safetensors(b'{"a":[' + b"0," * (4 << 20) + b"0]}")),
                     lambda p: p.write_bytes(raw_safetensors(values)),
                     lambda p: (p.write_bytes(raw_safetensors(b"{}  ")), os.truncate(p, 3 << 30))):
            folder = self.write()
            make(folder / "w.safetensors")
            start = time.monotonic()
            code, peak = self.peak(folder)
            self.assertEqual(code, 2)
            self.assertLess(peak - usual, 64)
            self.assertLess(time.monotonic() - start, 60)


class Paths(Model):
    """The manifest may name nothing outside its folder, by no road."""

    def test_no_path_leads_out_of_the_folder(self):
        outside = self.scratch / "outside"
        outside.mkdir()
        secret = outside / "w.safetensors"
        secret.write_bytes(safetensors(TENSORS))
        for name in ("../outside/w.safetensors", str(secret), "sub/../../outside/w.safetensors", "./../outside/w.safetensors",
                     "link.safetensors", "dir/w.safetensors", "", ".", "..", "sub", "fifo", "loop", "a//w.safetensors",
                     "sub/up/outside/w.safetensors", "/proc/self/fd/0", "w.safetensors/", "n" * 300, "x/" * 3000 + "w", "\u0001"):
            folder = self.write(self.edited(("weights", 0, "file"), name))
            (folder / "sub").mkdir()
            (folder / "sub" / "up").symlink_to("../..")
            (folder / "link.safetensors").symlink_to(secret)
            (folder / "dir").symlink_to(outside)
            (folder / "loop").symlink_to("loop")
            os.mkfifo(folder / "fifo")
            with self.subTest(name=name[:50]):
                start = time.monotonic()
                self.refused(folder, "weights[0].file", also_verify=False)
                self.assertLess(time.monotonic() - start, 60)

    def test_a_path_below_the_folder_is_followed(self):
        folder = self.write(self.edited(("weights", 0, "file"), "sub/dir/w.safetensors"))
        (folder / "sub" / "dir").mkdir(parents=True)
        shutil.move(folder / "w.safetensors", folder / "sub" / "dir")
        self.ok("model", "verify", folder)

    def test_a_manifest_that_is_no_file(self):
        folder = self.write()
        manifest = folder / "manifest.json"
        for make in (manifest.mkdir, lambda: os.mkfifo(manifest), lambda: manifest.symlink_to("../a.wav"), lambda: None):
            manifest.unlink() if manifest.is_file() else manifest.rmdir() if manifest.is_dir() else None
            if manifest.is_fifo() or manifest.is_symlink():
                manifest.unlink()
            make()
            self.refused(folder, "manifest.json", also_verify=False)

    def test_what_is_no_model_says_what_was_expected(self):
        checkpoint = self.scratch / "x.pt"
        checkpoint.write_bytes(b"PK")
        self.refused(checkpoint, "expected a folder or its manifest.json", "convert_checkpoint.py")
        self.refused(self.scratch / "nowhere", "cannot find the model")
        self.fails(2, "extract", self.wav, env={"STYLET_MODEL": str(self.scratch / "nowhere")}, saying="nowhere")

    def test_the_manifest_may_be_named_itself(self):
        folder = self.write()
        self.ok("model", "verify", folder / "manifest.json")
        self.ok("model", "verify", "manifest.json", cwd=folder)
        self.ok("model", "verify", ".", cwd=folder)


if __name__ == "__main__":
    tap.main()
