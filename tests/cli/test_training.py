"""The training scripts' mistakes are told in a line, before anything is made or installed."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import stylet
import tap

TRAIN = stylet.ROOT / "scripts" / "train"


class Mistakes(unittest.TestCase):
    def run_script(self, *command):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])
        return done

    def test_evaluate_helps_without_a_folder(self):
        done = self.run_script("sh", TRAIN / "evaluate", "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\Ausage: evaluate WORK_DIR .*\n\Z")

    def test_evaluate_makes_nothing_in_a_folder_that_is_not_there(self):
        done = self.run_script("sh", TRAIN / "evaluate", "mistyped")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Aevaluate: 'mistyped' is no folder; .*\n\Z")

    def test_a_list_that_is_not_there_is_named(self):
        done = self.run_script(sys.executable, TRAIN / "make_model.py", "out", "--data", "nowhere.txt")
        self.assertEqual(done.returncode, 2)
        self.assertIn("the list 'nowhere.txt' is not there", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    tap.main()
