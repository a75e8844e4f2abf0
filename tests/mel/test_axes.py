"""Every axis of the front end against a float64 computation (tests/convert/numpy_front_end.py, written from
models/README.md alone), on every processor path, and against librosa, soxr and torchaudio where they can be imported.

Bound: all steps are float32 with sums of at most a few hundred terms, so features without a logarithm agree to 2e-6 of
the largest one (about 16 roundings), and those with one to 1e-3 in a single bin of almost no energy, 1e-5 in the mean.
"""
import importlib
import sys

import numpy as np
import stylet
import tap
from front_ends import overrides, preset_mel

sys.path.insert(0, str(stylet.ROOT / "tests" / "convert"))
from numpy_front_end import features, mel_bank, read_wav, trim  # noqa: E402

CLIP = stylet.FIXTURES / "a_en.wav"

# the presets once more, by hand
PRESETS = {
    "librosa": {"sample_rate": 22050, "n_fft": 2048, "hop_length": 512, "pad_mode": "constant", "power": 2,
                "n_mels": 128},
    "tacotron2": {"sample_rate": 22050, "fmax": 8000, "log": "ln"},
    "hifigan": {"sample_rate": 22050, "padding": "hifigan", "magnitude_eps": 1e-9, "fmax": 8000, "log": "ln"},
    "torchaudio-htk": {"sample_rate": 16000, "n_fft": 400, "hop_length": 200, "power": 2, "n_mels": 128,
                       "mel_scale": "htk", "mel_norm": "none"},
    "espnet": {"sample_rate": 24000, "n_fft": 2048, "hop_length": 300, "win_length": 1200, "magnitude_eps": 1e-10,
               "magnitude_eps_rule": "clamp", "fmin": 80, "fmax": 7600, "log": "log10", "log_floor": 1e-10},
}

AXES = {
    "hamming_symmetric": {"window": "hamming", "window_periodic": "false"},
    "blackman": {"window": "blackman"},
    "rectangular_short_window": {"window": "rectangular", "win_length": 333},
    "one_sample_window": {"win_length": 1, "log": "none"},
    "no_padding": {"padding": "none"},
    "hifigan_padding_of_zeros": {"padding": "hifigan", "pad_mode": "constant"},
    "power_with_guard": {"power": 2, "magnitude_eps": 1e-4, "magnitude_eps_rule": "clamp"},
    "linear_slice": {"feature": "linear", "first_bin": 3, "n_bins": 100, "log": "none"},
    "linear_odd_width": {"feature": "linear", "n_fft": 250, "hop_length": 100, "log": "none"},
    "htk_without_norm": {"mel_scale": "htk", "mel_norm": "none", "fmin": 55.5},
    "bank_of_another_rate": {"mel_sample_rate": 12000, "fmax": "none"},
    "odd_number_of_mels": {"n_mels": 37},
    "one_mel": {"n_mels": 1},
    "log10_with_gain": {"log": "log10", "log_gain": 25},
    "added_floor_and_ceiling": {"log_floor": 0.01, "log_floor_rule": "add"},
    "ceiling": {"log_ceiling": 0.5},
    "range_with_reference": {"log": "log10", "log_gain": 20, "range_ref": 20, "range_min": -100, "range_max": 4,
                             "range_symmetric": "true", "clip_low": -4, "clip_high": 4},
    "range_without_log": {"log": "none", "range_min": -2, "range_max": 3},
    "fixed_affine": {"mean": -4, "std": 4},
    "affine_without_log": {"log": "none", "mean": 0.25, "std": 0.5},
    "clip_without_log": {"log": "none", "clip_low": 0.1, "clip_high": 0.2},
    "last_frame_dropped": {"last_frame": "drop"},
    "frame_multiple_with_value": {"frame_multiple": 7, "frame_pad_value": -3},
    "size_with_factors_3_5_7": {"n_fft": 840, "hop_length": 211},
    "small_transform": {"n_fft": 16, "hop_length": 16, "n_mels": 2, "feature": "linear", "log": "none"},
    "large_transform": {"n_fft": 8192, "hop_length": 1000},
    "hop_longer_than_the_transform": {"n_fft": 256, "hop_length": 1001, "n_mels": 20},
    "input_gain": {"input_gain": 0.125},
    "cut_ends": {"cut_head_ms": 10, "cut_tail_ms": 20.5},
    "trim": {"trim": 30},
    "trim_reflected_then_zeros": {"trim": 20, "trim_padding": "reflect", "pad_samples": 5000},
    "peak": {"level": "peak", "level_target": 0.95},
    "rms": {"level": "rms", "level_target": -27},
    "min_max": {"level": "min_max"},
    "soft_peak": {"input_gain": 3, "level": "soft_peak", "level_target": 2},
    "clip": {"input_gain": 5, "clip": "true"},
    "level_before_trim_before_emphasis": {"order": "level,trim,pre_emphasis,cut,clip,pad", "trim": 25, "level": "peak",
                                          "level_target": 0.999, "pre_emphasis": 0.97},
}


