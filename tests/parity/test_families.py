"""Published families: checkpoint, converter, program, against the numbers of the original implementations, on every
dispatch path of the processor and with --exact.

Tolerances are of the largest expected value, and those of the golden data: 1e-5 from features, 2e-5 from the wav, states
behind instance norm 5e-5, two steps of instance norm (T6 of DelightfulTTS) 2e-4. Where golden float32 numbers use up much
of that themselves, test_truth.py measures the program and them against float64. Mellotron's STFT is a float32 matrix
product, 1.5e-4 in ln-mel. Own fixtures are float64 PyTorch runs of tests/convert/fixtures/make.py.
"""
import json
import subprocess
import sys

import numpy as np
import stylet
import tap

FIXTURES = stylet.ROOT / "tests" / "convert" / "fixtures"
GST = {"style": "style", "token_weights": "weights", "reference": "reference"}


class Family(stylet.Case):
    def setUp(self):
        super().setUp()
        self.worst = {}

    def tearDown(self):
        for kind, values in sorted(self.worst.items()):
            print(f"# {self._testMethodName[5:]}: {kind}", *(f"{value:.1e} {path}" for path, value in values.items()), flush=True)

    def note(self, kind, path, value):
        values = self.worst.setdefault(kind, {})
        values[path] = max(values.get(path, 0), value)

    def convert(self, checkpoint, *args):
        folder = self.scratch / f"model{len(list(self.scratch.iterdir()))}"
        done = subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py", checkpoint, "-o", folder,
                               *args], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.ok("model", "verify", folder)
        self.allocates_nothing(folder)
        return folder

    def golden(self, folder, *args, file=None, expected=None):
        base = f"families/{folder}/"
        return (self.convert(stylet.golden(base + (file or f"{folder}.pt")), *args),
                stylet.read_safetensors(stylet.golden(base + (expected or f"{folder}.expected.safetensors"))))

    def close(self, got, want, tolerance, what, kind, path):
        got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        self.assertEqual(got.shape, want.shape, what)
        relative = np.abs(got - want).max() / max(1.0, np.abs(want).max())
        self.note(kind, path, relative)
        self.assertLessEqual(relative, tolerance, f"{what}, {path}")

    def bind(self, bound):
        args = []
        for name, values in bound.items():
            np.save(self.scratch / f"bound-{name}.npy", values)
            args += ["--bind", f"{name}={self.scratch / f'bound-{name}.npy'}"]
        return args

    def features(self, model, matrices, wanted, tolerance, bound=None):
        """matrices: {clip: features}; wanted(output, clip) -> expected values or None."""
        outputs = list(json.loads((model / "manifest.json").read_text())["outputs"])
        args, together, compared = self.bind(bound or {}), {}, 0
        for clip, values in matrices.items():
            np.save(self.scratch / f"{clip}.npy", values)
            expected = {output: wanted(output, clip) for output in outputs}
            expected = {output: values for output, values in expected.items() if values is not None}
            if expected:  # clips of which the same is expected go through one run
                together.setdefault(",".join(expected), {})[clip] = expected
        for names, clips in together.items():
            paths = [self.scratch / f"{clip}.npy" for clip in clips]
            for way, records in self.on_every_path("extract", "-m", model, *args, "-w", names, *paths):
                self.assertEqual([record["id"] for record in records], list(clips))
                for record, (clip, expected) in zip(records, clips.items()):
                    for output, values in expected.items():
                        limit = tolerance(output, clip) if callable(tolerance) else tolerance
                        self.close(record[output], values, limit, f"{output} of {clip}", "T6" if clip == "T6" else "features", way)
            compared += sum(map(len, clips.values()))
        return compared

    def check(self, model, expected, names=None, tag="", tolerance=1e-5, at_least=1, bound=None, inputs=("mel", "spec")):
        names = names or GST
        matrices = {}
        for key, values in expected.items():
            for kind in inputs:
                for start in (f"in.{kind}_", f"out.{kind}_"):
                    if key.startswith(start):
                        matrices[key[len(start):]] = values
        compared = self.features(model, matrices, lambda output, clip: expected.get(
            f"out.{names[output]}_{tag}{clip}") if output in names else None, tolerance, bound)
        self.assertGreaterEqual(compared, at_least)

    def wav(self, model, clip, expected, names=None, tag="", tolerance=2e-5, mel=4e-4, bound=None):
        """The whole way from the wav, and the features by themselves (absolute, in their own unit)."""
        names, name = names or GST, clip.rsplit("/", 1)[1][:-4]
        out = self.scratch / f"features{len(list(self.scratch.iterdir()))}.npy"
        for key in {f"out.mel_{name}", f"out.spec_{name}"} & set(expected):
            for way, more, env in stylet.ways():
                self.ok("mel", "-m", model, *more, stylet.golden(clip), "-o", out, "--overwrite", env=env)
                got = np.load(out)
                self.near(got, expected[key], mel, f"features of {name}, {way}")
                self.note("front end", way, np.abs(got - expected[key]).max())
        pairs = {output: expected[f"out.{golden}_{tag}{name}"] for output, golden in names.items()
                 if f"out.{golden}_{tag}{name}" in expected}
        self.assertTrue(pairs, name)
        for way, (record,) in self.on_every_path("extract", "-m", model, *self.bind(bound or {}), "-w", ",".join(pairs),
                                                 stylet.golden(clip)):
            for output, values in pairs.items():
                self.close(record[output], values, tolerance, f"{output} of {name}", "wav", way)


