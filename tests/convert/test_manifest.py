"""What the manifests of the golden checkpoints say, against the facts of the published repositories."""

import hashlib
import json
import os
import struct

import tap
from support import FIXTURES, Case, golden

TOP = [
    "format",
    "version",
    "name",
    "description",
    "family",
    "provenance",
    "front_end",
    "inputs",
    "weights",
    "layers",
    "outputs",
]


class Manifest(Case):
    def family(self, folder, *args):
        return self.convert(golden(f"families/{folder}/{folder}.pt"), *args).manifest

    def assertFrontEnd(self, manifest, **wanted):
        self.assertEqual({key: manifest["front_end"].get(key) for key in wanted}, wanted)

    def layers(self, manifest):
        return {layer["name"]: layer for layer in manifest["layers"]}

    def test_the_folder_is_whole_and_checked(self):
        self.convert(golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron")
        folder = self.scratch / "model"
        self.assertEqual(sorted(os.listdir(folder)), ["manifest.json", "weights.safetensors"])
        text, data = (folder / "manifest.json").read_text(), (folder / "weights.safetensors").read_bytes()
        manifest = json.loads(text)
        self.assertEqual(list(manifest), [key for key in TOP if key in manifest])
        self.assertEqual((manifest["format"], manifest["version"], manifest["name"]), ("stylet", 1, "gst_tacotron_16k"))
        entry, size = manifest["weights"][0], struct.unpack("<Q", data[:8])[0]
        self.assertEqual(entry["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(size % 8, 0)
        header = json.loads(data[8 : 8 + size])
        self.assertEqual({n: {"dtype": t["dtype"], "shape": t["shape"]} for n, t in header.items()}, entry["tensors"])
        self.assertLess(max(map(len, text.splitlines())), 500)

    def test_provenance_names_the_source_and_no_place(self):
        path = golden("gst_tacotron_16k.pt")
        provenance = self.convert(path, "--family", "gst-tacotron").manifest["provenance"]
        with open(path, "rb") as file:
            self.assertEqual(provenance["sha256"], hashlib.sha256(file.read()).hexdigest())
        self.assertEqual((provenance["file"], provenance["family"]), ("gst_tacotron_16k.pt", "gst-tacotron"))
        text = (self.scratch / "model" / "manifest.json").read_text()
        for place in (os.path.dirname(path), str(self.scratch)):
            self.assertNotIn(place, text)

    def test_every_tensor_is_used_by_a_layer_or_the_front_end(self):
        for checkpoint, args in (
            (golden("gst_tacotron_16k.pt"), ["--family", "gst-tacotron"]),
            (golden("families/espnet_gst/espnet_gst.pt"), []),
            (FIXTURES / "nemo_gst.pt", []),
            (FIXTURES / "nemo_draft.pt", []),
            (FIXTURES / "espnet_early.pt", []),
            (golden("openvoice/openvoice_reference_encoder.pt"), []),
            (golden("families/tf1_gst/syang_mlp.weights.safetensors"), []),
            (golden("families/styletts2/styletts2.pt"), []),
            (golden("families/stylespeech/stylespeech.pt"), []),
            (golden("families/delightful_voicesmith/delightful_voicesmith.pt"), ["--family", "delightful-tts"]),
            (golden("families/delightful_voicesmith/delightful_voicesmith.pt"), ["--family", "delightful-tts-phoneme"]),
            *((FIXTURES / f"{name}.pt", []) for name in (
                "gpt_sovits", "adaspeech", "capacitron", "capacitron_text", "coqui_speaker")),
        ):
            manifest = self.convert(checkpoint, *args, "--overwrite").manifest
            prefixes = [manifest["front_end"].get(key) for key in ("mean_tensor", "std_tensor")]
            for layer in manifest["layers"]:
                weights = layer.get("weights", layer["name"] + ".")
                prefixes += [weights] if isinstance(weights, str) else weights.values()
            for name in manifest["weights"][0]["tensors"]:
                self.assertTrue(any(p and name.startswith(p) for p in prefixes), name)

    def test_families_are_told_by_names_and_shapes(self):
        own = {"gpt_sovits": "gpt-sovits", "adaspeech": "adaspeech", "capacitron": "capacitron",
               "capacitron_text": "capacitron", "coqui_speaker": "coqui-gst", "nemo_gst": "nemo-gst",
               "nemo_draft": "nemo-gst"}
        theirs = {"stylespeech/stylespeech.pt": "stylespeech", "styletts2/styletts2.pt": "styletts2",
                  "tf1_gst/syang_mlp.weights.safetensors": "tf1-gst"}
        for path, family in [*((FIXTURES / f"{n}.pt", f) for n, f in own.items()),
                             *((golden(f"families/{n}"), f) for n, f in theirs.items())]:
            self.assertEqual(self.convert(path, "--overwrite").manifest["family"], family)

    def test_two_encoders_in_one_checkpoint_are_not_guessed_between(self):
        self.refused(golden("families/delightful_voicesmith/delightful_voicesmith.pt"),
                     saying="delightful-tts, delightful-tts-phoneme; choose one with --family")

    def test_the_repository_of_a_delightful_tts_is_told_by_its_outer_names(self):
        for folder, repository, mels in (("delightful_voicesmith", "voicesmith", 100),
                                         ("delightful_tts_framework", "tts-framework", 80)):
            path = golden(f"families/{folder}/{folder}.pt")
            manifest = self.convert(path, "--family", "delightful-tts", "--overwrite").manifest
            self.assertIn(f"repository={repository}", " ".join(manifest["provenance"]["assumed"]))
            self.assertEqual((manifest["front_end"]["n_mels"], manifest["front_end"]["level"]), (mels, "peak"))
            coqui = self.convert(path, "--family", "delightful-tts", "--set", "repository=coqui", "--overwrite").manifest
            self.assertEqual((coqui["front_end"]["fmax"], coqui["front_end"]["magnitude_eps"]), (8000, 1e-6))

    def test_gst_tacotron(self):
        manifest = self.convert(golden("gst_tacotron_16k.pt"), "--family", "gst-tacotron").manifest
        self.assertFrontEnd(
            manifest,
            sample_rate=16000,
            n_fft=1024,
            hop_length=200,
            win_length=800,
            n_mels=80,
            trim=60,
            trim_padding="reflect",
            pad_mode="reflect",
            pre_emphasis=0.97,
            log="log10",
            log_gain=20,
            log_floor=1e-5,
            range_ref=20,
            range_min=-100,
            clip_low=1e-8,
            clip_high=1,
            frame_multiple=5,
            frame_pad_value=0,
        )
        layers = self.layers(manifest)
        self.assertEqual([layers[f"conv{i}"]["channels"] for i in range(6)], [32, 32, 64, 64, 128, 128])
        self.assertEqual(layers["conv0"]["norm"], "batch")
        self.assertEqual(layers["gru"]["units"], 128)
        self.assertEqual([layers["stl"][k] for k in ("tokens", "token_width", "units", "heads")], [10, 32, 256, 8])
        self.assertEqual(
            {k: v["from"] for k, v in manifest["outputs"].items()},
            {"style": "stl", "token_weights": "stl.attention", "reference": "gru", "frames": "gru.frames"},
        )

    def test_mellotron(self):
        manifest = self.family("mellotron", "--family", "mellotron")
        self.assertFrontEnd(
            manifest,
            sample_rate=22050,
            n_fft=1024,
            hop_length=256,
            win_length=1024,
            fmin=0,
            fmax=8000,
            log="ln",
            log_floor=1e-5,
            trim=None,
            frame_multiple=None,
        )
        self.assertEqual(manifest["layers"][0], {"name": "image", "type": "image", "layout": "mel_major"})

    def test_coqui(self):
        manifest = self.family("coqui_gst")
        self.assertFrontEnd(
            manifest,
            sample_rate=22050,
            cut_head_ms=10,
            cut_tail_ms=10,
            trim=45,
            trim_frame_length=1024,
            trim_hop_length=256,
            log_gain=20,
            log_floor=1e-8,
            range_ref=20,
            range_min=-100,
            range_max=4,
            range_symmetric=True,
            clip_low=-4,
            clip_high=4,
            fmin=0,
            fmax="none",
        )
        self.assertEqual(self.layers(manifest)["stl"]["heads"], 4)

    def test_coqui_without_trimming_cuts_nothing(self):
        manifest = self.family("coqui_gst", "--set", "trim=none")
        self.assertFrontEnd(manifest, trim="none", cut_head_ms=None, cut_tail_ms=None, trim_frame_length=None)

    def test_espnet(self):
        manifest = self.family("espnet_gst")
        self.assertFrontEnd(
            manifest,
            sample_rate=24000,
            n_fft=2048,
            hop_length=300,
            win_length=1200,
            fmin=80,
            fmax=7600,
            log="log10",
            log_floor=1e-10,
            magnitude_eps=1e-10,
            magnitude_eps_rule="clamp",
            mean_tensor="normalize.mean",
            std_tensor="normalize.std",
        )
        layers = self.layers(manifest)
        self.assertEqual([layers["stl"][k] for k in ("tokens", "heads", "out", "query_bias")], [32, 8, 256, True])
        self.assertFalse(layers["conv0"]["bias"])

    def test_nemo(self):
        manifest = self.convert(FIXTURES / "nemo_gst.pt").manifest
        self.assertFrontEnd(
            manifest,
            sample_rate=44100,
            n_fft=2048,
            hop_length=512,
            window_periodic=False,
            log="ln",
            log_floor_rule="add",
        )
        self.assertEqual(self.layers(manifest)["conv1"]["order"], "activation_norm")
        self.assertEqual(self.layers(manifest)["flat"]["order"], "mel_major")

    def test_openvoice(self):
        manifest = self.convert(golden("openvoice/openvoice_reference_encoder.pt")).manifest
        self.assertFrontEnd(
            manifest,
            sample_rate=22050,
            feature="linear",
            n_fft=1024,
            hop_length=256,
            padding="hifigan",
            magnitude_eps=1e-6,
            log="none",
        )
        self.assertEqual(sorted(manifest["provenance"]["folded"]), ["weight norm"])
        self.assertEqual(len(manifest["provenance"]["folded"]["weight norm"]), 6)
        self.assertEqual(sorted(manifest["outputs"]), ["frames", "reference", "style"])


if __name__ == "__main__":
    tap.main()
