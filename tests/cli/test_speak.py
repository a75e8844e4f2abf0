"""`stylet speak`: speech in the manner of a reference, measured by a plain autocorrelation of its own."""
import io
import json
import re
import shutil
import subprocess
import sys
import wave

import numpy as np

import stylet
import tap

TEXT = "The quick brown fox jumps over the lazy dog, and nobody was there to see it."
CLIP = stylet.FIXTURES / "b_fast.wav"


def read_wav(source):
    with wave.open(source if hasattr(source, "read") else str(source)) as w:
        assert (w.getnchannels(), w.getsampwidth()) == (1, 2)
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(float) / 32768, w.getframerate()


def f0_values(x, rate):
    """Over frames of 50 ms, the best autocorrelation peak between 60 and 500 Hz."""
    size, found = int(0.05 * rate), []
    loud = np.sqrt((x ** 2).mean())
    for start in range(0, len(x) - 2 * size, size // 2):
        frame = x[start:start + size]
        if np.sqrt((frame ** 2).mean()) < loud / 2:  # of too few frames the median jumps
            continue
        low, high = int(rate / 500), int(rate / 60)
        r = np.array([(frame * x[start + lag:start + lag + size]).sum() /
                      np.sqrt((frame ** 2).sum() * (x[start + lag:start + lag + size] ** 2).sum() + 1e-12)
                      for lag in range(low, high)])
        if r.max() > 0.7:
            # the first peak that is nearly as high as the highest: not its multiples
            peaks = [k for k in range(1, len(r) - 1) if r[k] > r[k - 1] and r[k] >= r[k + 1] and r[k] > r.max() - 0.08]
            if peaks:
                found.append(rate / (low + peaks[0]))
    return np.array(found)


def median_f0(x, rate):
    return float(np.median(f0_values(x, rate)))


def range_f0(x, rate):
    low, high = np.percentile(f0_values(x, rate), [10, 90])
    return semitones(high, low)


def level_db(x, rate):
    """RMS of the frames of 10 ms within 30 dB of the loud ones."""
    hop = rate // 100
    power = (x[:len(x) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    level = 10 * np.log10(np.convolve(np.pad(power, 1, "edge"), np.ones(3) / 3, "valid") + 1e-10)
    return 10 * np.log10((10 ** (level[level > np.percentile(level, 95) - 30] / 10)).mean())


def sounding(x, rate):
    """Seconds of frames of 10 ms within 30 dB of the loud ones."""
    level = 10 * np.log10((x[:len(x) // (rate // 100) * (rate // 100)].reshape(-1, rate // 100) ** 2).mean(1) + 1e-10)
    return (level > np.percentile(level, 95) - 30).sum() / 100


def semitones(a, b):
    return 12 * np.log2(a / b)


class Speak(stylet.Case):
    def wav(self, *args, name="out.wav", **how):
        path = self.scratch / name
        self.ok("speak", *args, "-o", path, "--overwrite", **how)
        return read_wav(path)

    def report(self, *args, **how):
        return json.loads(self.ok("speak", *args, "--dry-run", "--json", **how).stdout)

    # ---- what is spoken ----

    def test_pitch_and_level_follow_the_clip(self):
        x, rate = read_wav(CLIP)
        y, out_rate = self.wav("--like", CLIP, TEXT)
        self.assertLess(abs(semitones(median_f0(y, out_rate), median_f0(x, rate))), 1)  # the bar
        self.assertLess(abs(level_db(y, out_rate) - level_db(x, rate)), 0.5)  # two resolutions of one definition

    def test_strength_zero_is_the_plain_voice(self):
        if not shutil.which("espeak-ng"):
            self.skipTest("no espeak-ng program")
        for voice in "en+f2", "fr", "de+m3":
            name = voice if "+" in voice else voice + "+none"
            self.wav("--like", CLIP, "--voice", name, "--strength", 0, TEXT)
            subprocess.run(["espeak-ng", "-v", voice, "-w", self.scratch / "plain.wav", TEXT], check=True)
            self.assertEqual((self.scratch / "out.wav").read_bytes()[44:], (self.scratch / "plain.wav").read_bytes()[44:], voice)

    def test_the_same_words_are_the_same_bytes(self):
        for voice in "en", "en+f2", "de+steph":  # the last two are breathy: their noise comes from rand()
            first = self.ok("speak", "--like", CLIP, "--voice", voice, TEXT, "-o", "-").stdout
            self.assertEqual(first, self.ok("speak", "--like", CLIP, "--voice", voice, TEXT, "-o", "-").stdout)
            self.assertGreater(len(first), 50000)

    def test_strength_goes_half_way(self):
        plain, half, full = (self.report("--like", CLIP, "--voice", "en+m3", "--strength", s, TEXT) for s in (0, 0.5, 1))
        self.assertEqual(plain["reached"], plain["voice"])
        middle = np.sqrt(plain["reached"]["f0_hz"] * full["reached"]["f0_hz"])
        self.assertLess(abs(semitones(half["reached"]["f0_hz"], middle)), 0.5)

    def test_set_comes_on_top(self):
        base = self.report("--like", CLIP, "--voice", "en+m3", TEXT)["wanted"]
        moved = self.report("--like", CLIP, "--voice", "en+m3", TEXT, "--set", "pitch=+2st,rate=1.2,range=0.5,level=-3dB")
        want = moved["wanted"]
        self.assertAlmostEqual(semitones(want["f0_hz"], base["f0_hz"]), 2, places=4)
        self.assertAlmostEqual(want["rate_syl_s"] / base["rate_syl_s"], 1.2, places=4)
        self.assertAlmostEqual(want["f0_range_st"] / base["f0_range_st"], 0.5, places=4)
        self.assertAlmostEqual(want["level_dbfs"] - base["level_dbfs"], -3, places=4)
        got = moved["reached"]
        self.assertLess(abs(semitones(got["f0_hz"], want["f0_hz"])), 0.5)
        self.assertLess(abs(got["rate_syl_s"] / want["rate_syl_s"] - 1), 0.05)
        self.assertLess(abs(got["level_dbfs"] - want["level_dbfs"]), 0.1)

    def test_set_alone_needs_no_reference_and_no_model(self):
        y, rate = self.wav("--set", "pitch=150Hz,level=-30dBFS", "--voice", "en", TEXT, env={"STYLET_MODEL": "/nowhere"})
        self.assertLess(abs(semitones(median_f0(y, rate), 150)), 1)
        self.assertLess(abs(level_db(y, rate) + 30), 0.5)

    def test_ranges_go_beyond_the_scale_of_espeak(self):
        how = "--voice", "en+m3", TEXT
        report = self.report("--set", "pitch=160Hz,range=12st", *how)
        self.assertGreater(report["settings"]["high"], 118)  # of that voice's own file
        self.assertIn('range="+98%"', self.ok("speak", "--set", "pitch=160Hz,range=12st", *how, "--ssml-for", "espeak-ng").stdout.decode())
        ranges, reached = [], []
        for st in 4, 8, 12:
            change = "--set", f"pitch=160Hz,range={st}st"
            ranges.append(range_f0(*self.wav(*change, *how)))
            # by the program: the frames that this file's autocorrelation keeps are the loud, high ones of a wide melody
            report = self.report(*change, *how)
            reached.append(report["reached"]["f0_range_st"])
            self.assertLess(abs(semitones(report["reached"]["f0_hz"], 160)), 1)
            if report["settings"]["high"]:
                self.assertGreaterEqual(report["settings"]["low"], 34)  # below, espeak-ng reads outside its tables
        self.assertLess(abs(ranges[0] - 4), 1)
        self.assertGreater(min(ranges[1:]), 6.2)  # where the scale ends for this voice, at its own pitch
        self.assertGreater(reached[2], reached[1] + 0.5)
        self.assertEqual(self.ok("speak", "--set", "range=30st", "--voice", "en+f2", TEXT, "-o", "-").stdout,
                         self.ok("speak", "--set", "range=30st", "--voice", "en+f2", TEXT, "-o", "-").stdout)

    def test_faster_is_shorter(self):
        slow, fast = (len(self.wav("--set", f"rate={r}", "--voice", "en", TEXT)[0]) for r in (0.8, 1.6))
        self.assertGreater(slow / fast, 1.6)

    def test_loud_speech_is_rounded_off_and_never_clips(self):
        y, rate = self.wav("--set", "level=-10dBFS", "--voice", "en", TEXT)
        self.assertLess(np.abs(y).max(), 1)
        self.assertLess(abs(level_db(y, rate) + 10), 1)

    # ---- references ----

    def test_a_stored_vector_is_read_as_the_clip_it_is_of(self):
        for name in "styles.npz", "styles.jsonl":
            self.ok("extract", "-w", "style", "-o", self.scratch / name, CLIP, stylet.FIXTURES / "a_en.wav")
            stored = self.report("--like", f"{self.scratch / name}#b_fast", TEXT)
            self.assertEqual(stored["kind"], "style vector")
            prosody = self.records("extract", "-w", "prosody", CLIP)[0]["prosody"]
            for label in "f0_hz", "rate_syl_s", "level_dbfs", "tilt_db_oct":
                self.assertAlmostEqual(stored["reference"][label], prosody[label], places=3)  # float32 through a file

    def test_a_mix_lies_between_its_sources(self):
        sources = [stylet.FIXTURES / "a_en.wav", CLIP]
        ends = [self.report("--from", s, TEXT)["reference"]["f0_hz"] for s in sources]
        mixed = self.report("--from", f"{sources[0]}:0.5", "--from", f"{sources[1]}:0.5", TEXT)
        self.assertEqual(mixed["kind"], "mix")
        # the readout is linear in log2 Hz
        self.assertLess(abs(semitones(mixed["reference"]["f0_hz"], np.sqrt(ends[0] * ends[1]))), 0.01)

    def test_tokens_make_a_reference(self):
        tokens = [f"--token={k}=0.1" for k in range(10)]
        first = self.report(*tokens, TEXT)["reference"]
        other = self.report(*tokens, "--token", "6=0.6", TEXT)["reference"]
        self.assertNotEqual(first, other)

    def test_the_voice_is_chosen_by_the_reference(self):
        chosen = {}
        for hz in 80, 230:
            clip = self.scratch / f"{hz}.wav"
            self.ok("speak", "--set", f"pitch={hz}Hz", "--voice", "en+m3" if hz < 150 else "en+f2", TEXT, "-o", clip)
            report = self.report("--like", clip, TEXT)
            chosen[hz] = report["variant"]
            self.assertLess(abs(semitones(report["reached"]["f0_hz"], report["reference"]["f0_hz"])), 1)
            self.assertEqual(report["not_reached"], [])
        self.assertNotEqual(chosen[80], chosen[230])

    def test_known_words_make_the_rate_exact(self):
        words = "Please leave your message after the tone, and we will call you back tomorrow morning."
        (self.scratch / "words").write_text(words + "\n")
        clip = self.scratch / "clip.wav"
        for rate in 0.8, 1.5:
            x, hz = self.wav("--set", f"rate={rate}", "--voice", "en+m3", words, name="clip.wav")
            y, _ = self.wav("--like", clip, "--like-text", words, "--voice", "en+m3", words)
            self.assertLess(abs(sounding(y, hz) / sounding(x, hz) - 1), 0.05, rate)
        z, _ = self.wav("--like", clip, "--like-text", f"@{self.scratch / 'words'}", "--voice", "en+m3", words)
        self.assertTrue(np.array_equal(y, z))
        how = "--like", clip, "--like-text", words
        rates = [self.report(*how, "--voice", v, text)["reference"]["rate_syl_s"] for v, text in (("en", TEXT), ("ru", "Доброе утро."))]
        self.assertEqual(*rates)  # its letters are not those of the Russian text: English either way

    def test_syllables_are_counted_where_the_words_are_not_known(self):
        words = "Please leave your message after the tone, and we will call you back tomorrow morning."
        clip = self.scratch / "clip.wav"
        for voice, rate, level in (("en+m3", 0.8, -15), ("en+f2", 1.0, -30), ("en+m7", 1.5, -40)):
            self.wav("--set", f"rate={rate},level={level}dBFS", "--voice", voice, words, name="clip.wav")
            heard, known = (self.report("--like", clip, *how, TEXT)["reference"]["rate_syl_s"] for how in ((), ("--like-text", words)))
            self.assertLess(abs(heard / known - 1), 0.1, (voice, rate))  # the bar

    # ---- texts ----

    def test_text_comes_from_a_file_or_standard_input(self):
        want = self.ok("speak", "--like", CLIP, TEXT, "-o", "-").stdout
        (self.scratch / "text").write_text(TEXT)
        self.assertEqual(want, self.ok("speak", "--like", CLIP, "--text-file", self.scratch / "text", "-o", "-").stdout)
        self.assertEqual(want, self.ok("speak", "--like", CLIP, "-o", "-", stdin=TEXT.encode()).stdout)
        self.assertGreater(read_wav(io.BytesIO(want))[0].size, 20000)

    def test_the_language_follows_the_letters(self):
        self.assertEqual(self.report("--like", CLIP, "Доброе утро, товарищи.")["language"], "ru")
        self.assertEqual(self.report("--like", CLIP, TEXT)["language"], "en")
        args = "speak", "--like", CLIP, "Guten Morgen, schöne Welt.", "--dry-run"
        self.assertIn("--voice de", self.ok(*args).err)
        self.assertNotIn("--voice", self.ok(*args, "--voice", "de").err)

    def test_markup_in_a_text_is_read_as_text(self):
        report = self.report("--like", CLIP, "--voice", "en", "Is a < b & c > d?")
        self.assertGreater(report["duration"], 1)

    # ---- SSML and reports ----

    def say_ssml(self, ssml, voice):
        subprocess.run(["espeak-ng", "-v", voice, "-m", "-w", self.scratch / "ssml.wav", ssml], check=True)
        return read_wav(self.scratch / "ssml.wav")

    def test_ssml_for_espeak_gives_the_goal_in_espeak(self):
        if not shutil.which("espeak-ng"):
            self.skipTest("no espeak-ng program")
        for voice, change in (("en+m3", "pitch=+3st,rate=1.2"), ("en+f2", "pitch=-2st,rate=0.8,range=0.5")):
            how = "--like", CLIP, "--voice", voice, "--set", change, TEXT
            ssml = self.ok("speak", *how, "--ssml-for", "espeak-ng").stdout.decode()
            (x, rate), (y, _) = self.say_ssml(ssml, voice), self.wav(*how)
            # whole percent, two syntheses: up to 0.62 over sixteen rates and weights; their medians, which
            # fall now on one tone of the melody and now on the next, differ by up to 1.13
            off = 12 * (np.log2(f0_values(x, rate)).mean() - np.log2(f0_values(y, rate)).mean())
            self.assertLess(abs(off), 0.75)
            # the pauses before, between and behind are a document's; whole percent of the rate
            self.assertLess(abs(sounding(x, rate) / sounding(y, rate) - 1), 0.03)

    def test_ssml_for_any_engine_moves_espeak_the_same_way(self):
        if not shutil.which("espeak-ng"):
            self.skipTest("no espeak-ng program")
        how = "--like", CLIP, "--voice", "en+m3", "Salt & pepper, please; nobody was there to see it."
        (plain, rate), _ = self.wav(*how, "--strength", 0), None
        for change in "pitch=+3st,rate=1.3", "pitch=-9st,rate=0.7":
            ssml = self.ok("speak", *how, "--set", change, "--ssml").stdout.decode()
            self.assertIn("Salt &amp; pepper", ssml)
            pitch, tempo = float(re.search(r'pitch="([-+]\d+)%"', ssml)[1]), float(re.search(r'rate="(\d+)%"', ssml)[1])
            x, _ = self.say_ssml(ssml, "en+m3")
            moved = semitones(median_f0(x, rate), median_f0(plain, rate))
            wanted = semitones(1 + pitch / 100, 1)
            # of pitch espeak-ng moves the lower end of the melody only, and by less: a quarter of the way at least
            self.assertGreater(moved / wanted, 0.25, change)
            self.assertLess(moved / wanted, 1.2, change)
            self.assertLess(abs(len(plain) / len(x) * 100 / tempo - 1), 0.15, change)  # pauses do not follow the rate

    def test_the_report_is_words_for_people(self):
        text = self.ok("speak", "--like", CLIP, "--voice", "en+m3", "--set", "pitch=450Hz,rate=20syl/s", TEXT, "--dry-run").stdout.decode()
        self.assertIn("en+m3", text)
        self.assertRegex(text, r"rate: 20.00 syllables/s wanted, [\d.]+ reached: the end of this voice's scale")
        said = self.ok("speak", "--like", CLIP, "--voice", "en+m3", "--set", "rate=20syl/s", TEXT, "-o", self.scratch / "a.wav").err
        self.assertRegex(said, r"not reached: rate: 20.00 syllables/s wanted")

    def test_what_was_not_attempted_is_not_reached(self):
        self.ok("extract", "-w", "style", "-o", self.scratch / "styles.npz", CLIP)
        args = "speak", "--like", f"{self.scratch / 'styles.npz'}#{CLIP.stem}", "--voice", "en", "Good.", "--dry-run"
        text = self.ok(*args).stdout.decode()
        self.assertRegex(text, r"rate: [\d.]+ syllables/s in the reference, not set")
        self.assertNotIn("all of it", text)

    # ---- errors leave no file ----

    def refuses(self, code, *args, saying=(), **how):
        out = self.scratch / "refused.wav"
        self.fails(code, "speak", *args, "-o", out, saying=saying, **how)
        self.assertFalse(out.exists())
        self.assertEqual([p.name for p in self.scratch.iterdir() if "refused" in p.name], [])

    def test_references_without_speech_are_refused(self):
        r = np.random.default_rng(5)
        t = np.arange(48000) / 16000
        melody = np.concatenate([np.sin(2 * np.pi * f * t[:6400]) * np.exp(-3 * t[:6400]) for f in (262, 330, 392, 523, 440, 349)])
        for name, x, words in (("silence", 0 * t, "silent"), ("tiny", 0.3 * np.sin(2 * np.pi * 200 * t[:160]), "at least 0.2 s"), ("noise", 0.1 * r.standard_normal(48000), "no voice"),
                               ("tone", 0.3 * np.sin(2 * np.pi * 200 * t), "music"), ("melody", 0.4 * melody, "music")):
            clip = stylet.write_wav(self.scratch / f"{name}.wav", x)
            self.refuses(3, "--like", clip, TEXT, saying=[name, words])
        self.refuses(3, "--like", stylet.ROOT / "LICENSE", TEXT, saying="LICENSE")
        self.refuses(3, "--like", self.scratch / "none.wav", TEXT, saying="none.wav")

    def test_voices_and_texts_that_do_not_go_are_refused(self):
        self.refuses(2, "--like", CLIP, "--voice", "xx", TEXT, saying="no voice 'xx'")
        self.refuses(2, "--like", CLIP, "--voice", "en+f22", TEXT, saying=["f22", "did you mean"])
        self.refuses(2, "--like", CLIP, "--voice", "en", "Доброе утро", saying=["Cyrillic", "--voice ru"])
        self.refuses(2, "--like", CLIP, "བཀྲ་ཤིས་བདེ་ལེགས", saying="Tibetan")
        self.refuses(2, "--like", CLIP, "", saying="empty")
        self.refuses(2, "--like", CLIP, "--voice", "en", "...", saying="nothing to say")
        self.refuses(2, "--like", CLIP, stdin=b"\xff\xfe", saying="UTF-8")
        self.refuses(2, "--like", CLIP, stdin=b"a\0b", saying="zero bytes")
        self.refuses(2, "--like", CLIP, "one", "two", saying="quote")

    def test_options_that_do_not_go_are_refused(self):
        self.refuses(2, TEXT, saying="no reference")
        self.refuses(2, "--like", CLIP, "--from", CLIP, TEXT, saying="--from")
        self.refuses(2, "--like", CLIP, "--strength", "2", TEXT, saying="0 to 1")
        for bad in "pitch", "pitch=2st", "volume=3", "rate=+1.2", "level=-3", "pitch=+99st", "rate=nan", "":
            self.refuses(2, "--like", CLIP, "--set", bad, TEXT, saying="--set")
        self.fails(2, "speak", "--like", CLIP, TEXT, saying="-o is missing")
        self.fails(2, "speak", "--like", CLIP, TEXT, "--ssml", "-o", self.scratch / "a.wav", saying="--ssml")
        self.fails(2, "speak", "--like", CLIP, TEXT, "--json", "-o", "-", saying="--json")
        self.refuses(2, "-m", stylet.ROOT / "models/examples/style_token_attention", "--like", CLIP, TEXT, saying="f0_hz")

    def test_words_that_do_not_go_are_refused(self):
        self.ok("extract", "-w", "style", "-o", self.scratch / "styles.npz", CLIP)
        self.refuses(2, "--like", f"{self.scratch / 'styles.npz'}#b_fast", "--like-text", "Hello there.", TEXT, saying="needs a clip")
        self.refuses(2, "--from", CLIP, "--like-text", "Hello there.", TEXT, saying="without --like")
        self.refuses(2, "--like", CLIP, "--like-text", " ".join([TEXT] * 20), TEXT, saying=["of another clip", "b_fast"])
        self.refuses(2, "--like", CLIP, "--like-text", "...", TEXT, saying=["--like-text", "nothing to say"])
        self.fails(3, "speak", "--like", CLIP, "--like-text", f"@{self.scratch / 'none'}", TEXT, "-o", self.scratch / "a.wav", saying="none")

    def test_outputs_that_cannot_be_written_are_refused(self):
        taken = self.scratch / "taken.wav"
        taken.write_bytes(b"here")
        self.fails(2, "speak", "--like", CLIP, TEXT, "-o", taken, saying="taken.wav")
        self.assertEqual(taken.read_bytes(), b"here")
        self.fails(2, "speak", "--like", CLIP, TEXT, "-o", self.scratch / "none" / "a.wav", saying="none")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([stylet.STYLET, "speak", "--like", CLIP, TEXT, "-o", "-"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 75, done.stderr)

    def test_espeak_without_data_is_told(self):
        (self.scratch / "espeak-ng-data").mkdir()
        self.refuses(2, "--like", CLIP, TEXT, saying="espeak-ng-data", env={"ESPEAK_DATA_PATH": str(self.scratch)})

    # ---- cost ----

    def test_ten_seconds_take_less_than_100_megabytes(self):
        if "asan" in stylet.STYLET or "tsan" in stylet.STYLET:
            self.skipTest("a sanitizer's memory is not the program's")
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        out = self.scratch / "long.wav"
        done = subprocess.run([sys.executable, "-c", code, stylet.STYLET, "speak", "-q", "--like", CLIP, " ".join([TEXT] * 3), "-o", out],
                              stdout=subprocess.PIPE, check=True)
        x, rate = read_wav(out)
        self.assertGreater(len(x) / rate, 10)
        self.assertLess(int(done.stdout), 100 * 1024)


class Start(stylet.Case):
    def test_other_commands_do_not_load_espeak(self):
        if sys.platform != "linux":
            self.skipTest("needs LD_DEBUG")
        done = self.ok("extract", CLIP, env={"LD_DEBUG": "libs"})
        self.assertNotIn("espeak", done.err)
        self.assertIn("espeak", self.ok("speak", "--like", CLIP, TEXT, "-o", "-", env={"LD_DEBUG": "libs"}).err)


if __name__ == "__main__":
    tap.main()