class Golden(Family):
    CLIP = "clips/22050/me_example2.wav"

    def test_gst_tacotron(self):
        model = self.convert(stylet.golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron", "--set", "trim=none",
                             "--set", "frame_multiple=1")
        expected = stylet.read_safetensors(stylet.golden("gst_tacotron_16k.expected.safetensors"))
        self.check(model, expected, at_least=19)
        for clip in ("a_en", "b_fast", "c_fr"):
            self.wav(model, f"wav16/{clip}.wav", expected)
        self.ok("model", "verify", model, "--against", stylet.golden("gst_tacotron_16k.expected.safetensors"))

    def test_mellotron_published(self):
        model, expected = self.golden("mellotron", "--family", "mellotron")
        self.check(model, expected, tag="published_", at_least=11)
        self.wav(model, self.CLIP, expected, tag="published_")

    def test_mellotron_intended(self):
        model, expected = self.golden("mellotron", "--family", "mellotron", "--set", "layout=time_major")
        self.check(model, expected, tag="intended_", at_least=11)
        self.wav(model, self.CLIP, expected, tag="intended_")

    def test_coqui(self):
        model, expected = self.golden("coqui_gst", "--set", "trim=none")
        self.check(model, expected, at_least=9)
        self.wav(model, self.CLIP, expected)

    def test_coqui_as_its_tool_reads_a_style_wav(self):
        model, expected = self.golden("coqui_gst", "--set", "trim=none", "--set", "layout=mel_major")
        self.check(model, expected, tag="tool_", at_least=3)

    def test_espnet(self):
        model, expected = self.golden("espnet_gst")
        self.check(model, expected, at_least=9)
        # single bins of no energy differ by 4e-4 in log10 and are then divided by their deviation
        self.wav(model, "clips/24000/me_example2.wav", expected, mel=1e-3)

    def test_tf1(self):
        model, expected = self.golden("tf1_gst", file="syang_mlp.weights.safetensors",
                                      expected="syang_mlp.expected.safetensors")
        self.check(model, expected, at_least=27)
        self.wav(model, "clips/16000/me_example2.wav", expected, mel=2e-5)

    def test_stylespeech(self):
        model, expected = self.golden("stylespeech")
        self.check(model, expected, {"style": "style", "attention": "attn"}, at_least=6)
        self.wav(model, "clips/16000/me_example2.wav", expected)

    def test_styletts2(self):
        model, expected = self.golden("styletts2", "--set", "trim=none")
        self.check(model, expected, {"style": "style"}, at_least=7)
        self.wav(model, "clips/24000/me_example2.wav", expected)

    def delightful(self, folder, *args, encoder="delightful-tts"):
        return self.golden(folder, "--family", encoder, *args)

    @staticmethod
    def rounding(output, clip):
        # T6 ends in two steps that nearly agree: instance norm multiplies roundings by up to 300 at each layer
        return 2e-4 if clip == "T6" else 5e-5

    def test_delightful_tts_published(self):
        names = {"style": "style_published", "style_norm": "style_published_norm", "reference": "reference",
                 "query": "query", "frames": "sequence"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder)
            self.check(model, expected, names, tolerance=self.rounding, at_least=11)
            self.wav(model, self.CLIP, expected, {**names, "frames": "no such key"})
            self.wav(model, self.CLIP, expected, {"frames": "sequence"}, tolerance=5e-5)  # states behind instance norm

    def test_delightful_tts_intended(self):
        names = {"style": "style_intended", "style_norm": "style_intended_norm", "token_weights": "weights_intended"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder, "--set", "softmax_axis=tokens")
            self.check(model, expected, names, tolerance=self.rounding, at_least=9)
            self.wav(model, self.CLIP, expected, names)

    def test_delightful_tts_phoneme(self):
        names = {"style": "prosody", "attention": "prosody_attn"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder, encoder="delightful-tts-phoneme")
            text = {"text": expected["in.x"]}
            self.check(model, expected, names, tolerance=self.rounding, at_least=2, bound=text)
            self.wav(model, self.CLIP, expected, names, bound=text)
            done = self.fails(2, "extract", "-m", model, "-w", "style", stylet.golden(self.CLIP), saying="--bind text=")
            self.assertEqual(done.stdout, b"")
            self.records("extract", "-m", model, "-w", "reference", stylet.golden(self.CLIP))


