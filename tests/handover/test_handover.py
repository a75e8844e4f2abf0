"""The recipes of scripts/handover: what they write is read again, by torch where it is installed, else by the converter."""
import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parent.parent / "scripts"
sys.path[:0] = [str(HERE.parent), str(SCRIPTS), str(SCRIPTS / "handover")]
import coqui
import stylet_vectors
import tap
import torch_file
from convert.checkpoint import open_checkpoint
from stylet import FIXTURES, Case, golden, read_safetensors

HAVE_TORCH = importlib.util.find_spec("torch") is not None
CLIPS = [FIXTURES / name for name in ("a_en.wav", "b_fast.wav", "c_fr.wav")]


def load_tensor(path):
    """The tensor of a file, by torch where it is installed."""
    if HAVE_TORCH:
        import torch
        return torch.load(path, weights_only=True).numpy()
    return by_converter(path)


def by_converter(path):
    tensor, = open_checkpoint(str(path)).tensors.values()
    return tensor.raw()


def load_table(path):
    if HAVE_TORCH:
        import torch
        return torch.load(path, weights_only=True)
    return open_checkpoint(str(path)).root


class Handover(Case):
    def recipe(self, name, *args):
        return subprocess.run([sys.executable, SCRIPTS / "handover" / f"{name}.py", *map(str, args)], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def extract(self, name, *args):
        self.ok("extract", "-q", *args, *CLIPS, "-o", self.scratch / name)
        return self.scratch / name

    def test_every_format_gives_the_same_vectors(self):
        first = stylet_vectors.read(self.extract("v.npz"))
        self.assertEqual(list(first), ["a_en", "b_fast", "c_fr"])
        for name in ("v.npy", "v.jsonl"):
            again = stylet_vectors.read(self.extract(name))
            self.assertEqual(list(again), list(first))
            for key in first:
                self.assertEqual(again[key].tobytes(), first[key].tobytes())

    def test_a_style_tensor_for_mellotron(self):
        self.recipe("gst_tensor", self.extract("v.npz"), self.scratch / "s.pt", "c_fr")
        tensor = load_tensor(self.scratch / "s.pt")
        self.assertEqual(tensor.shape, (1, 1, 256))
        self.assertEqual(tensor.tobytes(), stylet_vectors.one(self.scratch / "v.npz", "c_fr").tobytes())

    def test_a_tone_colour_for_openvoice(self):
        self.recipe("openvoice", self.extract("v.npz"), self.scratch / "se.pth", "a_en")
        self.assertEqual(load_tensor(self.scratch / "se.pth").shape, (1, 256, 1))

    def test_tables_of_clips_and_speakers(self):
        vectors = stylet_vectors.read(self.extract("v.jsonl"))
        (self.scratch / "utt2spk").write_text("a_en one\nb_fast two\nc_fr one\n")
        self.recipe("embedding_table", self.scratch / "v.jsonl", self.scratch / "t", self.scratch / "utt2spk")
        clips, speakers = load_table(self.scratch / "t/utt2embedding.pt"), load_table(self.scratch / "t/spk2embedding.pt")
        self.assertEqual({k: type(v) for k, v in clips.items()}, {k: list for k in vectors})
        self.near(clips["b_fast"], vectors["b_fast"], 0)
        self.near(speakers["one"], (vectors["a_en"].astype(float) + vectors["c_fr"]) / 2, 1e-7)
        self.near(speakers["two"], vectors["b_fast"], 0)

    def test_a_dictionary_for_coqui_and_back(self):
        stored = self.extract("w.jsonl", "-w", "token_weights")
        weights = stylet_vectors.one(stored, "a_en", "token_weights")
        said = json.loads(self.recipe("coqui", "dictionary", stored, "a_en").stdout)
        self.near([said[str(k)] for k in range(10)], weights.astype(float).mean(0), 1e-6)
        line = self.recipe("coqui", "command", '{"3": 0.8, "5": -0.2}').stdout.split()
        self.assertEqual(line, ["stylet", "mix", "--token", "3=0.8", "--token", "5=-0.2"])
        mixed, = self.records(*line[1:], "-q")
        self.near(mixed["style"], self.records("mix", "-q", "--token=3=0.8", "--token=5=-0.2")[0]["style"], 0)

    def test_the_dictionary_of_coqui_gives_the_style_of_coqui(self):
        model = self.scratch / "m"
        subprocess.run([sys.executable, SCRIPTS / "convert_checkpoint.py", golden("families/coqui_gst/coqui_gst.pt"), "-o", model,
                        "--family", "coqui-gst"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        want = read_safetensors(golden("families/coqui_gst/coqui_gst.expected.safetensors"))
        mixed, = self.records("mix", "-q", "-m", model, *coqui.command({"0": 0.15, "2": 0.15, "5": -0.3}))
        self.near(mixed["style"], want["out.style_dict_0:0.15_2:0.15_5:-0.3"], 1e-6)

    def test_a_vector_takes_the_place_of_coquis_layer(self):
        if not HAVE_TORCH:
            self.skipTest("no torch")
        import torch
        model = torch.nn.Module()
        model.gst_layer = torch.nn.Linear(3, 3)
        coqui.use_vector(model, np.arange(4))
        self.assertEqual(model.gst_layer("anything").tolist(), [[[0, 1, 2, 3]]])

    def test_the_converter_reads_what_is_written(self):
        want = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        torch_file.save(want, self.scratch / "t.pt")
        self.near(by_converter(self.scratch / "t.pt"), want, 0)
        torch_file.save({"a": [1.5, -2.0]}, self.scratch / "d.pt")
        self.assertEqual(open_checkpoint(str(self.scratch / "d.pt")).root, {"a": [1.5, -2.0]})

    def test_a_clip_without_a_speaker_is_refused(self):
        self.extract("v.npz")
        (self.scratch / "utt2spk").write_text("a_en one\n")
        with self.assertRaises(subprocess.CalledProcessError) as caught:
            self.recipe("embedding_table", self.scratch / "v.npz", self.scratch / "t", self.scratch / "utt2spk")
        self.assertIn("b_fast", caught.exception.stderr)
        self.assertFalse((self.scratch / "t").exists())


if __name__ == "__main__":
    tap.main()
