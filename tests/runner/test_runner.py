"""Proves that tests/run counts right what can go wrong with a test program."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import tap

RUN = pathlib.Path(__file__).resolve().parents[1] / "run"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="a b ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def run_on(self, *arguments):
        """Returns exit status, closing line and the whole output of tests/run."""
        done = subprocess.run([sys.executable, RUN, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.splitlines()[-1], done.stdout

    def expect_of(self, program, closing, words, options=()):
        """Runs one test program; compares the closing line, the exit status that goes with it, and words of the output."""
        status, last, output = self.run_on(*options, program)
        self.assertEqual(last, closing, output)
        self.assertEqual(status, 0 if ", 0 failed," in closing else 1)
        for word in words:
            self.assertIn(word, output)
        return output


class Runner(Case):
    def expect(self, script, closing, *words, options=()):
        return self.expect_of(self.program("one.sh", script), closing, words, options)

    def test_passes_are_counted_and_their_output_is_not_shown(self):
        output = self.expect("echo 1..2; echo ok 1 - a; echo chatter; echo ok 2 - b", "2 passed, 0 failed, 0 skipped")
        self.assertNotIn("chatter", output)

    def test_a_failure_shows_the_whole_output(self):
        self.expect("echo 1..2; echo ok 1 - a; echo chatter >&2; echo not ok 2 - b; exit 1",
                    "1 passed, 1 failed, 0 skipped", "| chatter", "| not ok 2 - b")

    def test_a_skip_is_neither_passed_nor_failed_and_says_why(self):
        self.expect("echo 1..2; echo ok 1 - a; echo 'ok 2 - b # SKIP no golden data'",
                    "1 passed, 0 failed, 1 skipped", "1 skipped: no golden data")

    def test_a_skip_as_cmocka_writes_it_is_a_skip(self):
        self.expect("echo 1..1; echo 'not ok 1 # SKIP name'", "0 passed, 0 failed, 1 skipped")

    def test_a_program_may_skip_as_a_whole(self):
        self.expect("echo '1..0 # SKIP no valgrind'", "0 passed, 0 failed, 1 skipped", "no valgrind")

    def test_several_groups_each_with_a_plan_add_up(self):
        self.expect("echo 1..1; echo ok 1 - a; echo '# ok - group'; echo 1..1; echo ok 1 - b", "2 passed, 0 failed, 0 skipped")

    def test_a_crash_fails_the_results_it_left_out(self):
        self.expect("echo 1..3; echo ok 1 - a; kill -SEGV $$", "1 passed, 2 failed, 0 skipped",
                    "Segmentation fault", "2 of 3 results missing")

    def test_a_crash_after_the_last_result_is_a_failure(self):
        self.expect("echo 1..1; echo ok 1 - a; kill -ABRT $$", "1 passed, 1 failed, 0 skipped", "Aborted")

    def test_an_early_exit_with_status_0_is_a_failure(self):
        self.expect("echo 1..2; echo ok 1 - a; exit 0", "1 passed, 1 failed, 0 skipped", "1 of 2 results missing")

    def test_more_results_than_planned_is_a_failure(self):
        self.expect("echo 1..1; echo ok 1 - a; echo ok 2 - b", "2 passed, 1 failed, 0 skipped", "2 results, 1 planned")

    def test_results_without_a_plan_are_a_failure(self):
        self.expect("echo ok 1 - a", "1 passed, 1 failed, 0 skipped", "no plan")

    def test_no_output_is_a_failure(self):
        self.expect("", "0 passed, 1 failed, 0 skipped", "no result")

    def test_an_empty_plan_without_a_reason_is_a_failure(self):
        self.expect("echo 1..0", "0 passed, 1 failed, 0 skipped", "no result")

    def test_a_bad_exit_status_after_good_results_is_a_failure(self):
        self.expect("echo 1..1; echo ok 1 - a; exit 7", "1 passed, 1 failed, 0 skipped", "exit status 7")

    def test_a_program_that_is_not_there_is_a_failure(self):
        status, last, output = self.run_on(self.folder / "absent")
        self.assertEqual((status, last), (1, "0 passed, 1 failed, 0 skipped"))
        self.assertIn("cannot start", output)

    def test_a_timeout_kills_the_program_and_its_children(self):
        pid_file = self.folder / "pid"
        start = time.monotonic()
        self.expect(f"echo 1..2; echo ok 1 - a; sleep 60 & echo $! > '{pid_file}'; wait",
                    "1 passed, 1 failed, 0 skipped", "killed after 1 s", options=["--timeout", "1"])
        self.assertLess(time.monotonic() - start, 30)
        self.assert_gone(int(pid_file.read_text()))

    def test_a_child_left_behind_neither_delays_nor_survives(self):
        pid_file = self.folder / "pid"
        start = time.monotonic()
        self.expect(f"echo 1..1; echo ok 1 - a; sleep 60 & echo $! > '{pid_file}'", "1 passed, 0 failed, 0 skipped")
        self.assertLess(time.monotonic() - start, 30)
        self.assert_gone(int(pid_file.read_text()))

    def assert_gone(self, pid):
        for _ in range(100):  # the kill has been sent; until it is reaped the child may be listed as a zombie
            try:
                state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            time.sleep(0.05)
        self.fail(f"process {pid} is still there")

    def test_programs_add_up_and_one_failure_fails_the_run(self):
        good = self.program("good.sh", "echo 1..1; echo ok 1 - a")
        bad = self.program("bad.sh", "echo 1..1; echo not ok 1 - a")
        status, last, _ = self.run_on("--jobs", "2", good, bad, good)
        self.assertEqual((status, last), (1, "2 passed, 1 failed, 0 skipped"))

    def test_a_pattern_chooses_programs_and_list_runs_none(self):
        good = self.program("good.sh", "echo 1..1; echo ok 1 - a")
        bad = self.program("bad.sh", "echo 1..1; echo not ok 1 - a")
        for pattern in ("good", "*/good.sh"):
            self.assertEqual(self.run_on("-k", pattern, good, bad)[:2], (0, "1 passed, 0 failed, 0 skipped"))
        self.assertEqual(self.run_on("--list", good, bad)[2], f"{good}\n{bad}\n")
        self.assertEqual(self.run_on("-k", "absent", good)[:2], (1, "0 passed, 0 failed, 0 skipped"))

    def test_a_wrapper_stands_before_compiled_programs_only(self):
        program = self.program("compiled", "#!/bin/sh\necho 1..1; echo ok 1 - a")
        program.chmod(0o755)
        script = self.program("script.sh", 'echo 1..1; [ -z "$WRAPPED" ] && echo ok 1 - a')
        status, last, _ = self.run_on("--wrap", "env WRAPPED=1 false", program, script)
        self.assertEqual((status, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_programs_get_a_temporary_folder_that_is_gone_afterwards(self):
        note = self.folder / "note"
        self.expect(f"echo $TMPDIR > '{note}'; touch $TMPDIR/x && echo 1..1 && echo ok 1 - a", "1 passed, 0 failed, 0 skipped")
        self.assertFalse(os.path.exists(note.read_text().strip()))

    def test_programs_are_told_where_things_are(self):
        self.expect('[ -d scripts ] && [ -n "$STYLET_GOLDEN$MODELS" ] && [ "${STYLET##*/}" = stylet ] && "$PYTHON" -c "import tap" '
                    "&& echo 1..1 && echo ok 1 - a", "1 passed, 0 failed, 0 skipped")


class PythonFiles(Case):
    HEAD = "import sys, tap, unittest\n"
    TAIL = "\nif __name__ == '__main__':\n    tap.main()\n"

    def expect_python(self, body, closing, *words):
        self.expect_of(self.program("test_x.py", self.HEAD + body + self.TAIL), closing, words)

    def test_each_method_is_one_result(self):
        self.expect_python("""