class Diagnosis(Family):
    """What `model diagnose` says of published checkpoints."""

    def report(self, model, code, *args):
        done = stylet.run("model", "diagnose", "--json", model, *args)
        self.assertEqual(done.returncode, code, done.err)
        found = json.loads(done.stdout)
        return found, {finding["code"]: finding["text"] for finding in found["findings"]}

    def test_delightful_tts_as_published_is_constant_and_reference_moves(self):
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, _ = self.golden(folder, "--family", "delightful-tts")
            found, texts = self.report(model, 1)
            self.assertEqual((found["main"], found["verdict"]), ("style", "constant"))
            self.assertIn("runs over the batch", texts["softmax_axis"])
            self.assertIn("'reference'", texts["carries_style"])
            self.assertEqual(found["outputs"]["reference"]["verdict"], "moves")

    def test_delightful_tts_as_intended_moves(self):
        model, _ = self.golden("delightful_voicesmith", "--family", "delightful-tts", "--set", "softmax_axis=tokens")
        found, texts = self.report(model, 0, stylet.golden("clips/22050/me_example2.wav"))
        self.assertNotEqual(found["verdict"], "constant")
        self.assertNotIn("softmax_axis", texts)

    def test_the_golden_gst_moves(self):
        model = self.convert(stylet.golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron")
        found, texts = self.report(model, 0)
        self.assertEqual(found["verdict"], "moves")
        self.assertNotIn("dead_tokens", texts)
        self.assertNotIn("duplicate_tokens", texts)

    def test_every_family_can_be_diagnosed(self):
        stylet.golden("families")
        for name in ("gpt_sovits", "adaspeech", "capacitron", "capacitron_text", "coqui_speaker", "nemo_gst", "nemo_draft"):
            model = self.convert(FIXTURES / f"{name}.pt")
            found, texts = self.report(model, 0)
            self.assertEqual("stand_in" in texts, name in ("capacitron_text", "coqui_speaker"), name)
        for folder, args in (("styletts2", ()), ("stylespeech", ()), ("mellotron", ("--family", "mellotron"))):
            model, _ = self.golden(folder, *args)
            found, texts = self.report(model, 0)
            self.assertEqual("mel_major" in texts, folder == "mellotron")
            self.assertEqual("filter_bank_rate" in texts, folder == "styletts2")


class Short(Family):
    """Each family's shortest clip: the error says it in seconds, --pad-short makes it, a frame more needs nothing."""

    def check_minimum(self, model, frames, hop, rate, samples_of):
        seconds = samples_of(frames) / rate
        noise = np.random.default_rng(5).standard_normal(samples_of(frames)) * 0.05
        short = stylet.write_wav(self.scratch / "short.wav", noise[:samples_of(frames) - hop], rate)
        enough = stylet.write_wav(self.scratch / "enough.wav", noise, rate)
        self.fails(3, "extract", "-m", model, short, saying=["too_short", f"at least {frames} frames ({seconds:.3f} s)"])
        record, = self.records("extract", "-m", model, "--pad-short", short)
        self.assertEqual(record["num_frames"], frames)
        self.assertRegex(" ".join(record["notes"]), "padded by [0-9]+ samples")
        record, = self.records("extract", "-m", model, enough)
        self.assertEqual(record["num_frames"], frames)
        self.assertNotIn("notes", record)

    def test_styletts2_needs_65_frames(self):
        model, _ = self.golden("styletts2", "--set", "trim=none")
        self.check_minimum(model, 65, 300, 24000, lambda frames: (frames - 1) * 300)

    def test_delightful_tts_needs_5_frames(self):
        model, _ = self.golden("delightful_voicesmith", "--family", "delightful-tts", "--set", "last_frame=keep")
        self.check_minimum(model, 5, 256, 22050, lambda frames: frames * 256)


class OpenVoice(Family):
    """Trained weights on real recordings."""

    CLIPS = ("kq_nannan", "me_example1", "syn_a_en", "syn_c_fr", "al_demo-thanks", "al_vm-newuser", "al_auth-incorrect")

    def setUp(self):
        super().setUp()
        self.model = self.convert(stylet.golden("openvoice/openvoice_reference_encoder.pt"))
        self.path = stylet.golden("openvoice/openvoice.expected.safetensors")
        self.expected = stylet.read_safetensors(self.path)

    def test_openvoice_from_spectrograms(self):
        self.check(self.model, self.expected, {"style": "embedding"}, at_least=6)
        done = self.ok("model", "verify", self.model, "--against", self.path)
        self.assertIn(b"ok: 6 of 6 comparisons hold", done.stdout)

    def test_openvoice_from_wavs(self):
        for clip in self.CLIPS:
            # a linear spectrum: absolute differences are of the float32 transform, its values go to 100
            self.wav(self.model, f"clips/22050/{clip}.wav", self.expected, {"style": "embedding"}, tolerance=2e-5, mel=2e-4)

    def test_openvoice_mean_of_references(self):
        for way, (record,) in self.on_every_path("extract", "-m", self.model, "--average", "list",
                                                 *(stylet.golden(f"clips/22050/{clip}.wav") for clip in self.CLIPS)):
            self.close(record["style"], self.expected["out.embedding_mean"], 2e-5, "mean", "wav", way)


class Own(Family):
    """Families without golden data."""

    def own(self, name, *args):
        model, expected = self.convert(FIXTURES / f"{name}.pt", *args), np.load(FIXTURES / f"{name}.expected.npz")
        inputs = json.loads((model / "manifest.json").read_text()).get("inputs", {})
        matrices = {key[3:]: expected[key] for key in expected.files if key.startswith("in.") and key[3:] not in inputs}

        def wanted(output, clip):
            for key in (f"{output}.{clip}", f"weights.{clip}" if output == "token_weights" else ""):
                if key in expected.files:
                    return expected[key]
            return None
        compared = self.features(model, matrices, wanted, 1e-5, {key: expected[f"in.{key}"] for key in inputs})
        self.assertGreaterEqual(compared, 2 * len(matrices))
        return model

    def test_nemo(self):
        self.own("nemo_gst")

    def test_nemo_as_drafted(self):
        self.own("nemo_draft")

    def test_espnet_early(self):
        self.own("espnet_early")

    def test_gpt_sovits(self):
        self.own("gpt_sovits")

    def test_adaspeech(self):
        self.own("adaspeech")

    def test_capacitron(self):
        self.own("capacitron")

    def test_capacitron_with_text_and_speaker(self):
        model = self.own("capacitron_text")
        x = self.scratch / "x.npy"
        np.save(x, np.zeros((70, 80), "f4"))
        self.fails(2, "extract", "-m", model, "-w", "style", x, saying=["'text' is needed", "without it: reference, frames"])
        text, speaker = ["--bind", f"text={self.scratch / 'bound-text.npy'}"], ["--bind", f"speaker={self.scratch / 'bound-speaker.npy'}"]
        for bound, lacks in (([], "text"), (text, "speaker"), (speaker, "text")):
            done = self.ok("extract", "-m", model, *bound, x)
            self.assertIn(f"'style' needs --bind {lacks}=FILE.npy; without it this model offers 'reference'", done.err)
            record = json.loads(done.stdout)
            self.assertIn("reference", record)
            self.assertNotIn("style", record)
            self.assertIn("\nreference", self.ok("inspect", "-m", model, *bound, x).stdout.decode())
        for done in (self.ok("extract", "-m", model, *text, *speaker, x), self.ok("inspect", "--json", "-m", model, *text, *speaker, x)):
            self.assertEqual(done.err, "")
            self.assertIn("style", json.loads(done.stdout))

    def test_info_tells_what_capacitron_offers_without_text(self):
        model = self.convert(FIXTURES / "capacitron_text.pt")
        outputs = json.loads(self.ok("model", "info", "--json", model).stdout)["outputs"]
        self.assertEqual({name: output["needs"] for name, output in outputs.items()}, {
            "style": ["text", "speaker"], "deviation": ["text", "speaker"], "reference": [], "frames": []})
        offered, bound = self.ok("model", "info", model).stdout.decode().split("\noutput ")[1].split("\noutput, with --bind")
        self.assertEqual([line.split()[0] for line in offered.splitlines()[1:] if line], ["reference", "frames"])
        self.assertEqual([line.split()[0] for line in bound.splitlines()[1:] if line], ["style", "deviation"])
        model = self.convert(FIXTURES / "capacitron.pt")  # the text summary is off
        self.assertNotIn("--bind", self.ok("model", "info", model).stdout.decode())

    def test_coqui_speaker(self):
        self.own("coqui_speaker")


if __name__ == "__main__":
    tap.main()
