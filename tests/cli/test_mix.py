"""`stylet mix`: tokens without audio against the golden value projections, blends, and what is refused."""
import json
import pathlib
import subprocess
import sys
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap
from stylet import FIXTURES, ROOT, Case, golden, read_safetensors

CLIP = FIXTURES / "a_en.wav"
OTHER = FIXTURES / "b_fast.wav"


class Mix(Case):
    def convert(self, checkpoint, *more):
        to = self.scratch / pathlib.Path(checkpoint).stem
        subprocess.run([sys.executable, ROOT / "scripts" / "convert_checkpoint.py", golden(checkpoint), "-o", to, *more],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return to

    def style(self, *args):
        record, = self.records("mix", "-q", *args)
        return np.float32(record["style"])

    def save(self, name, *args):
        self.ok("extract", "-q", *args, "-o", self.scratch / name)
        return self.scratch / name


class Tokens(Mix):
    def check_every_token(self, checkpoint, tokens, values, *more):
        """values: [tokens, E], the value projections of the activated tokens from the published weights."""
        model = self.convert(checkpoint, *more)
        for k in range(tokens):
            # float32 sums of at most 64 products below 1
            self.near(self.style("-m", model, "--token", f"{k}=1"), values[k], 1e-6, f"token {k}")
        return model

    def test_each_token_alone_is_its_value_projection(self):
        w = read_safetensors(golden("gst_tacotron_16k.weights.safetensors"))
        embed = next(v for k, v in w.items() if k.endswith("stl.embed")).astype(np.float64)
        project = next(v for k, v in w.items() if k.endswith("W_value.weight")).astype(np.float64)
        self.check_every_token("gst_tacotron_16k.pt", 10, np.tanh(embed) @ project.T, "--family", "gst-tacotron")

    def test_the_dictionary_of_coqui_is_matched(self):
        model = self.convert("families/coqui_gst/coqui_gst.pt", "--family", "coqui-gst")
        want = read_safetensors(golden("families/coqui_gst/coqui_gst.expected.safetensors"))
        got = self.style("-m", model, "--token", "0=0.15", "--token", "2=0.15", "--token", "5=-0.3")
        self.near(got, want["out.style_dict_0:0.15_2:0.15_5:-0.3"], 1e-6)

    def test_the_token_number_of_mellotron_is_matched(self):
        model = self.convert("families/mellotron/mellotron.pt", "--family", "mellotron")
        want = read_safetensors(golden("families/mellotron/mellotron.expected.safetensors"))
        for k in (0, 7):
            self.near(self.style("-m", model, "--token", f"{k}=1"), want[f"out.style_token{k}"], 1e-6)

    def test_a_clips_own_weights_give_its_style(self):
        # espnet has biases and an output projection behind the heads
        for checkpoint, family in (("gst_tacotron_16k.pt", "gst-tacotron"), ("families/espnet_gst/espnet_gst.pt", "espnet-gst")):
            model = self.convert(checkpoint, "--family", family)
            record, = self.records("extract", "-q", "-m", model, "-w", "style,token_weights", CLIP)
            stored = self.scratch / "record.jsonl"
            stored.write_text(json.dumps(record) + "\n")
            self.near(self.style("-m", model, "--weights", stored), record["style"], 1e-5, family)
            heads = [f"--head={h}:{k}={w!r}" for h, row in enumerate(record["token_weights"]) for k, w in enumerate(row)]
            self.near(self.style("-m", model, *heads), record["style"], 1e-5, family)

    def test_heads_add_up_to_the_token(self):
        whole = self.style("--token", "3=0.5")
        self.near(sum(self.style("--head", f"{h}:3=0.5") for h in range(8)), whole, 1e-6)
        self.assertEqual(np.count_nonzero(self.style("--head", "2:3=1")), 32)  # one head's slice of 256

    def test_softmax_takes_logits(self):
        logits = np.zeros(10)
        logits[[3, 5]] = 2.0, -1.0
        w = np.exp(logits) / np.exp(logits).sum()
        want = self.style(*(f"--token={k}={float(v)!r}" for k, v in enumerate(w)))
        self.near(self.style("--softmax", "--token", "3=2", "--token", "5=-1"), want, 1e-6)

    def test_replace_turns_one_head_to_a_token(self):
        before = self.style("--from", CLIP)
        after = self.style("--from", CLIP, "--replace", "2:4")
        alone = self.style("--head", "2:4=1")
        self.near(after[64:96], alone[64:96], 1e-7)
        self.near(np.delete(after, range(64, 96)), np.delete(before, range(64, 96)), 1e-5)
        self.assertGreater(np.abs(after[64:96] - before[64:96]).max(), 0.01)

    def test_scale_is_a_factor(self):
        self.near(self.style("--token", "3=1", "--scale", "-1.5"), -1.5 * self.style("--token", "3=1"), 1e-6)


class Blends(Mix):
    def test_sources_are_summed_with_their_factors(self):
        a, b = self.style("--from", CLIP), self.style("--from", OTHER)
        vector = self.save("b.npy", OTHER)
        self.near(self.style("--from", f"{CLIP}:0.7", "--from", f"{vector}:0.3"), 0.7 * a + 0.3 * b, 1e-6)
        self.near(self.style("--from", f"{CLIP}:1.5", "--from", f"{OTHER}:-0.5"), 1.5 * a - 0.5 * b, 1e-6)
        self.near(self.style("--from", CLIP, "--token", "3=0.5"), a + self.style("--token", "3=0.5"), 1e-6)

    def test_one_source_is_kept_to_the_bit(self):
        record, = self.records("extract", "-q", CLIP)
        self.assertEqual(self.style("--from", CLIP).tobytes(), np.float32(record["style"]).tobytes())

    def test_stored_vectors_are_taken_from_every_format(self):
        a = self.style("--from", CLIP)
        for name in ("v.npz", "v.npy", "v.jsonl"):
            stored = self.save(name, CLIP, OTHER)
            self.assertEqual(self.style("--from", f"{stored}#a_en").tobytes(), a.tobytes(), name)

    def test_a_path_has_exact_ends(self):
        for how in ((), ("--spherical",)):
            steps = self.records("mix", "-q", "--from", CLIP, "--from", OTHER, "--steps", "5", *how)
            rows = np.float32([r["style"] for r in steps])
            self.assertEqual([r["id"] for r in steps], [f"mix-{i}" for i in range(5)])
            self.assertEqual(rows[0].tobytes(), self.style("--from", CLIP).tobytes())
            self.assertEqual(rows[-1].tobytes(), self.style("--from", OTHER).tobytes())
            a, b = rows[0].astype(float), rows[-1].astype(float)
            if how:
                angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
                unit = (np.sin(0.75 * angle) * a / np.linalg.norm(a) + np.sin(0.25 * angle) * b / np.linalg.norm(b)) / np.sin(angle)
                want = unit * (0.75 * np.linalg.norm(a) + 0.25 * np.linalg.norm(b))
            else:
                want = 0.75 * a + 0.25 * b
            self.near(rows[1], want, 1e-6)

    def test_results_come_in_the_formats_of_extract(self):
        out = self.scratch / "way.npz"
        self.ok("mix", "-q", "--from", CLIP, "--token", "3=1", "--steps", "4", "--id", "way", "-o", out)
        with np.load(out) as z:
            self.assertEqual(z["style"].shape, (4, 256))
            self.assertEqual(list(z["ids"]), ["way-0", "way-1", "way-2", "way-3"])


class Refused(Mix):
    def refused(self, saying, *args):
        out = self.scratch / "out.npy"
        self.fails(2, "mix", *args, "-o", out, saying=saying)
        self.assertFalse(out.exists())

    def test_what_does_not_exist(self):
        self.refused(["no token 10", "0 to 9"], "--token", "10=1")
        self.refused(["no head 8", "0 to 7"], "--head", "8:0=1")
        self.refused("no token 99", "--from", CLIP, "--replace", "0:99")
        self.refused("stile", "--token", "1=1", "-w", "stile")
        self.refused("no token layer", "--token", "1=1", "--layer", "gru")
        self.refused("reference", "--token", "1=1", "-w", "reference")

    def test_what_is_no_number(self):
        for text in ("1", "1=", "1=x", "x=1", "1=nan", "1=inf", "-1=2", "1=1e999"):
            self.refused("--token", f"--token={text}")
        self.refused("--scale", "--token", "1=1", "--scale", "nan")
        self.refused("finite", "--from", f"{CLIP}:nan")

    def test_vectors_of_another_model(self):
        stored = self.save("v.jsonl", CLIP)
        record = json.loads(stored.read_text())
        record["model"]["hash"] = "0" * 32
        stored.write_text(json.dumps(record))
        self.refused("different models", "--from", stored)
        np.save(self.scratch / "short.npy", np.zeros(255, np.float32))
        self.refused("255", "--from", self.scratch / "short.npy")

    def test_values_that_are_not_finite(self):
        bad = np.zeros(256, np.float32)
        bad[7] = np.nan
        np.save(self.scratch / "bad.npy", bad)
        self.fails(3, "mix", "--from", self.scratch / "bad.npy", "-o", self.scratch / "out.npy", saying="nan")
        self.assertFalse((self.scratch / "out.npy").exists())

    def test_what_makes_no_sense_together(self):
        self.refused("nothing to mix")
        self.refused("two sources", "--from", CLIP, "--steps", "3")
        self.refused("two sources", "--from", CLIP, "--spherical")
        self.refused("factors", "--from", f"{CLIP}:2", "--from", OTHER, "--steps", "3")
        self.refused("--softmax", "--from", CLIP, "--softmax")
        self.refused("--replace", "--replace", "1:1")
        stored = self.save("two.npz", CLIP, OTHER)
        self.refused("has 2 vectors", "--from", stored)
        self.refused("nobody", "--from", f"{stored}#nobody")

    def test_damaged_stores(self):
        stored = self.save("v.npz", CLIP)
        data = stored.read_bytes()
        for cut in (5, 40, 200, len(data) // 2, len(data) - 3):
            stored.write_bytes(data[:cut])
            self.assertIn(self.fails_somehow("--from", stored), (2, 3))

    def fails_somehow(self, *args):
        from stylet import run
        done = run("mix", *args)
        self.assertNotEqual(done.err, "")
        return done.returncode


if __name__ == "__main__":
    tap.main()
