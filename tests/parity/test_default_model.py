"""The shipped model through the program, on every dispatch path, against what PyTorch computed for the same clips when
it was exported.

Both sides compute in float32. Single mel bins with almost no energy differ by up to 4e-4 in log10 units, 10 / 20 of that
in features. A frequency in Hz carries the relative error of its power of two: 1e-5 of the value.
"""
import json
import pathlib

import numpy as np
import stylet
import tap

FOLDER = pathlib.Path(__file__).resolve().parent / "default"


class Default(stylet.Case):
    @classmethod
    def setUpClass(cls):
        cls.expected = stylet.read_safetensors(FOLDER / "expected.safetensors")

    def test_every_output_is_what_was_exported(self):
        for clip in ("clip1", "clip2", "clip3"):
            wanted = "features,reference,style,token_weights,prosody"
            for way, (record,) in self.on_every_path("extract", "-w", wanted, FOLDER / f"{clip}.wav"):
                self.near(record["features"], self.expected[f"{clip}.mel"], 2e-4, f"{clip}, {way}")
                for name in ("reference", "style", "token_weights"):
                    self.near(record[name], self.expected[f"{clip}.{name}"], 1e-5, f"{name} of {clip}, {way}")
                prosody, want = np.array(list(record["prosody"].values())), self.expected[f"{clip}.prosody"]
                self.assertLessEqual(np.abs(prosody - want).max() / np.abs(want).max(), 1e-5, f"{clip}, {way}")

    def test_prosody_is_an_object_of_label_and_value_with_units_for_people(self):
        record, = self.records("extract", "-w", "prosody", FOLDER / "clip1.wav")
        self.assertEqual(list(record["prosody"]), ["f0_hz", "f0_range_st", "level_dbfs", "dynamics_db", "rate_syl_s",
                                                   "tilt_db_oct", "hnr_db", "voiced"])
        text = self.ok("inspect", FOLDER / "clip1.wav").stdout.decode()
        for unit in ("Hz", "semitones", "dBFS", "syllables/s"):
            self.assertIn(unit, text)

    def test_level_follows_the_gain_and_pitch_the_voice(self):
        quiet = self.scratch / "quiet.wav"
        stylet.write_wav(quiet, 0.1 * stylet.voice(2.5, f0=110))
        loud = self.scratch / "loud.wav"
        stylet.write_wav(loud, stylet.voice(2.5, f0=110))
        high = self.scratch / "high.wav"
        stylet.write_wav(high, stylet.voice(2.5, f0=220))
        q, l, h = (r["prosody"] for r in self.records("extract", "-w", "prosody", quiet, loud, high))
        self.assertAlmostEqual(l["level_dbfs"] - q["level_dbfs"], 20, delta=6)
        self.assertGreater(h["f0_hz"], 1.4 * l["f0_hz"])

    def test_the_shipped_folder_is_small_and_whole(self):
        folder = stylet.ROOT / "models" / "default"
        self.assertLess(sum(f.stat().st_size for f in folder.glob("*.safetensors")), 2.5e6)
        self.ok("model", "verify", folder)
        self.assertNotIn("trained", json.loads((folder / "manifest.json").read_text()))


if __name__ == "__main__":
    tap.main()