class A(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    def test_broken(self): raise OSError("dust")
    def test_skipped(self): self.skipTest("no golden data")
    @unittest.expectedFailure
    def test_known(self): self.fail()
""", "2 passed, 2 failed, 1 skipped", "1 skipped: no golden data", "AssertionError: 1 != 2", "OSError: dust", "- A.test_bad")

    def test_subtests_make_one_result(self):
        self.expect_python("""
class A(unittest.TestCase):
    def test_all(self):
        for i in range(4):
            with self.subTest(i=i): self.assertEqual(i % 2, 0)
    def test_other(self): pass
""", "1 passed, 1 failed, 0 skipped", "(i=3)")

    def test_a_class_that_skips_skips_each_test(self):
        self.expect_python("""
class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no golden data")
    def test_a(self): pass
    def test_b(self): pass
class BA(unittest.TestCase):
    def test_c(self): pass
""", "1 passed, 0 failed, 2 skipped", "2 skipped: no golden data")

    def test_a_class_that_cannot_be_set_up_fails_each_test(self):
        self.expect_python("""
class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("dust")
    def test_a(self): pass
    def test_b(self): pass
""", "0 passed, 2 failed, 0 skipped", "OSError: dust")

    def test_an_exit_inside_a_test_is_a_failure(self):
        self.expect_python("""
import os
class A(unittest.TestCase):
    def test_a(self): os._exit(0)
""", "0 passed, 1 failed, 0 skipped")

    def test_a_file_that_cannot_be_imported_is_a_failure(self):
        self.expect_python("import no_such_module", "0 passed, 1 failed, 0 skipped", "no_such_module")

    def test_a_file_without_tests_is_a_failure(self):
        self.expect_python("", "0 passed, 1 failed, 0 skipped", "no result")


if __name__ == "__main__":
    tap.main()
