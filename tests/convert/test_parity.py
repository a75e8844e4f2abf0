"""Converted golden checkpoints give the golden numbers: layers and front end run in float64 numpy, not in the program.

Tolerances: 1e-5 absolute on outputs of at most about 1, as the golden float32 numbers are good to 3e-6; of the largest
value for embeddings that go to 5. Log-mel bins without energy differ by up to 4e-4, Mellotron's matrix STFT by 1.5e-4.
"""

import numpy as np
import tap
from numpy_front_end import features, read_wav
from support import FIXTURES, Case, golden, read_safetensors

OUTPUTS = {"style": "style", "token_weights": "weights", "reference": "reference"}


class Layers(Case):
    def check(self, model, expected, tag="", inputs=("in.mel_", "out.mel_"), names=None, tolerance=1e-5, at_least=1,
              bound=None):
        """Every expected output whose features are there. Returns how many were compared."""
        names, compared = names or OUTPUTS, 0
        for key, values in expected.items():
            start = next((i for i in inputs if key.startswith(i)), None)
            if start is None:
                continue
            clip, got = key[len(start) :], model.run(values, **(bound or {}))
            for output, name in names.items():
                wanted = expected.get(f"out.{name}_{tag}{clip}")
                if wanted is not None:
                    scale = max(1.0, float(np.abs(wanted).max()))
                    self.assertClose(got[output], wanted, tolerance * scale, f"{output} of {clip}")
                    compared += 1
        self.assertGreaterEqual(compared, at_least)

    def family(self, folder, *args, to="model"):
        pt = golden(f"families/{folder}/{folder}.pt")
        return self.convert(pt, *args, to=to), read_safetensors(
            golden(f"families/{folder}/{folder}.expected.safetensors")
        )

    def test_gst_tacotron(self):
        model = self.convert(golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron")
        self.check(model, read_safetensors(golden("gst_tacotron_16k.expected.safetensors")), at_least=19)

    def test_gst_tacotron_from_safetensors(self):
        model = self.convert(golden("gst_tacotron_16k.weights.safetensors"), "--family", "gst-tacotron")
        self.check(model, read_safetensors(golden("gst_tacotron_16k.expected.safetensors")), at_least=19)

    def test_gst_tacotron_with_folded_batch_norms(self):
        model = self.convert(golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron", "--set", "fold_batch_norm=true")
        self.assertFalse([layer for layer in model.manifest["layers"] if "norm" in layer])
        self.check(model, read_safetensors(golden("gst_tacotron_16k.expected.safetensors")), at_least=19)

    def test_mellotron_published(self):
        model, expected = self.family("mellotron", "--family", "mellotron")
        self.check(model, expected, "published_", at_least=11)

    def test_mellotron_intended(self):
        model, expected = self.family("mellotron", "--family", "mellotron", "--set", "layout=time_major")
        self.check(model, expected, "intended_", at_least=11)

    def test_coqui_as_trained(self):
        model, expected = self.family("coqui_gst")
        self.check(model, expected, at_least=9)
        got = model.run(expected["out.mel_constant_me_example2"])
        self.assertClose(got["style"], expected["out.style_constant_me_example2"], 1e-5)

    def test_coqui_as_its_tool_does_it(self):
        model, expected = self.family("coqui_gst", "--set", "layout=mel_major")
        self.check(model, expected, "tool_", at_least=3)

    def test_espnet(self):
        model, expected = self.family("espnet_gst")
        self.check(model, expected, at_least=9)

    def test_openvoice_trained(self):
        model = self.convert(golden("openvoice/openvoice_reference_encoder.pt"))
        expected = read_safetensors(golden("openvoice/openvoice.expected.safetensors"))
        self.check(model, expected, inputs=("in.spec_", "out.spec_"), names={"style": "embedding"}, at_least=6)

    def test_tf1(self):
        model = self.convert(golden("families/tf1_gst/syang_mlp.weights.safetensors"))
        expected = read_safetensors(golden("families/tf1_gst/syang_mlp.expected.safetensors"))
        self.check(model, expected, at_least=27)

    def test_stylespeech(self):
        model, expected = self.family("stylespeech")
        self.check(model, expected, names={"style": "style", "attention": "attn"}, at_least=6)

    def test_styletts2(self):
        model, expected = self.family("styletts2")
        self.check(model, expected, names={"style": "style"}, at_least=7)

    def delightful(self, folder, *args, encoder="delightful-tts", to="model"):
        model, expected = self.family(folder, "--family", encoder, *args, to=to)
        # two steps of instance norm are worth 2e-4 in float32 (T6)
        return model, {key: values for key, values in expected.items() if not key.endswith("_T6")}

    def test_delightful_tts_published(self):
        names = {"style": "style_published", "style_norm": "style_published_norm", "reference": "reference",
                 "query": "query", "frames": "sequence"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder, to=folder)
            self.check(model, expected, names=names, tolerance=5e-5, at_least=9)

    def test_delightful_tts_intended(self):
        names = {"style": "style_intended", "style_norm": "style_intended_norm", "token_weights": "weights_intended"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder, "--set", "softmax_axis=tokens", to=folder)
            self.check(model, expected, names=names, tolerance=5e-5, at_least=7)

    def test_delightful_tts_phoneme(self):
        names = {"style": "prosody", "attention": "prosody_attn"}
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.delightful(folder, encoder="delightful-tts-phoneme", to=folder)
            expected = {key: values for key, values in expected.items() if "me_example2" in key or key == "in.x"}
            self.check(model, expected, names=names, bound={"text": expected["in.x"]}, at_least=2)

    def own(self, name, *args, outputs=None):
        """A checkpoint of fixtures/, expected numbers by PyTorch in float64."""
        model = self.convert(FIXTURES / f"{name}.pt", *args, to=name)
        expected = np.load(FIXTURES / f"{name}.expected.npz")
        inputs = model.manifest.get("inputs", {})
        bound = {key: expected[f"in.{key}"] for key in inputs}
        for key in expected.files:
            if key.startswith("in.") and key[3:] not in inputs:
                clip, got = key[3:], model.run(expected[key], **bound)
                for output, wanted in (outputs or OUTPUTS).items():
                    scale = max(1.0, float(np.abs(expected[f"{wanted}.{clip}"]).max()))
                    self.assertClose(got[output], expected[f"{wanted}.{clip}"], 2e-6 * scale, f"{output} of {clip}")
        return model

    def test_gpt_sovits(self):
        model = self.own("gpt_sovits", outputs={name: name for name in ("style", "frames", "attention")})
        self.assertEqual(model.manifest["front_end"]["n_bins"], 704)
        self.assertEqual(model.manifest["weights"][0]["tensors"]["fc.fc.weight"]["dtype"], "F16")

    def test_adaspeech(self):
        self.own("adaspeech", outputs={"style": "style", "frames": "frames"})

    def test_capacitron(self):
        names = {name: name for name in ("style", "deviation", "reference", "frames")}
        self.assertNotIn("inputs", self.own("capacitron", outputs=names).manifest)
        model = self.own("capacitron_text", outputs=names)
        self.assertEqual(model.manifest["inputs"], {"text": {"shape": ["T", 9]}, "speaker": {"shape": [5]}})

    def test_coqui_with_a_speaker_vector(self):
        model = self.own("coqui_speaker", outputs={n: n for n in ("style", "token_weights", "reference", "frames")})
        self.assertEqual(model.manifest["inputs"], {"speaker": {"shape": [6]}})

    def test_nemo(self):
        model = self.own("nemo_gst")
        self.assertEqual(model.manifest["provenance"]["prefix"], "state_dict.fastpitch.speaker_encoder.gst_module.")

    def test_nemo_as_drafted(self):
        model = self.own("nemo_draft")
        self.assertEqual(model.manifest["provenance"]["prefix"], "state_dict.fastpitch.speaker_encoder.")

    def test_espnet_early_form(self):
        model = self.own("espnet_early")
        self.assertIn("heads=4", " ".join(model.manifest["provenance"]["assumed"]))


class FrontEnd(Case):
    """Features of real clips by the manifest that was written."""

    def check(self, model, wav, wanted, tolerance):
        x, rate = read_wav(wav)
        self.assertEqual(rate, model.manifest["front_end"]["sample_rate"])
        return self.assertClose(features(x, model.manifest["front_end"], model.tensors), wanted, tolerance, str(wav))

    def family(self, folder, *args, to="model"):
        model = self.convert(golden(f"families/{folder}/{folder}.pt"), *args, to=to)
        return model, read_safetensors(golden(f"families/{folder}/{folder}.expected.safetensors"))

    def test_gst_tacotron(self):
        model = self.convert(
            golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron", "--set", "trim=none", "--set", "frame_multiple=1"
        )
        expected = read_safetensors(golden("gst_tacotron_16k.expected.safetensors"))
        for clip in ("a_en", "b_fast", "c_fr"):
            self.check(model, golden(f"wav16/{clip}.wav"), expected[f"in.mel_{clip}"], 2e-5)

    def test_gst_tacotron_as_published_trims_and_pads(self):
        model = self.convert(golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron")
        x, _ = read_wav(golden("wav16/a_en.wav"))
        got = features(np.pad(x, 16000), model.manifest["front_end"])
        self.assertEqual(len(got) % 5, 0)
        self.assertLess(len(got), 480)

    def test_mellotron(self):
        model, expected = self.family("mellotron", "--family", "mellotron")
        self.check(model, golden("clips/22050/me_example2.wav"), expected["out.mel_me_example2"], 2e-4)

    def test_coqui(self):
        model, expected = self.family("coqui_gst", "--set", "trim=none")
        self.check(model, golden("clips/22050/me_example2.wav"), expected["out.mel_me_example2"], 2e-5)

    def test_coqui_with_zero_padding(self):
        model, expected = self.family("coqui_gst", "--set", "trim=none", "--set", "pad_mode=constant")
        self.check(model, golden("clips/22050/me_example2.wav"), expected["out.mel_constant_me_example2"], 2e-5)

    def test_espnet(self):
        model, expected = self.family("espnet_gst")
        self.check(model, golden("clips/24000/me_example2.wav"), expected["out.mel_me_example2"], 4e-4)

    def test_tf1(self):
        model = self.convert(golden("families/tf1_gst/syang_mlp.weights.safetensors"))
        expected = read_safetensors(golden("families/tf1_gst/syang_mlp.expected.safetensors"))
        self.check(model, golden("clips/16000/me_example2.wav"), expected["out.mel_me_example2"], 2e-5)

    def test_delightful_tts(self):
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, expected = self.family(folder, "--family", "delightful-tts", to=folder)
            self.check(model, golden("clips/22050/me_example2.wav"), expected["out.mel_me_example2"], 4e-4)

    def test_stylespeech(self):
        model, expected = self.family("stylespeech")
        self.check(model, golden("clips/16000/me_example2.wav"), expected["out.mel_me_example2"], 4e-4)

    def test_styletts2(self):
        model, expected = self.family("styletts2", "--set", "trim=none")
        self.check(model, golden("clips/24000/me_example2.wav"), expected["out.mel_me_example2"], 1e-4)

    def test_openvoice_from_the_wav(self):
        model = self.convert(golden("openvoice/openvoice_reference_encoder.pt"))
        expected = read_safetensors(golden("openvoice/openvoice.expected.safetensors"))
        self.check(model, golden("clips/22050/al_auth-incorrect.wav"), expected["out.spec_al_auth-incorrect"], 1e-4)
        for clip in ("kq_nannan", "me_example1", "syn_a_en", "syn_c_fr", "al_demo-thanks", "al_vm-newuser"):
            x, _ = read_wav(golden(f"clips/22050/{clip}.wav"))
            got = model.run(features(x, model.manifest["front_end"]))["style"]
            wanted = expected[f"out.embedding_{clip}"]
            self.assertClose(got, wanted, 2e-5 * np.abs(wanted).max(), clip)


if __name__ == "__main__":
    tap.main()
