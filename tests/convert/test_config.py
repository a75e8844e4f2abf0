"""--config: the small YAML and JSON reader, and what the families take from their repositories' files."""

import json

import tap
from hostile import state_dict_zip
from support import FIXTURES, Case, gst_arrays
from test_command import coqui

from convert.config_file import parse, scalar

ESPNET = """
config: conf/tuning/train_gst.yaml   # a comment
print_config: false
val_scheduler_criterion:
- valid
- loss
best_model_criterion:
-   - train
    - loss
    - min
token_list:
- <blank>
- '@'
- "#"
- ':'
init: null
text: >
  folded words
  over lines
feats_extract: fbank
feats_extract_conf:
    n_fft: 1024
    hop_length: 256
    win_length: null
    fs: 22050
    fmin: 80
    fmax: 7600
    n_mels: 80
normalize: global_mvn
tts_conf: {gst_heads: 2, sizes: [1, 2.5, x]}
version: 0.10.3a1
"""


class Reader(Case):
    def test_yaml_of_espnet(self):
        tree = parse(ESPNET)
        self.assertEqual(tree["val_scheduler_criterion"], ["valid", "loss"])
        self.assertEqual(tree["best_model_criterion"], [["train", "loss", "min"]])
        self.assertEqual(tree["token_list"], ["<blank>", "@", "#", ":"])
        self.assertEqual(tree["feats_extract_conf"]["fs"], 22050)
        self.assertIsNone(tree["feats_extract_conf"]["win_length"])
        self.assertEqual(tree["tts_conf"], {"gst_heads": 2, "sizes": [1, 2.5, "x"]})
        self.assertEqual((tree["print_config"], tree["text"], tree["version"]), (False, None, "0.10.3a1"))

    def test_lists_of_mappings(self):
        tree = parse("a:\n  - name: x\n    value: 1\n  - name: y\nb: 2\n")
        self.assertEqual(tree, {"a": [{"name": "x", "value": 1}, {"name": "y"}], "b": 2})

    def test_scalars(self):
        for word, value in (
            ("1e-5", 1e-5),
            ("-3", -3),
            ("~", None),
            ("yes", True),
            ("'1'", "1"),
            ("a:b", "a:b"),
            ("[]", []),
            ("0.5", 0.5),
            ("1_000", 1000),
        ):
            self.assertEqual(scalar(word), value, word)

    def test_json_with_comments(self):
        self.assertEqual(
            parse('{ // why\n "a": "http://x", /* more\n */ "b": [1, 2,],\n}'), {"a": "http://x", "b": [1, 2]}
        )

    def test_odd_files_do_not_escape(self):
        path = FIXTURES / "nemo_gst.pt"
        for text in (
            b"\xff\xfe\x00",
            b"just words",
            b"- a\n- b",
            b"[" * 100000,
            b"{" * 100000,
            b"a:\n" + b"".join(b" " * i + b"- - a:\n" for i in range(300)),
            b"",
        ):
            self.refused(path, "--config", self.write("odd.yaml", text), saying="configuration")
        self.refused(path, "--config", self.scratch / "none.yaml", saying="cannot be read")


class Families(Case):
    def convert_with(self, checkpoint, text, *args):
        return self.convert(checkpoint, "--config", self.write("config", text.encode()), *args).manifest

    def test_espnet(self):
        front = self.convert_with(FIXTURES / "espnet_early.pt", ESPNET)["front_end"]
        self.assertEqual(
            [front[k] for k in ("sample_rate", "n_fft", "hop_length", "win_length")], [22050, 1024, 256, "none"]
        )

    def test_espnet_heads(self):
        manifest = self.convert_with(FIXTURES / "espnet_early.pt", ESPNET)
        self.assertEqual(manifest["layers"][-1]["heads"], 2)
        self.assertFalse([line for line in manifest["provenance"]["assumed"] if "heads" in line])

    def test_coqui(self):
        audio = {
            "sample_rate": 24000,
            "fft_size": 2048,
            "hop_length": 300,
            "win_length": 1200,
            "num_mels": 80,
            "mel_fmin": 50.0,
            "mel_fmax": 7600.0,
            "preemphasis": 0.98,
            "spec_gain": 1,
            "log_func": "np.log",
            "do_trim_silence": True,
            "trim_db": 60,
            "signal_norm": False,
            "do_sound_norm": True,
            "stft_pad_mode": "constant",
            "frame_length_ms": None,
        }
        path = self.write("c.pt", state_dict_zip(coqui(gst_arrays())))
        front = self.convert_with(path, json.dumps({"audio": audio, "gst": {"gst_num_heads": 4}}))["front_end"]
        wanted = {
            "sample_rate": 24000,
            "n_fft": 2048,
            "trim": 60,
            "trim_frame_length": 1200,
            "trim_hop_length": 300,
            "log": "ln",
            "log_gain": 1,
            "level": "peak",
            "level_target": 0.95,
            "pre_emphasis": 0.98,
            "pad_mode": "constant",
            "fmin": 50,
            "fmax": 7600,
        }
        self.assertEqual({k: front.get(k) for k in wanted}, wanted)
        self.assertNotIn("range_min", front)
        self.assertNotIn("clip_low", front)

    def test_coqui_asymmetric_norm(self):
        path = self.write("c.pt", state_dict_zip(coqui(gst_arrays())))
        front = self.convert_with(
            path,
            json.dumps({"audio": {"symmetric_norm": False, "max_norm": 1.0, "min_level_db": -120, "clip_norm": True}}),
        )["front_end"]
        self.assertEqual(
            [front[k] for k in ("range_min", "range_max", "range_symmetric", "clip_low", "clip_high")],
            [-120, 1, False, 0, 1],
        )

    def test_set_goes_before_config(self):
        front = self.convert_with(FIXTURES / "espnet_early.pt", ESPNET, "--set", "hop_length=200")["front_end"]
        self.assertEqual((front["hop_length"], front["n_fft"]), (200, 1024))

    def test_nemo(self):
        text = """
model:
  preprocessor:
    sample_rate: 22050
    n_fft: 1024
    n_window_size: 1024
    n_window_stride: 256
    features: 80
    highfreq: 8000
    window: hann
"""
        front = self.convert_with(FIXTURES / "nemo_gst.pt", text)["front_end"]
        self.assertEqual([front[k] for k in ("sample_rate", "n_fft", "hop_length", "fmax")], [22050, 1024, 256, 8000])

    def test_a_family_without_configuration_says_so(self):
        path = self.write("g.pt", state_dict_zip(gst_arrays()))
        self.refused(
            path, "--family", "gst-tacotron", "--config", self.write("c.json", b"{}"), saying="no configuration file"
        )

    def test_wrong_values_are_named(self):
        path = self.write("c.pt", state_dict_zip(coqui(gst_arrays())))
        self.refused(
            path,
            "--config",
            self.write("c.json", b'{"audio": {"sample_rate": "fast"}}'),
            saying="configuration sample_rate=fast",
        )


if __name__ == "__main__":
    tap.main()
