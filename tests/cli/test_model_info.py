"""`stylet model info`: what a step of each layer sees, and what a second of audio costs."""
import json
import subprocess
import sys

import numpy as np
import stylet
import tap

FIXTURES = stylet.ROOT / "tests" / "convert" / "fixtures"


class Info(stylet.Case):
    def info(self, model):
        return json.loads(self.ok("model", "info", "--json", model).stdout)

    def convert(self, name):
        folder = self.scratch / name
        done = subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py", FIXTURES / f"{name}.pt",
                               "-o", folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return folder

    def test_the_receptive_field_of_strided_convolutions(self):
        layers = {layer["name"]: layer["receptive_field_frames"] for layer in self.info(stylet.ROOT / "models/default")["layers"]}
        # kernel 3, stride 2, six times: r + 2 j with j doubling
        self.assertEqual([layers[f"conv{i}"] for i in range(6)], [3, 7, 15, 31, 63, 127])
        self.assertEqual((layers["image"], layers["flat"], layers["gru"], layers["stl"]), (1, 127, None, None))

    def test_a_step_sees_what_the_field_says_and_no_more(self):
        model = self.convert("adaspeech")
        info = self.info(model)
        field = info["outputs"]["frames"]["receptive_field_frames"]
        self.assertEqual(field, 5 + 4 * 3)
        self.assertAlmostEqual(info["outputs"]["frames"]["receptive_field_seconds"], (16 * 256 + 1024) / 22050, places=5)
        self.assertIsNone(info["outputs"]["style"]["receptive_field_frames"])
        rows = np.random.default_rng(2).standard_normal((90, 80)).astype("<f4")
        path, seen = self.scratch / "x.npy", []

        def step(values):
            np.save(path, values)
            return np.array(self.records("extract", "-m", model, "-w", "frames", path)[0]["frames"])[5]
        before = step(rows)
        for frame in range(30, 65):
            changed = rows.copy()
            changed[frame] += 3
            seen += [frame] * bool((step(changed) != before).any())
        self.assertEqual(len(seen), field)
        self.assertEqual(seen, list(range(seen[0], seen[0] + field)))

    def test_multiply_adds_of_a_second(self):
        info = self.info(self.convert("adaspeech"))
        frames = 1 + 220500 // 256
        first, second = -(-frames // 3), -(-(-(-frames // 3)) // 3)
        self.assertEqual(round(info["multiply_adds_per_second"] * 10), (first * 80 + second * 12) * 12 * 5)
        self.assertEqual(info["multiply_adds_per_second"], sum(l["multiply_adds_per_second"] for l in info["layers"]))


if __name__ == "__main__":
    tap.main()
