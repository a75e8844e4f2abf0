"""Lets a file of unittest.TestCase classes speak TAP, one line per test method.

    import tap, unittest

    class Mel(unittest.TestCase):
        def test_mel_of_silence_is_the_floor_value(self): ...

    if __name__ == "__main__":
        tap.main()

Run one with `tests/run tests/mel/test_mel.py`, or by hand `PYTHONPATH=tests python3 tests/mel/test_mel.py [Mel[.test_name]]...`.
A skipTest is "ok N - name # SKIP reason"; a failure carries its traceback as comments.
"""
import sys
import unittest


def _flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        else:
            yield test


def _name(test):
    return test.id().partition(".")[2]  # without "__main__."


def _say(*lines):
    for line in lines:
        print(line, flush=True)


class _Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.told, self.class_skips = set(), []

    def tell(self, test, outcome, note="", detail=""):
        test = getattr(test, "test_case", test)  # of a subtest: several of one test are told once
        if test.id() not in self.told:
            self.told.add(test.id())
            _say(f"{outcome} {len(self.told)} - {_name(test)}{note}")
        _say(*(f"# {line}" for line in detail.splitlines()))

    def addSuccess(self, test):
        self.tell(test, "ok")

    def addExpectedFailure(self, test, error):
        self.tell(test, "ok")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell(test, "not ok", detail="passed, though marked as failing")

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase):
            self.tell(test, "ok", f" # SKIP {reason}")
        else:
            self.class_skips.append((test.id(), reason))  # raised by setUpClass: its tests are told at the end

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._tell_failure(test, self.failures)

    def addError(self, test, error):
        super().addError(test, error)
        self._tell_failure(test, self.errors)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.tell(test, "not ok", detail=f"{subtest}\n{self._exc_info_to_string(error, test)}")

    def _tell_failure(self, test, failures):
        if isinstance(test, unittest.TestCase):
            self.tell(test, "not ok", detail=failures[-1][1])
        else:  # setUpClass or the like failed: the runner counts its tests as missing
            _say(f"# {test.id()}", *(f"# {line}" for line in failures[-1][1].splitlines()))

    def tell_class_skips(self, tests):
        for test in tests:
            for holder, reason in self.class_skips:
                if "setUpModule" in holder or f".{type(test).__qualname__})" in holder:
                    self.tell(test, "ok", f" # SKIP {reason}")


def main():
    loader, names = unittest.TestLoader(), sys.argv[1:]
    module = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    tests, result = list(_flatten(suite)), _Result()
    _say(f"1..{len(tests)}")
    suite.run(result)
    result.tell_class_skips(tests)
    sys.exit(0 if result.wasSuccessful() else 1)
