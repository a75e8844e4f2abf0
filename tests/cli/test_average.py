"""`stylet extract`: several references as one vector, pieces of a long one, padding of a short one."""
import json

import numpy as np
import stylet
import tap

CLIPS = [stylet.FIXTURES / f"{name}.wav" for name in ("a_en", "b_fast", "c_fr")]


def tiny(folder):
    """A model that needs five frames: one convolution of five steps, no padding; written by hand."""
    folder.mkdir()
    weight = np.linspace(-1, 1, 2 * 5 * 80, dtype="<f4").reshape(2, 1, 5, 80)
    header = {"conv.weight": {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [0, weight.nbytes]}}
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + weight.tobytes()
    (folder / "weights.safetensors").write_bytes(data)
    entry = json.loads(stylet.run("model", "info", folder / "weights.safetensors").stdout)
    manifest = {"format": "stylet", "version": 1, "name": "tiny", "front_end": {"sample_rate": 16000, "log": "ln"},
                "weights": [entry], "layers": [
                    {"name": "image", "type": "image"},
                    {"name": "conv", "type": "conv2d", "channels": 2, "kernel": [5, 80], "bias": False},
                    {"name": "style", "type": "flatten"}],
                "outputs": {"style": {"from": "style"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class Average(stylet.Case):
    def test_the_mean_of_a_list_is_the_mean_of_its_records(self):
        each = self.records("extract", "-w", "style,token_weights", *CLIPS)
        mean, = self.records("extract", "-w", "style,token_weights", "--average", "list", *CLIPS)
        for name in ("style", "token_weights"):
            self.near(mean[name], np.mean([r[name] for r in each], axis=0), 1e-7, name)
        self.assertEqual((mean["id"], mean["notes"]), ("average", ["mean of 3 inputs"]))
        self.assertEqual(mean["num_frames"], sum(r["num_frames"] for r in each))
        self.assertAlmostEqual(mean["duration"], sum(r["duration"] for r in each), places=4)

    def test_a_bad_input_is_reported_and_leaves_the_mean_alone(self):
        bad = self.scratch / "bad.wav"
        bad.write_bytes(b"nonsense")
        done = stylet.run("extract", "--average", "list", CLIPS[0], bad, CLIPS[1])
        self.assertEqual(done.returncode, 1)
        failure, mean = map(json.loads, done.stdout.splitlines())
        self.assertEqual(failure["error"]["code"], "not_audio")
        want, = self.records("extract", "--average", "list", CLIPS[0], CLIPS[1])
        self.assertEqual(mean["style"], want["style"])

    def test_when_all_inputs_fail_there_is_no_mean(self):
        bad = self.scratch / "bad.wav"
        bad.write_bytes(b"nonsense")
        done = self.fails(3, "extract", "--average", "list", "-o", self.scratch / "out.npz", bad)
        self.assertFalse((self.scratch / "out.npz").exists(), done.err)

    def test_an_output_as_long_as_the_clip_has_no_mean(self):
        self.fails(2, "extract", "--average", "list", "-w", "flat", *CLIPS[:2], saying="'flat' has no mean")

    def test_another_word_than_list_is_refused(self):
        self.fails(2, "extract", "--average", "speakers", CLIPS[0], saying="expected list")


class Chunks(stylet.Case):
    def test_pieces_are_equal_parts_cut_at_milliseconds(self):
        rate, seconds = 16000, 5.3  # two pieces of 2.65 s
        sound = stylet.voice(seconds, rate)
        whole = stylet.write_wav(self.scratch / "whole.wav", sound, rate)
        cut = 2650 * rate // 1000
        parts = [stylet.write_wav(self.scratch / f"{i}.wav", part, rate) for i, part in
                 enumerate((sound[:cut], sound[cut:]))]
        got, = self.records("extract", "--chunk", "2.5", whole)
        want, = self.records("extract", "--average", "list", *parts)
        self.assertEqual(got["style"], want["style"])
        self.assertEqual(got["notes"], ["mean of 2 pieces"])

    def test_a_short_clip_is_one_piece(self):
        plain, = self.records("extract", CLIPS[1])
        pieces, = self.records("extract", "--chunk", "10", CLIPS[1])
        self.assertEqual(pieces["style"], plain["style"])
        self.assertNotIn("notes", pieces)


class Short(stylet.Case):
    def setUp(self):
        super().setUp()
        self.model = tiny(self.scratch / "tiny")
        # four frames are 768 samples: 1 + floor(n / 256)
        self.clip = stylet.write_wav(self.scratch / "short.wav", stylet.voice(0.048))

    def test_a_short_clip_fails_with_the_minimum_in_seconds(self):
        self.fails(3, "extract", "-m", self.model, self.clip, saying=["too_short", "at least 5 frames (0.064 s)"])

    def test_padding_is_zeros_behind_and_is_recorded(self):
        got, = self.records("extract", "-m", self.model, "--pad-short", self.clip)
        self.assertEqual(got["num_frames"], 5)
        self.assertEqual(got["notes"], ["too short, padded by 256 samples"])
        longer = stylet.write_wav(self.scratch / "long.wav", np.pad(stylet.voice(0.048), (0, 256)))
        want, = self.records("extract", "-m", self.model, "--pad-short", longer)
        self.assertEqual(got["style"], want["style"])
        self.assertNotIn("notes", want)

    def test_a_feature_matrix_repeats_its_last_row(self):
        rows = np.random.default_rng(3).standard_normal((3, 80)).astype("<f4")
        np.save(self.scratch / "x.npy", rows)
        np.save(self.scratch / "y.npy", rows[[0, 1, 2, 2, 2]])
        got, want = self.records("extract", "-m", self.model, "--pad-short", self.scratch / "x.npy",
                                 self.scratch / "y.npy")
        self.assertEqual(got["style"], want["style"])
        self.assertEqual(got["notes"], ["too short, padded by 2 frames"])

    def test_a_clip_of_which_nothing_remains_still_fails(self):
        silence = stylet.write_wav(self.scratch / "empty.wav", np.zeros(0))
        self.fails(3, "extract", "-m", self.model, "--pad-short", silence, saying="empty")


if __name__ == "__main__":
    tap.main()
