"""Every dispatch path of this processor, forced one by one: the same features from all of them, and from each the same bytes
in every run and from workers. What each computes, the other files of this folder compare with published numbers."""
import json
import pathlib

import numpy as np
import stylet
import tap

FOLDER = pathlib.Path(__file__).resolve().parent / "default"
CLIPS = [FOLDER / f"clip{i}.wav" for i in (1, 2, 3)]


class Paths(stylet.Case):
    def extract(self, path, *args):
        return self.ok("extract", "-q", *args, *CLIPS, env={"STYLET_CPU": path}).stdout

    def test_features_are_the_same_on_every_path(self):
        # all paths round alike; only products by way of double are now and then rounded twice
        for preset in ("tacotron2", "hifigan", "librosa", "espnet"):
            found = {}
            for path in stylet.paths():
                out = self.scratch / f"{preset}-{path}.npy"
                self.ok("mel", "--preset", preset, "--set", "sample_rate=16000", "--set", "fmax=8000", CLIPS[0], "-o", out,
                        env={"STYLET_CPU": path})
                found[path] = np.load(out)
                self.near(found[path], found["generic"], 1e-6 * np.abs(found["generic"]).max(), f"{preset}, {path}")

    def test_every_path_gives_the_same_bytes_again_and_from_workers(self):
        for path in stylet.paths():
            first = [json.loads(line)["style"] for line in self.extract(path, "-j", "1").splitlines()]
            self.assertEqual(len(first), len(CLIPS))
            for jobs in ("1", "2"):
                again = [json.loads(line)["style"] for line in self.extract(path, "-j", jobs).splitlines()]
                self.assertEqual(again, first, f"{path}, {jobs} workers")


if __name__ == "__main__":
    tap.main()