def as_manifest(values):
    """--set values as a manifest has them."""
    words = {"true": True, "false": False}
    return {key: value.split(",") if key == "order" else words.get(value, value) for key, value in values.items()}


def speech(n, begin=20000):
    """n samples out of the clip: noise in every bin, as recordings have it."""
    return read_wav(CLIP)[0][begin:begin + n]


class Axes(stylet.Case):
    def check(self, got, want, logarithm, what):
        self.assertEqual(got.shape, want.shape, what)
        difference = np.abs(got.astype(float) - want)
        if logarithm:
            self.assertLessEqual(difference.max(), 1e-3 * max(1, np.abs(want).max() / 12), what)
            self.assertLessEqual(difference.mean(), 1e-5 * max(1, np.abs(want).max() / 12), what)
        else:
            self.assertLessEqual(difference.max(), 2e-6 * np.abs(want).max(), what)

    def axis(self, values):
        front_end = {"sample_rate": 16000, "fmax": 8000, "log": "ln", **as_manifest(values)}
        samples, rate = read_wav(CLIP)
        self.assertEqual(rate, 16000)
        want = features(samples, front_end)
        for path in stylet.paths():
            got = preset_mel(self, CLIP, "tacotron2", {"sample_rate": 16000, **values}, env={"STYLET_CPU": path})
            self.check(got, want, front_end["log"] != "none", path)

    def test_presets_are_what_they_say(self):
        samples, _ = read_wav(CLIP)
        for name, front_end in PRESETS.items():
            wav = stylet.write_wav(self.scratch / "clip.wav", samples, front_end["sample_rate"])
            want = features(read_wav(wav)[0], front_end)
            for path in stylet.paths():
                got = preset_mel(self, wav, name, {}, env={"STYLET_CPU": path})
                self.check(got, want, "log" in front_end, f"{name} {path}")

    def test_last_frame_rule_of_an_exact_number_of_hops(self):
        for extra in (-1, 0, 1):
            wav = stylet.write_wav(self.scratch / "clip.wav", speech(40 * 256 + extra))
            values = {"sample_rate": 16000, "last_frame": "drop_if_exact"}
            want = features(read_wav(wav)[0], {"fmax": 8000, "log": "ln", **values})
            self.check(preset_mel(self, wav, "tacotron2", values), want, True, extra)

    def test_a_clip_of_any_length_gives_every_frame(self):
        values = {"sample_rate": 16000, "hop_length": 160, "n_fft": 512}
        for n in (257, 258, 511, 512, 513, 1000, 2560, 5121):
            wav = stylet.write_wav(self.scratch / "clip.wav", speech(n))
            want = features(read_wav(wav)[0], {"fmax": 8000, "log": "ln", **values})
            self.check(preset_mel(self, wav, "tacotron2", values), want, True, n)

    def test_channels_are_averaged_taken_or_refused(self):
        left, right = speech(8000), speech(8000, 30000)
        wav = stylet.write_wav(self.scratch / "two.wav", np.stack([left, right], axis=1))
        one = stylet.write_wav(self.scratch / "one.wav", left)
        values = {"sample_rate": 16000}
        first = preset_mel(self, wav, "tacotron2", {**values, "channels": "first"})
        self.assertTrue(np.array_equal(first, preset_mel(self, one, "tacotron2", values)))
        pcm = np.round(np.stack([left, right]) * 32767) / 32768
        mean = features(pcm.mean(axis=0), {"fmax": 8000, "log": "ln", **values})
        self.check(preset_mel(self, wav, "tacotron2", values), mean, True, "mean")
        self.fails(3, "mel", wav, "--preset", "tacotron2", *overrides({**values, "channels": "error"}),
                   saying="2 channels")


