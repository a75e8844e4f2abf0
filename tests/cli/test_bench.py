"""`stylet bench`: figures that hang together; their size is nobody's test."""
import json

import stylet
import tap

CLIP = stylet.FIXTURES / "b_fast.wav"


class Bench(stylet.Case):
    def figures(self, *args, env=None):
        return json.loads(self.ok("bench", "--json", "--seconds", "0.05", *args, env=env).stdout)

    def test_the_figures_agree_with_each_other(self):
        made = self.figures()
        self.assertEqual(made["clip_seconds"], 10)
        self.assertGreaterEqual(made["rounds"], 5)
        self.assertAlmostEqual(made["x_real_time"] / made["utterances_per_second"], 10, delta=1e-3)
        self.assertLessEqual(made["p50_ms"], made["p95_ms"])
        self.assertGreater(made["peak_mib"], 1)

    def test_a_file_brings_its_own_length(self):
        self.assertAlmostEqual(self.figures(CLIP)["clip_seconds"], 2.243, delta=0.01)

    def test_the_kernels_are_those_that_were_forced(self):
        self.assertEqual(self.figures(env={"STYLET_CPU": "generic"})["kernels"], "generic")

    def test_people_read_the_same_figures(self):
        text = self.ok("bench", "--seconds", "0.05", CLIP).stdout.decode()
        for part in ("x real time", "utterances/s", "p50", "p95", "peak memory", "b_fast.wav"):
            self.assertIn(part, text)

    def test_wrong_use_is_refused(self):
        self.fails(2, "bench", CLIP, CLIP)
        self.fails(2, "bench", "--seconds", "0")
        self.fails(3, "bench", self.scratch / "absent.wav")


if __name__ == "__main__":
    tap.main()
