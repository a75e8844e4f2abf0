"""`stylet inspect` and `stylet mel`: what a person and what an array reader gets."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import numpy as np
import stylet
import tap

CLIP = stylet.FIXTURES / "a_en.wav"


class Inspect(stylet.Case):
    def test_people_read_clip_front_end_and_weights_per_head(self):
        text = self.ok("inspect", CLIP, env={"LC_ALL": "C.UTF-8", "TERM": "xterm"}).stdout.decode()
        for part in ("5.82 s, 16000 Hz, 1 channel", "sample_rate=16000", "frames x 80 bins", "style     256 values",
                     "entropy", "effective tokens", "mean of 8 heads", "█"):
            self.assertIn(part, text)
        self.assertEqual(sum(line.endswith("of 10") for line in text.splitlines()), 8)

    def test_a_dumb_terminal_gets_plain_ascii(self):
        text = self.ok("inspect", CLIP, env={"LC_ALL": "C", "TERM": "dumb"}).stdout
        self.assertTrue(text.isascii())
        self.assertIn(b"#####", text)

    def terminal(self, *args, columns=80, **env):
        """What a terminal of so many columns gets to see, line by line."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        child = subprocess.Popen([stylet.STYLET, "inspect", *map(str, args)], stdin=slave, stdout=slave, stderr=subprocess.DEVNULL,
                                 env={**clean, "LC_ALL": "C.UTF-8", "TERM": "xterm", **env})
        os.close(slave)
        seen = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(master)
        self.assertEqual(child.wait(), 0)
        return seen.decode().replace("\r", "").splitlines()

    def test_a_terminal_gets_colour_unless_told(self):
        lines = self.terminal(CLIP)
        self.assertTrue(any("\x1b[36m" in line for line in lines))
        plain = self.terminal(CLIP, NO_COLOR="1")
        self.assertFalse(any("\x1b" in line for line in plain))
        self.assertEqual([re.sub("\x1b\\[\\d+m", "", line) for line in lines], plain)
        self.assertNotIn(b"\x1b", self.ok("inspect", CLIP, env={"TERM": "xterm"}).stdout)  # a pipe

    def test_bars_are_as_wide_as_the_terminal(self):
        for columns in (60, 80, 132):
            bars = [line for line in self.terminal(CLIP, columns=columns, NO_COLOR="1") if re.match(r" +\d  0\.\d+ █", line)]
            self.assertEqual(len(bars), 10)
            self.assertEqual(max(map(len, bars)), columns - 1, bars)

    def test_many_tokens_share_cells_on_a_narrow_terminal(self):
        model = self.scratch / "m"
        subprocess.run([sys.executable, stylet.ROOT / "scripts" / "convert_checkpoint.py",
                        stylet.golden("families/espnet_gst/espnet_gst.pt"), "-o", model, "--family", "espnet-gst"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        clip = stylet.golden("clips/24000") / "me_example2.wav"
        for columns, shared in ((80, 3), (120, 1)):
            lines = self.terminal("-m", model, clip, columns=columns, NO_COLOR="1")
            heads = [line for line in lines if line.endswith("of 32")]
            self.assertEqual(len(heads), 8)
            self.assertLessEqual(max(map(len, heads)), columns)
            self.assertEqual(any(f"largest of {shared} neighbouring tokens" in line for line in lines), shared > 1)

    def test_json_says_the_same_as_extract(self):
        report = json.loads(self.ok("inspect", "--json", CLIP).stdout)
        record, = self.records("extract", "-w", "style,token_weights", CLIP)
        self.assertEqual(report["style"], record["style"])
        self.assertEqual(report["token_weights"], record["token_weights"])
        weights = np.array(report["token_weights"])
        self.assertEqual([h["dominant_token"] for h in report["heads"]], weights.argmax(axis=1).tolist())
        entropy = -(weights * np.log(weights)).sum(axis=1)
        np.testing.assert_allclose([h["entropy"] for h in report["heads"]], entropy, atol=1e-5)
        np.testing.assert_allclose([h["effective_tokens"] for h in report["heads"]], np.exp(entropy), atol=1e-4)

    def test_stages_are_written_as_arrays_and_end_in_the_outputs(self):
        folder = self.scratch / "stages"
        report = json.loads(self.ok("inspect", "--json", "--dump-stages", folder, CLIP).stdout)
        stages = {name.split("-", 1)[1][:-4]: np.load(folder / name) for name in sorted(os.listdir(folder))}
        for name in ("samples", "features", "conv0", "gru", "stl", "stl.attention"):
            self.assertIn(name, stages)
        self.assertEqual(stages["features"].shape, (report["num_frames"], 80))
        np.testing.assert_array_equal(stages["stl"], np.float32(report["style"]))
        np.testing.assert_array_equal(stages["stl.attention"], np.float32(report["token_weights"]))

    def test_a_single_bad_file_exits_with_3(self):
        self.fails(3, "inspect", self.scratch / "absent.wav", saying="cannot find")


class Mel(stylet.Case):
    def test_standard_output_carries_the_array_itself(self):
        self.ok("mel", CLIP, "-o", self.scratch / "mel.npy")
        self.assertEqual(self.ok("mel", CLIP).stdout, (self.scratch / "mel.npy").read_bytes())
        self.assertEqual(np.load(self.scratch / "mel.npy").shape[1], 80)

    def test_silence_gives_the_floor_of_the_range(self):
        silence = stylet.write_wav(self.scratch / "silence.wav", np.zeros(16000))
        self.ok("mel", "--set", "trim=none", silence, "-o", self.scratch / "mel.npy")
        np.testing.assert_allclose(np.load(self.scratch / "mel.npy"), (10 * np.log10(1e-7) + 35) / 20, atol=1e-6)

    def test_a_clip_not_longer_than_the_reflection_is_too_short(self):
        short = stylet.write_wav(self.scratch / "short.wav", stylet.voice(0.032))
        self.fails(3, "mel", "--set", "trim=none", short, saying=["short.wav", "at least 513", "0.032 s"])
        enough = stylet.write_wav(self.scratch / "enough.wav", stylet.voice(0.0321)[:513])
        self.ok("mel", "--set", "trim=none", enough, "-o", self.scratch / "mel.npy")


if __name__ == "__main__":
    tap.main()