for name, values in AXES.items():
    setattr(Axes, f"test_{name}", lambda self, values=values: self.axis(values))


class Steps(stylet.Case):
    def stages(self, wav, preset, values):
        folder = self.scratch / "stages"
        for old in folder.glob("*.npy"):
            old.unlink()
        self.ok("mel", wav, "--preset", preset, *overrides(values), "--dump-stages", folder, "--overwrite", "-o",
                self.scratch / "features.npy")
        return {path.stem.split("-", 1)[1]: np.load(path) for path in sorted(folder.glob("*.npy"))}

    def test_every_step_is_shown_and_follows_from_the_one_before(self):
        values = {"sample_rate": 16000, "mean": -4, "std": 4}
        steps = self.stages(CLIP, "tacotron2", values)
        self.assertEqual(list(steps), ["samples", "cut", "trim", "level", "pre_emphasis", "clip", "pad", "spectrum",
                                       "magnitude", "mel", "log", "features"])
        self.near(steps["samples"], read_wav(CLIP)[0], 0)
        self.near(steps["magnitude"], np.sqrt(steps["spectrum"]), 1e-6 * steps["magnitude"].max())
        bank = mel_bank({"sample_rate": 16000, "mel_sample_rate": "none", "fmax": 8000, "fmin": 0, "n_fft": 1024,
                         "n_mels": 80, "mel_scale": "slaney", "mel_norm": "slaney"})
        self.near(steps["mel"], steps["magnitude"] @ bank.T, 2e-6 * steps["mel"].max())
        self.near(steps["log"], np.log(np.maximum(steps["mel"], 1e-5)), 2e-6)
        self.near(steps["features"], (steps["log"] + 4) / 4, 1e-6)
        self.assertTrue(np.array_equal(steps["features"], np.load(self.scratch / "features.npy")))

    def trimmed(self, samples, frame, hop, db, mode):
        wav = stylet.write_wav(self.scratch / "clip.wav", samples)
        steps = self.stages(wav, "tacotron2", {"sample_rate": 16000, "trim": db, "trim_frame_length": frame,
                                               "trim_hop_length": hop, "trim_padding": mode, "n_fft": 16,
                                               "hop_length": 16, "n_mels": 2, "fmax": 8000})
        return steps["samples"], steps["trim"]

    def test_trimming_cuts_at_the_very_samples(self):
        librosa = module("librosa")
        random, shorter = np.random.default_rng(5), 0
        rows = [(2048, 512, 60, "constant"), (2048, 512, 23, "reflect"), (1024, 256, 45, "constant"),
                (1023, 300, 20, "constant"), (777, 777, 30, "reflect"), (500, 800, 30, "constant"),
                (1, 1, 10, "constant"), (2000, 7, 30, "constant")]
        for frame, hop, db, mode in rows:
            for n in (2500, 9999, 16000):
                shape = np.exp(-0.5 * ((np.arange(n) - n * random.uniform(0.3, 0.7)) / (n / 12)) ** 2)
                samples = 0.5 * shape * random.standard_normal(n).clip(-1.9, 1.9) + 1e-3 * random.standard_normal(n)
                x, got = self.trimmed(samples, frame, hop, db, mode)
                want = trim(x.astype(float), db, frame, hop, mode)
                self.assertEqual(got.tobytes(), want.astype("<f4").tobytes(), (frame, hop, db, mode, n))
                shorter += len(got) < len(x)
                if librosa and mode == "constant":
                    _, (begin, end) = librosa.effects.trim(x, top_db=db, frame_length=frame, hop_length=hop)
                    self.assertEqual(got.tobytes(), x[begin:end].tobytes(), (frame, hop, db, mode, n))

        self.assertGreater(shorter, 16)

    def test_silence_is_not_trimmed(self):
        x, got = self.trimmed(np.zeros(5000), 2048, 512, 60, "constant")
        self.assertEqual(len(got), len(x))

    def test_resampling_keeps_time_and_length(self):
        """A sine stays where it was: sample n is its value at n / rate, from the first on."""
        soxr, librosa = module("soxr"), module("librosa")
        for rate_in, rate_out, n in ((44100, 16000, 44100), (16000, 22050, 16001), (22050, 24000, 9999), (8000, 48000, 801)):
            sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(n) / rate_in)
            wav = stylet.write_wav(self.scratch / "clip.wav", sine, rate_in)
            values = {"sample_rate": rate_out, "n_fft": 16, "hop_length": 16, "n_mels": 2, "fmax": 4000}
            got = self.stages(wav, "tacotron2", values)["samples"]
            self.assertEqual(len(got), -(-n * rate_out // rate_in))
            margin = len(got) // 8
            want = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(got)) / rate_out)
            self.near(got[margin:-margin], want[margin:-margin] * 32767 / 32768, 1e-4)  # 16 bit rounding and a window's ends
            if soxr:
                theirs = soxr.resample(read_wav(wav)[0].astype(np.float32), rate_in, rate_out, quality="HQ")
                self.near(got, np.pad(theirs, (0, max(0, len(got) - len(theirs))))[:len(got)], 1e-6)
            if librosa:  # whose rule of length is ours
                theirs = librosa.resample(read_wav(wav)[0].astype(np.float32), orig_sr=rate_in, target_sr=rate_out)
                self.assertEqual(len(got), len(theirs))
                self.near(got, theirs, 1e-6)


