"""Long recordings: memory that does not grow with them, or a limit that is said. Not for sanitizers, which take their own."""
import json
import os
import resource
import subprocess

import numpy as np
import stylet
import tap

MEGABYTE = 1 << 20


def sparse_wav(path, seconds, rate=16000):
    """Silence that takes no room on the disk."""
    n = int(seconds * rate) * 2
    head = b"RIFF" + (n + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") * 2 + rate.to_bytes(4, "little") + (2 * rate).to_bytes(4, "little")
    head += (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + n.to_bytes(4, "little")
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + n)
    return path


class Long(stylet.Case):
    def peak(self, *args, stdin=None):
        """Megabytes of the largest process that a run had."""
        code = ("import resource, subprocess, sys\n"
                "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
                "sys.exit(done.returncode)")
        done = subprocess.run([os.environ.get("PYTHON", "python3"), "-c", code, stylet.STYLET, *map(str, args)], stdin=stdin,
                              capture_output=True, cwd=stylet.ROOT, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return int(done.stdout) / 1024

    def test_an_hour_takes_the_memory_of_five_minutes(self):
        five = self.peak("extract", "-j", 1, sparse_wav(self.scratch / "five.wav", 300))
        hour = self.peak("extract", "-j", 1, sparse_wav(self.scratch / "hour.wav", 3600))
        self.assertLess(hour, 100)
        self.assertLess(hour, five + 8)  # an hour of samples alone would be 230 MB

    def test_an_hour_from_a_pipe_takes_no_more(self):
        path = sparse_wav(self.scratch / "hour.wav", 3600)
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            self.assertLess(self.peak("extract", "-j", 1, "-", stdin=cat.stdout), 160)  # 48 of the pipe lie in memory

    def test_pieces_of_an_hour_take_no_more(self):
        path = sparse_wav(self.scratch / "hour.wav", 3600)
        self.assertLess(self.peak("extract", "-j", 1, "--chunk", 60, path), 100)

    def test_what_must_be_seen_whole_has_a_limit_that_is_said(self):
        model = stylet.ROOT / "models" / "examples" / "multi_head_attention"
        bins = 20
        name, = (layer["name"] for layer in json.loads((model / "manifest.json").read_text())["layers"]
                 if layer["type"] == "multi_head_attention")
        np.save(self.scratch / "long.npy", np.zeros((60000, bins), np.float32))
        limit = 3 << 30

        def limited():
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        done = subprocess.run([stylet.STYLET, "extract", "-j", "1", "-m", model, "-w", f"{name}.attention", self.scratch / "long.npy"],
                              capture_output=True, cwd=stylet.ROOT, preexec_fn=limited, timeout=300)
        self.assertEqual(done.returncode, 3, done.stderr.decode())
        self.assertIn(b'"code":"too_long"', done.stdout)
        self.assertIn(b"GB of memory", done.stdout)
        self.assertIn(b"--window", done.stdout)


if __name__ == "__main__":
    tap.main()
