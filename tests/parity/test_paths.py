"""Every dispatch path of this processor, forced one by one: the shipped model against PyTorch's numbers, and the same bytes
from every run and from workers."""
import json
import pathlib

import numpy as np
import stylet
import tap

FOLDER = pathlib.Path(__file__).resolve().parent / "default"
CLIPS = [FOLDER / f"clip{i}.wav" for i in (1, 2, 3)]


class Paths(stylet.Case):
    def paths(self):
        """The names that are given when they are asked for; generic always is."""
        for path in ("generic", "avx2", "avx512"):
            figures = self.ok("bench", "--json", "--seconds", "0.01", CLIPS[0], env={"STYLET_CPU": path}).stdout
            if json.loads(figures)["kernels"] == path:
                yield path

    def extract(self, path, *args):
        return self.ok("extract", "-q", *args, *CLIPS, env={"STYLET_CPU": path}).stdout

    def test_every_path_computes_what_was_exported(self):
        expected = stylet.read_safetensors(FOLDER / "expected.safetensors")
        for path in self.paths():
            lines = self.extract(path, "-w", "reference,style,token_weights").splitlines()
            for i, record in enumerate(map(json.loads, lines), 1):
                for name in ("reference", "style", "token_weights"):
                    want = expected[f"clip{i}.{name}"]
                    distance = np.abs(np.array(record[name]).reshape(want.shape) - want).max()
                    self.assertLessEqual(distance, 1e-5 * max(1, np.abs(want).max()), f"{path}: {name} of clip {i}")
            self.assertEqual(len(lines), len(CLIPS))

    def test_every_path_gives_the_same_bytes_again_and_from_workers(self):
        for path in self.paths():
            first = [json.loads(line)["style"] for line in self.extract(path, "-j", "1").splitlines()]
            self.assertEqual(len(first), len(CLIPS))
            for jobs in ("1", "2"):
                again = [json.loads(line)["style"] for line in self.extract(path, "-j", jobs).splitlines()]
                self.assertEqual(again, first, f"{path}, {jobs} workers")


if __name__ == "__main__":
    tap.main()
