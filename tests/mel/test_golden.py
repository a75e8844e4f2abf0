"""Features against those of the original implementations, on every processor path.

Tolerances, from the golden numbers themselves (float32 both): single log-mel bins with almost no energy differ by up to
4e-4 in units of ln or log10, so 1e-3; the mean over all bins 1e-5. Mellotron's golden transform is a float32 matrix
convolution with its own error of 1.5e-4 in such bins. Linear spectra: 1e-5 of the largest value. Frame counts are exact.
"""
import sys

import numpy as np
import stylet
import tap
from front_ends import FRONT_ENDS, ME, mel, preset_mel

SINGLE, MEAN, MAPPED = 1e-3, 1e-5, 2e-5


class Golden(stylet.Case):
    def check(self, got, want, what):
        self.assertEqual(got.shape, want.shape, what)
        difference = np.abs(got.astype(float) - want)
        mapped = "gst_tacotron" in what or "tf1" in what or "coqui" in what
        self.assertLessEqual(difference.max(), SINGLE, what)
        self.assertLessEqual(difference.mean(), MAPPED if mapped else MEAN, what)

    def convert(self, checkpoint, *args):
        model = self.scratch / "model"
        sys.path.insert(0, str(stylet.ROOT / "scripts"))
        from convert.cli import main
        arguments = [str(stylet.golden(checkpoint)), "-o", str(model), *args]
        self.assertEqual(main(arguments), 0)
        return model

    def check_converted(self, checkpoint, expected, tensor, wav, *args):
        model = self.convert(checkpoint, *args)
        want = stylet.read_safetensors(stylet.golden(expected))[tensor]
        for path in stylet.paths():
            got = mel(self, stylet.golden(wav), "-m", model, env={"STYLET_CPU": path})
            self.check(got, want, f"{expected} {tensor} {path}")

    def test_espnet_model_with_its_global_mean_and_deviation(self):
        self.check_converted("families/espnet_gst/espnet_gst.pt", "families/espnet_gst/espnet_gst.expected.safetensors",
                             f"out.mel_{ME}", f"clips/24000/{ME}.wav")

    def test_converted_mellotron(self):
        self.check_converted("families/mellotron/mellotron.pt", "families/mellotron/mellotron.expected.safetensors",
                             f"out.mel_{ME}", f"clips/22050/{ME}.wav", "--family", "mellotron")

    def test_linear_spectrum_of_openvoice(self):
        want = stylet.read_safetensors(stylet.golden("openvoice/openvoice.expected.safetensors"))
        tensors = [name for name in want if name.startswith("out.spec_")]
        self.assertTrue(tensors)
        values = {"feature": "linear", "log": "none", "magnitude_eps": 1e-6}
        for name in tensors:
            wav = stylet.golden(f"clips/22050/{name[len('out.spec_'):]}.wav")
            for path in stylet.paths():
                got = preset_mel(self, wav, "hifigan", values, env={"STYLET_CPU": path})
                self.near(got, want[name], 1e-5 * want[name].max(), f"{name} {path}")


def add(name, expected, tensor, wav, preset, values):
    def test(self):
        want = stylet.read_safetensors(stylet.golden(expected))[tensor]
        for path in stylet.paths():
            self.check(preset_mel(self, stylet.golden(wav), preset, values, env={"STYLET_CPU": path}), want,
                       f"{name} {path}")
    setattr(Golden, f"test_{name.replace(' ', '_')}", test)


for name, row in FRONT_ENDS.items():
    add(name, *row)

if __name__ == "__main__":
    tap.main()
