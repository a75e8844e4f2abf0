"""`stylet model diagnose` and `model verify --against`: what is said of models whose faults are known."""
import atexit
import functools
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import stylet
import tap

DEFAULT = stylet.ROOT / "models" / "default"
CLIP = stylet.FIXTURES / "a_en.wav"


@functools.lru_cache(maxsize=None)
def base():
    """A GST with random weights, the same for every test: its faults are those that a test puts in."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stylet-")) / "gst"
    atexit.register(shutil.rmtree, folder.parent)
    subprocess.run([sys.executable, stylet.ROOT / "tests" / "bench" / "make_gst.py", folder], check=True,
                   stderr=subprocess.DEVNULL)
    return folder


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in sorted(arrays.items()):
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def changed(folder, change, manifest=lambda m: None):
    """The base model with other tensors."""
    shutil.copytree(base(), folder)
    description = json.loads((folder / "manifest.json").read_text())
    entry, = description["weights"]
    arrays = {name: values.copy() for name, values in stylet.read_safetensors(folder / entry["file"]).items()}
    change(arrays)
    (folder / entry["file"]).unlink()
    write_safetensors(folder / entry["file"], arrays)
    description["weights"] = [json.loads(stylet.run("model", "info", folder / entry["file"]).stdout)]
    description.pop("trained", None)
    manifest(description)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(json.dumps(description))
    return folder


def names(arrays):
    """Tensor names of the token layer by their part."""
    tokens = next(n for n, a in arrays.items() if n.endswith(("stl.tokens", "stl.embed")))
    key = next(n for n in arrays if n.endswith(("key.weight", "W_key.weight")))
    query = next(n for n in arrays if n.endswith(("query.weight", "W_query.weight")))
    return tokens, key, query


class Tokens(stylet.Case):
    def diagnose(self, model, *args, code=0):
        done = stylet.run("model", "diagnose", "--json", model, *args)
        self.assertEqual(done.returncode, code, done.err)
        return json.loads(done.stdout)

    def codes(self, report):
        return {finding["code"] for finding in report["findings"]}

    def test_duplicates_and_dead_tokens_are_named_exactly(self):
        record, = [json.loads(line) for line in stylet.run("extract", "-m", base(), "-w", "reference", CLIP).stdout.splitlines()]
        state = np.array(record["reference"])
        for seed in range(6):
            choose = random.Random(seed)
            tokens = choose.sample(range(10), 5)
            dead, (a, b, c) = sorted(tokens[:2]), sorted(tokens[2:])

            def change(arrays):
                embed, key, query = names(arrays)
                wide = arrays[query].astype(float) @ state
                arrays[embed][:, -1] = 0
                arrays[embed][[b, c]] = arrays[embed][a]
                arrays[embed][dead, -1] = 5  # behind tanh nearly 1, in a direction that no query likes
                for part in np.split(np.arange(len(wide)), 8):
                    arrays[key][part, -1] = -200 * wide[part] / np.linalg.norm(wide[part]) ** 2

            report = self.diagnose(changed(self.scratch / f"seed{seed}", change))
            layer, = report["token_layers"]
            self.assertEqual(layer["dead"], dead, f"seed {seed}")
            self.assertEqual(layer["duplicates"], [[a, b, c]], f"seed {seed}")
            self.assertLessEqual({"dead_tokens", "duplicate_tokens"}, self.codes(report))

    def test_a_model_without_faults_has_none(self):
        report = self.diagnose(changed(self.scratch / "m", lambda arrays: None))
        layer, = report["token_layers"]
        self.assertEqual((layer["dead"], layer["duplicates"]), ([], []))
        self.assertEqual((report["verdict"], report["main"]), ("moves", "style"))
        self.assertFalse({"dead_tokens", "duplicate_tokens", "constant"} & self.codes(report))

    def test_even_attention_is_said(self):
        def change(arrays):
            arrays[names(arrays)[2]][:] = 0

        report = self.diagnose(changed(self.scratch / "m", change), code=1)
        self.assertLessEqual({"constant", "even_attention", "carries_style", "lost_in_layer"}, self.codes(report))
        lost, = [f["text"] for f in report["findings"] if f["code"] == "lost_in_layer"]
        self.assertIn("'stl'", lost)
        for head in report["token_layers"][0]["heads"]:
            self.assertAlmostEqual(head["effective_tokens"], 10, places=3)

    def test_stuck_heads_are_said(self):
        def change(arrays):
            arrays[names(arrays)[2]][:] *= 1000

        report = self.diagnose(changed(self.scratch / "m", change))
        self.assertTrue(any(head["stuck"] for head in report["token_layers"][0]["heads"]))
        self.assertIn("stuck_heads", self.codes(report))

    def test_a_dead_encoder_is_found_where_it_dies(self):
        def change(arrays):
            bias = next(n for n in arrays if n.endswith("bns.2.bias"))
            arrays[bias][:] = -1e4  # ReLU then gives nothing

        report = self.diagnose(changed(self.scratch / "m", change), code=1)
        lost, = [f["text"] for f in report["findings"] if f["code"] == "lost_in_layer"]
        self.assertIn("'conv2'", lost)
        self.assertIn("nothing_carries_style", self.codes(report))


class Layout(stylet.Case):
    """A convolution that sees steps of 1.5 between neighbours only: along time, frames 80 apart as mel-major memory puts
    them, not 2.5 ms; along frequency, mels as time-major memory puts them."""

    def model(self, layout, kernel):
        folder = self.scratch / f"{layout}{kernel[0]}"
        folder.mkdir()
        step = np.array([1, -1], "f4").reshape(1, 1, *kernel)
        write_safetensors(folder / "w.safetensors", {"steps.weight": np.concatenate([step, -step]),
                                                     "steps.bias": np.array([-1.5, -1.5], "f4"),
                                                     "style.weight": np.eye(2, dtype="f4") * 100, "style.bias": np.ones(2, "f4")})
        (folder / "manifest.json").write_text(json.dumps({
            "format": "stylet", "version": 1, "name": "steps",
            "front_end": {"sample_rate": 16000, "n_fft": 512, "hop_length": 40, "n_mels": 80, "log": "ln",
                          "log_floor": 0.01},
            "weights": [json.loads(self.ok("model", "info", folder / "w.safetensors").stdout)],
            "layers": [{"name": "image", "type": "image", "layout": layout},
                       {"name": "steps", "type": "conv2d", "channels": 2, "kernel": kernel, "activation": "relu"},
                       {"name": "mean", "type": "pool"}, {"name": "style", "type": "linear", "units": 2}],
            "outputs": {"style": {"from": "style"}}}))
        return folder

    def findings(self, layout, kernel):
        done = stylet.run("model", "diagnose", "--json", self.model(layout, kernel))
        self.assertLessEqual(done.returncode, 1, done.err)  # 1: constant
        return {finding["code"]: finding["text"] for finding in json.loads(done.stdout)["findings"]}

    def test_the_wrong_layout_is_named_as_the_cause(self):
        for layout, kernel, other in (("time_major", [2, 1], "mel_major"), ("mel_major", [1, 2], "time_major")):
            text = self.findings(layout, kernel)["layout"]
            self.assertIn(f"trained on {other.replace('_', '-')} features", text)
            self.assertIn(f"--set layout={other}", text)

    def test_the_right_layout_is_not(self):
        for layout, kernel in (("mel_major", [2, 1]), ("time_major", [1, 2])):
            texts = self.findings(layout, kernel)
            self.assertIn("moves", texts)
            self.assertNotIn("layout", texts)
            self.assertEqual("mel_major" in texts, layout == "mel_major")


class Report(stylet.Case):
    def test_the_softmax_bug_is_named_and_reference_still_moves(self):
        def manifest(description):
            next(layer for layer in description["layers"] if layer["name"] == "stl")["softmax_axis"] = "batch"

        model = changed(self.scratch / "m", lambda arrays: None, manifest)
        done = stylet.run("model", "diagnose", model)
        self.assertEqual(done.returncode, 1, done.err)
        text = done.stdout.decode()
        self.assertIn("'style' is constant", text)
        self.assertIn("runs over the batch", text)
        self.assertRegex(text, "still moves with the audio: .*'reference'")

    def test_given_audio_takes_part(self):
        done = self.ok("model", "diagnose", "--json", DEFAULT, CLIP, stylet.FIXTURES / "b_fast.wav")
        report = json.loads(done.stdout)
        self.assertEqual(report["runs"][:2], ["a_en.wav", "b_fast.wav"])
        self.assertNotIn("untrained", {f["code"] for f in report["findings"]})
        self.ok("model", "diagnose", "-m", DEFAULT, CLIP)

    def test_bad_audio_and_a_bad_model_are_errors(self):
        self.fails(2, "model", "diagnose", self.scratch / "none", saying="none")
        bad = self.scratch / "bad.wav"
        bad.write_bytes(b"nonsense")
        self.fails(3, "model", "diagnose", DEFAULT, bad, saying="bad.wav")
        self.fails(2, "model", "info", DEFAULT, CLIP, saying="takes one model")

    def test_the_same_bytes_every_time(self):
        first, second = (self.ok("model", "diagnose", DEFAULT).stdout for _ in range(2))
        self.assertEqual(first, second)


class Against(stylet.Case):
    def setUp(self):
        super().setUp()
        rows = np.random.default_rng(1).random((70, 80), "f4")
        np.save(self.scratch / "x.npy", rows)
        record, = self.records("extract", "-w", "style,reference,token_weights", self.scratch / "x.npy")
        self.arrays = {"in.mel_one": rows, "out.style_one": np.array(record["style"]),
                       "out.weights_one": np.array(record["token_weights"]),
                       "out.reference_one": np.array(record["reference"])}

    def verify(self, *args):
        write_safetensors(self.scratch / "e.safetensors", self.arrays)
        return ["model", "verify", DEFAULT, "--against", self.scratch / "e.safetensors", *args]

    def test_the_models_own_numbers_hold(self):
        done = self.ok(*self.verify())
        self.assertIn(b"ok: 3 of 3 comparisons hold", done.stdout)
        self.assertIn(b"tolerance 1.00e-05", done.stdout)

    def test_json_says_the_same(self):
        self.arrays["out.style_one"][17] += 0.01
        found = json.loads(stylet.run(*self.verify("--json")).stdout)
        holds = {c["output"]: c["holds"] for c in found["comparisons"]}
        self.assertEqual((holds, found["ok"]), ({"style": False, "token_weights": True, "reference": True}, False))
        style = next(c for c in found["comparisons"] if c["output"] == "style")
        self.near(style["difference"], 0.01, 1e-6)
        self.assertEqual(found["worst"], style["relative"])
        whole = json.loads(self.ok("model", "verify", "--json").stdout)
        self.assertTrue(whole["ok"])
        lines = [line.split("  ", 1) for line in self.ok("model", "hash").stdout.decode().splitlines()]
        hashes = json.loads(self.ok("model", "hash", "--json").stdout)
        self.assertEqual([[hashes["hash"], hashes["name"]], *([v, k] for k, v in hashes["tensors"].items())], lines)
        self.assertEqual(hashes["hash"], whole["hash"])

    def test_a_wrong_number_is_found(self):
        self.arrays["out.style_one"][17] += 0.01
        done = stylet.run(*self.verify())
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"FAIL style of one", done.stdout)
        self.assertIn(b"FAIL: 2 of 3", done.stdout)
        self.ok(*self.verify("--tolerance", "0.5"))

    def test_what_cannot_be_compared_is_refused(self):
        kept = dict(self.arrays)
        self.arrays = {"in.mel_one": kept["in.mel_one"]}
        self.fails(2, *self.verify(), saying="nothing to compare")
        self.arrays = {**kept, "out.style_one": kept["out.style_one"][:7]}
        self.fails(2, *self.verify(), saying=["out.style_one", "[7]"])
        self.arrays = {**kept, "in.mel_one": kept["in.mel_one"][:, :79]}
        self.fails(2, *self.verify(), saying="79 bins")
        self.fails(2, "model", "verify", DEFAULT, "--against", CLIP, saying="not a safetensors file")


if __name__ == "__main__":
    tap.main()
