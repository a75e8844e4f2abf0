"""Families of random sizes: checkpoint, converter, program on every dispatch path, against the float64 twins of twins.py.

1e-5 of the largest value: the program computes in float32. The seed is printed; STYLET_SEED sets it.
"""
import json
import os
import subprocess
import sys

import numpy as np
import stylet
import tap
import twins

SEED = int(os.environ.get("STYLET_SEED", "1"))
TOLERANCE = 1e-5


class Twins(stylet.Case):
    def convert(self, family):
        path, model = self.scratch / "checkpoint.npz", self.scratch / "model"
        np.savez(path, **family.checkpoint)
        done = subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py", path, "-o", model,
                               "--family", family.name, *family.settings], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return model

    def compare(self, family):
        """The largest difference over all clips and outputs, each of its largest value."""
        model, worst, styles = self.convert(family), 0, []
        self.ok("model", "verify", model)
        self.allocates_nothing(model)
        bound = []
        for name, values in family.bound.items():
            np.save(self.scratch / f"{name}.npy", values)
            bound += ["--bind", f"{name}={self.scratch / name}.npy"]
        names = list(json.loads((model / "manifest.json").read_text())["outputs"])
        for frames in family.clips:
            x = family.features(frames)
            np.save(self.scratch / "x.npy", x)
            wanted = family.run(x.astype(np.float64), **{k: v.astype(np.float64) for k, v in family.bound.items()})
            self.assertEqual(sorted(names), sorted(wanted))
            styles.append(wanted["reference" if "reference" in wanted else "style"])
            for way, (record,) in self.on_every_path("extract", "-m", model, *bound, "-w", ",".join(names), self.scratch / "x.npy"):
                for name in names:
                    got, want = np.asarray(record[name]), wanted[name]
                    self.assertEqual(got.shape, want.shape, name)
                    off = np.abs(got - want).max() / max(1, np.abs(want).max())
                    self.assertLessEqual(off, TOLERANCE, f"{name} of {frames} frames, {way}")
                    worst = max(worst, off)
        self.assertGreater(np.ptp(styles, axis=0).max(), 0.05, "does not follow its input: tests nothing")
        return worst


def add(index, kind):
    def test(self):
        worst = self.compare(kind(np.random.default_rng([SEED, index])))
        print(f"# {kind.__name__}: {worst:.1e} (seed {SEED})", flush=True)
    setattr(Twins, f"test_{kind.__name__}", test)


for number, family_kind in enumerate(twins.FAMILIES):
    add(number, family_kind)


if __name__ == "__main__":
    tap.main()
