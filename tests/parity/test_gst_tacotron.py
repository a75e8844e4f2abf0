"""KinglittleQ/GST-Tacotron: the program's numbers on every dispatch path against the original implementation's.

Tolerances: both sides compute in float32; the golden numbers agree with a float64 run to 3e-6 of the largest value,
and so must these. Mels mapped to [0, 1] carry 5e-6 from single bins with almost no energy.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
import stylet
import tap

CLIPS = ("a_en", "b_fast", "c_fr")
LENGTHS = (1, 2, 64, 65, 300)
HERE = pathlib.Path(__file__).resolve().parent


class Parity:
    """The same checks for a converted and for a hand-written model folder."""

    @classmethod
    def setUpClass(cls):
        cls.expected = stylet.read_safetensors(stylet.golden("gst_tacotron_16k.expected.safetensors"))

    def setUp(self):
        super().setUp()
        self.model = self.scratch / "model"
        self.make_model()

    def compare(self, record, key, way):
        for output, golden in (("style", "style"), ("token_weights", "weights"), ("reference", "reference")):
            name = f"out.{golden}_{key}"
            if name in self.expected:
                self.near(record[output], self.expected[name], 1e-5, f"{output} of {key}, {way}")
        self.assertIn(f"out.style_{key}", self.expected)

    def test_clips_give_the_published_outputs(self):
        paths = [stylet.golden(f"wav16/{clip}.wav") for clip in CLIPS]
        for way, records in self.on_every_path("extract", "-m", self.model, "-w", "style,token_weights,reference", *paths):
            self.assertEqual([r["id"] for r in records], list(CLIPS))
            for record, clip in zip(records, CLIPS):
                self.compare(record, clip, way)

    def test_feature_matrices_give_the_published_outputs(self):
        for length in LENGTHS:
            path = self.scratch / f"T{length}.npy"
            np.save(path, self.expected[f"in.mel_T{length}"])
            for way, (record,) in self.on_every_path("extract", "-m", self.model, "-w", "style,token_weights,reference", path):
                self.assertEqual(record["num_frames"], length)
                self.compare(record, f"T{length}", way)

    def test_mels_are_the_published_mels(self):
        for way, more, env in stylet.ways():
            for clip in CLIPS:
                out = self.scratch / f"{clip}-{way}.npy"
                self.ok("mel", "-m", self.model, *more, stylet.golden(f"wav16/{clip}.wav"), "-o", out, env=env)
                self.near(np.load(out), self.expected[f"in.mel_{clip}"], 2e-5, f"{clip}, {way}")


class Converted(Parity, stylet.Case):
    def make_model(self):
        subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py",
                        stylet.golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron", "--set", "trim=none",
                        "--set", "frame_multiple=1", "-o", self.model], check=True, stderr=subprocess.DEVNULL)


class ByHand(Parity, stylet.Case):
    def make_model(self):
        self.model.mkdir()
        source = stylet.golden("gst_tacotron_16k.weights.safetensors")
        (self.model / source.name).write_bytes(source.read_bytes())
        manifest = json.loads((HERE / "gst_tacotron_by_hand.json").read_text())
        manifest["weights"] = [json.loads(self.ok("model", "info", source, "--json").stdout)]
        (self.model / "manifest.json").write_text(json.dumps(manifest))
        self.ok("model", "verify", self.model)


if __name__ == "__main__":
    tap.main()
