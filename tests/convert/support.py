"""Shared by the converter's tests: the converter in this process, golden data, own fixtures, scratch folders."""

import contextlib
import io
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import numpy as np

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from convert.cli import main  # noqa: E402
from numpy_graph import Model, read_safetensors  # noqa: E402, F401

FIXTURES = HERE / "fixtures"
GOLDEN = pathlib.Path(os.environ.get("STYLET_GOLDEN", ROOT.parent / "shared" / "golden"))


def golden(name):
    path = GOLDEN / name
    if not path.exists():
        raise unittest.SkipTest("no golden data")
    return str(path)


def run(*args):
    """(exit code, stdout, stderr) of the converter with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(arg) for arg in args])
    return code, out.getvalue(), err.getvalue()


class Case(unittest.TestCase):
    """A test with a scratch folder of its own."""

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="convert-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def write(self, name, data):
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def convert(self, checkpoint, *args, to="model"):
        """Converts and returns the Model."""
        code, _, err = run(checkpoint, "-o", self.scratch / to, *args)
        self.assertEqual(code, 0, err)
        return Model(str(self.scratch / to))

    def refused(self, checkpoint, *args, saying=""):
        """Exit code 2, one line that says so, nothing written. Returns the line."""
        before = sorted(os.listdir(self.scratch))
        code, out, err = run(checkpoint, "-o", self.scratch / "refused", *args)
        self.assertEqual(code, 2, err)
        self.assertEqual(out, "")
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertTrue(err.startswith("convert_checkpoint: "), err)
        self.assertIn(saying, err)
        self.assertEqual(sorted(os.listdir(self.scratch)), before)
        return err

    def assertClose(self, got, expected, tolerance, what=""):
        got, expected = np.asarray(got), np.asarray(expected)
        self.assertEqual(got.shape, expected.shape, what)
        difference = float(np.abs(got - expected).max())
        self.assertLessEqual(difference, tolerance, what)
        return difference


def gst_arrays(seed=1, embedding=16, tokens=10, heads=4, bins=80, filters=(4, 4, 4, 4, 4, 4), units=8):
    """A small GST with the names of GST-Tacotron, random."""
    random = np.random.default_rng(seed)

    def values(*shape):
        return random.standard_normal(shape).astype("<f4") * 0.5

    arrays = {}
    for i, (a, b) in enumerate(zip((1, *filters), filters)):
        arrays[f"encoder.convs.{i}.weight"], arrays[f"encoder.convs.{i}.bias"] = values(b, a, 3, 3), values(b)
        for part in ("weight", "bias", "running_mean"):
            arrays[f"encoder.bns.{i}.{part}"] = values(b)
        arrays[f"encoder.bns.{i}.running_var"] = np.abs(values(b)) + np.float32(0.5)
        bins = -(-bins // 2)
    for part, shape in (
        ("weight_ih", (3 * units, filters[-1] * bins)),
        ("weight_hh", (3 * units, units)),
        ("bias_ih", (3 * units,)),
        ("bias_hh", (3 * units,)),
    ):
        arrays[f"encoder.gru.{part}_l0"] = values(*shape)
    arrays["stl.embed"] = values(tokens, embedding // heads)
    arrays["stl.attention.W_query.weight"] = values(embedding, units)
    arrays["stl.attention.W_key.weight"] = values(embedding, embedding // heads)
    arrays["stl.attention.W_value.weight"] = values(embedding, embedding // heads)
    return arrays