class Peers(stylet.Case):
    """The originals, where this Python has them."""

    def test_librosa_preset_is_librosa(self):
        librosa = module("librosa")
        if not librosa:
            self.skipTest("no librosa")
        x, _ = read_wav(CLIP)
        wav = stylet.write_wav(self.scratch / "clip.wav", x, 22050)
        want = librosa.feature.melspectrogram(y=read_wav(wav)[0].astype(np.float32), sr=22050).T
        self.near(preset_mel(self, wav, "librosa", {}), want, 2e-6 * want.max())
        stft = np.abs(librosa.stft(read_wav(wav)[0], n_fft=1024, hop_length=256, pad_mode="reflect"))
        bank = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmax=8000, dtype=np.float64)
        want = np.log(np.maximum(bank @ stft, 1e-5)).T
        self.near(preset_mel(self, wav, "tacotron2", {}), want, 1e-3)

    def test_torchaudio_preset_is_torchaudio(self):
        torchaudio = module("torchaudio")
        if not torchaudio:
            self.skipTest("no torchaudio")
        torch = module("torch")
        x = torch.from_numpy(read_wav(CLIP)[0].astype(np.float32))
        want = torchaudio.transforms.MelSpectrogram()(x).numpy().T
        self.near(preset_mel(self, CLIP, "torchaudio-htk", {}), want, 1e-5 * want.max())


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


if __name__ == "__main__":
    tap.main()
