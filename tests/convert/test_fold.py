"""Weight norm and spectral norm become plain weights, as PyTorch itself computes them."""

import numpy as np
import tap
from support import FIXTURES, Case

from convert.checkpoint import open_checkpoint
from convert.errors import ConvertError
from convert.fold import fold
from convert.tensors import Tensor


class Fold(Case):
    def test_norms_of_torch_old_and_new(self):
        tensors, folded = fold(open_checkpoint(str(FIXTURES / "norms.pt")).tensors)
        expected = np.load(FIXTURES / "norms.expected.npz")
        for name in expected.files:
            self.assertClose(tensors[name + ".weight"].float64(), expected[name], 3e-7, name)
        self.assertEqual(
            folded,
            {f"{kind}_{age}.weight": f"{kind} norm" for kind in ("weight", "spectral") for age in ("new", "old")},
        )
        self.assertEqual(
            sorted(name for name in tensors if "weight" in name.split(".")[1]),
            sorted(name + ".weight" for name in expected.files),
        )

    def test_the_stored_vectors_count_and_not_the_true_norm(self):
        tensors, _ = fold(open_checkpoint(str(FIXTURES / "norms.pt")).tensors)
        weight = tensors["spectral_old.weight"].float64()
        self.assertNotAlmostEqual(float(np.linalg.norm(weight.reshape(6, -1), 2)), 1, 3)

    def test_parts_that_do_not_fit_are_refused(self):
        def of(*shape):
            return Tensor.of(np.ones(shape))

        for tensors in (
            {"a.weight_g": of(3), "a.weight_v": of(3, 2)},
            {"a.weight_g": of(1, 1), "a.weight_v": of(3, 2)},
            {"a.weight_orig": of(3, 2), "a.weight_u": of(2), "a.weight_v": of(2)},
            {"a.weight_orig": of(3, 2, 2), "a.weight_u": of(3), "a.weight_v": of(2)},
        ):
            with self.assertRaises(ConvertError):
                fold(tensors)

    def test_zero_norms_are_refused_when_used(self):
        tensors, _ = fold({"a.weight_g": Tensor.of(np.ones((2, 1))), "a.weight_v": Tensor.of(np.zeros((2, 3)))})
        with self.assertRaisesRegex(ConvertError, "zero"):
            tensors["a.weight"].float64()

    def test_half_pairs_stay_as_they_are(self):
        tensors, folded = fold({"a.weight_g": Tensor.of(np.ones((2, 1)))})
        self.assertEqual((list(tensors), folded), (["a.weight_g"], {}))


if __name__ == "__main__":
    tap.main()
