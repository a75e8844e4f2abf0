"""What is built for aarch64, by an emulator: the kernels against float64, and the numbers of this machine. make check-arm64
alone runs more."""
import os
import platform
import shutil
import subprocess
import unittest
from unittest import mock

import numpy as np
import stylet
import tap

EMULATED = stylet.ROOT / "build" / "arm64" / "stylet-emulated"
CLIP = stylet.FIXTURES / "b_fast.wav"


class Arm64(stylet.Case):
    @classmethod
    def setUpClass(cls):
        if platform.machine() == "aarch64":
            raise unittest.SkipTest("this machine is one itself")
        if not (shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64")
                and (stylet.ROOT / "build" / "third_party" / "arm64").exists()):
            raise unittest.SkipTest("no compiler, emulator and libraries for aarch64 (scripts/setup.sh dev)")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "STYLET"))}
        cls.made = subprocess.run(["make", "-s", "check-arm64", "EMULATED=$(KERNEL_TESTS)"],
                                  cwd=stylet.ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_it_builds_and_the_kernels_are_right(self):
        self.assertEqual(self.made.returncode, 0, self.made.stdout)
        self.assertIn(" 0 failed, 0 skipped", self.made.stdout.splitlines()[-1])

    def numbers(self, program, path):
        """What one path of a program makes of a clip: which path it was, and arrays by name."""
        with mock.patch.object(stylet, "STYLET", str(program)):
            version = self.ok("--version", env={"STYLET_CPU": path}).stdout.decode()
            record, = self.records("extract", "-q", "-w", "features,style,token_weights", CLIP, env={"STYLET_CPU": path})
        return version, {name: np.float32(record[name]) for name in ("features", "style", "token_weights")}

    def test_both_paths_give_the_numbers_of_this_machine(self):
        _, want = self.numbers(stylet.STYLET, "generic")
        for path in ("generic", "neon"):
            version, got = self.numbers(EMULATED, path)
            self.assertIn(f"Kernels: {path},", version)
            for name, tolerance in (("features", 1e-6), ("style", 1e-5), ("token_weights", 1e-5)):  # roundings: one, a network's
                self.near(got[name], want[name], tolerance * np.abs(want[name]).max(), f"{path}, {name}")


if __name__ == "__main__":
    tap.main()
