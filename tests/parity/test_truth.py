"""Where golden float32 numbers use up much of their own tolerance: the program, and they, against float64.

The truth is the front end and the layers in float64 numpy (tests/convert), from the same checkpoint. It says whose rounding
a difference is: measured, program (the worst path) and golden numbers are off it by

    Mellotron, state of me_example2 from features            5e-6  8e-6
    DelightfulTTS (tts-framework), state of T6               4e-5  1.0e-4
    DelightfulTTS (tts-framework), all states, from the wav  4e-5  3e-5    (the float32 transform of quiet bins)
"""
import subprocess
import sys

import numpy as np
import stylet
import tap

sys.path.insert(0, str(stylet.ROOT / "tests" / "convert"))
import numpy_front_end  # noqa: E402
import numpy_graph  # noqa: E402


class Truth(stylet.Case):
    def family(self, folder, *args):
        checkpoint, model = stylet.golden(f"families/{folder}/{folder}.pt"), self.scratch / folder
        done = subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py", checkpoint, "-o", model, *args],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return model, numpy_graph.Model(str(model)), stylet.read_safetensors(
            stylet.golden(f"families/{folder}/{folder}.expected.safetensors"))

    def compare(self, model, source, output, truth, golden, tolerance):
        if isinstance(source, np.ndarray):
            np.save(self.scratch / "x.npy", source)
            source = self.scratch / "x.npy"
        for way, (record,) in self.on_every_path("extract", "-m", model, "-w", output, source):
            off = np.abs(np.array(record[output]) - truth).max()
            print(f"# {self._testMethodName[5:]}: program {off:.1e} ({way}), golden numbers {np.abs(golden - truth).max():.1e}",
                  flush=True)
            self.assertLessEqual(off, tolerance, way)

    def test_mellotron_state(self):
        model, twin, golden = self.family("mellotron", "--family", "mellotron")
        x = golden["out.mel_me_example2"]
        self.compare(model, x, "reference", twin.run(x)["reference"], golden["out.reference_published_me_example2"], 8e-6)

    def test_delightful_tts_state_behind_two_steps(self):
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, twin, golden = self.family(folder, "--family", "delightful-tts")
            x = golden["in.mel_T6"]
            self.compare(model, x, "reference", twin.run(x)["reference"], golden["out.reference_T6"], 8e-5)

    def test_delightful_tts_states_from_the_wav(self):
        wav = stylet.golden("clips/22050/me_example2.wav")
        samples, _ = numpy_front_end.read_wav(str(wav))
        for folder in ("delightful_voicesmith", "delightful_tts_framework"):
            model, twin, golden = self.family(folder, "--family", "delightful-tts")
            truth = twin.run(numpy_front_end.features(samples, twin.manifest["front_end"]))["frames"]
            self.compare(model, wav, "frames", truth, golden["out.sequence_me_example2"], 5e-5)


if __name__ == "__main__":
    tap.main()
