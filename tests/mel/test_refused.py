"""Values that no front end can have end the command before it does anything: exit code 2, one line with key, value and
what is allowed. Every value is tested in tests/unit/model/test_preset.c; here, that the command says so."""
import stylet
import tap

CLIP = stylet.FIXTURES / "a_en.wav"


class Refused(stylet.Case):
    def refused(self, *args, saying):
        out = self.scratch / "mel.npy"
        done = self.fails(2, "mel", CLIP, "-o", out, *args, saying=saying)
        self.assertEqual(len([line for line in done.err.splitlines() if "warning" not in line]), 1, done.err)
        self.assertFalse(out.exists())

    def test_bad_values_of_a_preset_and_of_a_model(self):
        for way in (["--preset", "espnet"], ["-m", stylet.ROOT / "models" / "default"]):
            for value, saying in (("n_fft=1022", ("'n_fft'", "1022", "prime factors above 7")),
                                  ("n_fft=-2", ("'n_fft'", "-2", "16 to 65536")),
                                  ("hop_length=0", ("'hop_length'", "0", "1 to 65536")),
                                  ("win_length=65535", ("'win_length'", "65535", "at most n_fft")),
                                  ("fmax=24000", ("'fmax'", "24000", "half the rate")),
                                  ("n_mels=4000", ("'n_mels'", "4000", "bins of the transform")),
                                  ("hop_lenght=1", ("hop_lenght", "did you mean 'hop_length'"))):
                self.refused(*way, "--set", value, saying=saying)

    def test_an_unknown_preset_names_the_nearest(self):
        self.refused("--preset", "hifi-gan", saying=("unknown preset 'hifi-gan'", "'hifigan'"))

    def test_a_preset_and_a_model_together(self):
        self.refused("--preset", "hifigan", "-m", stylet.ROOT / "models" / "default", saying="both given")


if __name__ == "__main__":
    tap.main()
