"""Shared by tests that run the program: running it, golden tensors, sound to feed it."""
import functools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import wave

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
STYLET = os.environ.get("STYLET", str(ROOT / "build" / "stylet"))
GOLDEN = pathlib.Path(os.environ.get("STYLET_GOLDEN", ROOT.parent / "shared" / "golden"))
FIXTURES = ROOT / "tests" / "fixtures"


def run(*args, stdin=None, env=None, cwd=ROOT, timeout=300):
    """The finished process; stdout as bytes, stderr as text in .err."""
    done = subprocess.run([STYLET, *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=cwd, timeout=timeout, env={**os.environ, **(env or {})})
    done.err = done.stderr.decode()
    return done


@functools.lru_cache(None)
def paths():
    """Dispatch paths of this processor, each forced by STYLET_CPU; a name that is not given when asked for is none of them."""
    clip, found = FIXTURES / "b_fast.wav", []
    for path in ("generic", "neon", "avx2", "avx512"):
        done = run("bench", "-m", ROOT / "models" / "default", "--json", "--seconds", "0.01", clip, env={"STYLET_CPU": path})
        if json.loads(done.stdout)["kernels"] == path:
            found.append(path)
    return tuple(found)


def ways():
    """(name, further arguments, environment) of every dispatch path, and of --exact, which forces plain libraries, too."""
    return [(path, (), {"STYLET_CPU": path}) for path in paths()] + [("exact", ("--exact",), {})]


def golden(name):
    """Path of golden data; the test is skipped, visibly, where there is none."""
    path = GOLDEN / name
    if not path.exists():
        raise unittest.SkipTest("no golden data")
    return path


def read_safetensors(path):
    """{name: array} of a file."""
    data = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "U8": "u1"}
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[8 + length + begin:8 + length + end], kinds[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return arrays


def write_safetensors(path, tensors):
    """A file of float32 tensors {name: array}."""
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blob = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blobs))


def write_wav(path, samples, rate=16000):
    """int16 wav from samples [N] or [N, channels] in [-1, 1)."""
    samples = np.asarray(samples)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path


def voice(seconds, rate=16000, f0=120.0):
    """A buzz with a moving pitch: enough of speech for any front end."""
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * f0 * (t + 0.02 * np.sin(2 * np.pi * 3 * t))
    return 0.3 * sum(np.sin(k * phase) / k for k in range(1, 8)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))


class Case(unittest.TestCase):
    """A test with a scratch folder and checks of the program's manners."""

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="stylet-"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def ok(self, *args, **how):
        done = run(*args, **how)
        self.assertEqual(done.returncode, 0, done.err)
        return done

    def records(self, *args, **how):
        return [json.loads(line) for line in self.ok(*args, **how).stdout.splitlines()]

    def on_every_path(self, *args):
        """(path, records) of every dispatch path and of --exact."""
        for path, more, env in ways():
            yield path, self.records(*args, *more, env=env)

    def fails(self, code, *args, saying=(), **how):
        """The exit code, and an error line that holds each text of `saying`."""
        done = run(*args, **how)
        self.assertEqual(done.returncode, code, done.err)
        lines = [line for line in done.err.splitlines() if not line.startswith("stylet: warning:")]
        self.assertTrue(lines, "no message")
        for text in [saying] if isinstance(saying, str) else saying:
            self.assertIn(text, done.err)
        return done

    def allocates_nothing(self, model):
        """That a warm session of all outputs of this model calls malloc no more."""
        program = pathlib.Path(STYLET).resolve().parent / "tests/model/test_warm_session"
        done = subprocess.run([program, model], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def near(self, got, want, tolerance, what=""):
        got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        self.assertEqual(got.shape, want.shape, what)
        self.assertLessEqual(np.abs(got - want).max(), tolerance, what)
