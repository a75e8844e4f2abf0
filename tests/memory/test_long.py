"""Memory: what does not grow with a recording, what has a limit that is said, what workers share. Not for sanitizers,
which take their own."""
import ctypes
import hashlib
import json
import os
import pathlib
import re
import resource
import subprocess
import time

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

    def test_an_hour_is_inspected_in_no_more(self):
        self.assertLess(self.peak("inspect", sparse_wav(self.scratch / "hour.wav", 3600)), 100)

    def test_an_hour_from_a_pipe_takes_no_more(self):
        path = sparse_wav(self.scratch / "hour.wav", 3600)
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            self.assertLess(self.peak("extract", "-j", 1, "-", stdin=cat.stdout), 160)  # 48 of the pipe lie in memory

    def test_pieces_of_an_hour_take_no_more(self):
        path = sparse_wav(self.scratch / "hour.wav", 3600)
        self.assertLess(self.peak("extract", "-j", 1, "--chunk", 60, path), 100)

    def test_features_of_an_hour_are_written_as_they_come(self):
        hour, out = sparse_wav(self.scratch / "hour.wav", 3600), self.scratch / "mel.npy"
        self.assertLess(self.peak("mel", hour, "-o", out), 64)  # they are 72 MB, its samples 230
        rows = np.load(out, mmap_mode="r")
        self.assertEqual(rows.shape[1], 80)
        self.assertGreaterEqual(len(rows), 225000)
        with subprocess.Popen(["cat", hour], stdout=subprocess.PIPE) as cat:
            self.assertLess(self.peak("mel", "-", stdin=cat.stdout), 128)  # 48 of the pipe lie in memory

    def test_features_are_the_bytes_of_a_clip_that_is_held(self):
        wav = stylet.write_wav(self.scratch / "long.wav", np.random.default_rng(1).uniform(-1, 1, 280 * 16000))
        plan = [f"--set={name}" for name in ("sample_rate=16000", "fmax=8000", "n_fft=256", "hop_length=256", "win_length=256",
                                             "trim=30", "level=peak", "pre_emphasis=0.97")]
        for name, more in (("whole", ["--dump-stages", self.scratch / "steps"]), ("rows", [])):
            self.ok("mel", "--preset", "tacotron2", *plan, *more, wav, "-o", self.scratch / name)
        whole, rows = ((self.scratch / name).read_bytes() for name in ("whole", "rows"))
        self.assertTrue(whole == rows)  # no diff of megabytes
        step, = (self.scratch / "steps").glob("*-features.npy")
        self.assertTrue(step.read_bytes() == rows)

    def test_every_step_of_a_clip_has_a_limit_that_is_said(self):
        hour = sparse_wav(self.scratch / "hour.wav", 3600)
        for command in ("mel", "inspect"):
            done = subprocess.run([stylet.STYLET, command, "--dump-stages", self.scratch / "steps", hour], capture_output=True, text=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("every step of 3600 s needs 1.0 GB of memory, 0.", done.stderr)

    def model_of(self, tensors, layers):
        """A folder with a model of 20 bins whose output is the last layer's."""
        folder = self.scratch / "model"
        folder.mkdir()
        stylet.write_safetensors(folder / "weights.safetensors", tensors)
        digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
        shapes = {name: {"dtype": "F32", "shape": list(array.shape)} for name, array in tensors.items()}
        (folder / "manifest.json").write_text(json.dumps({
            "format": "stylet", "version": 1, "name": "wide", "front_end": {"sample_rate": 16000, "n_mels": 20},
            "weights": [{"file": "weights.safetensors", "sha256": digest, "tensors": shapes}],
            "layers": layers, "outputs": {"style": {"from": layers[-1]["name"]}}}))
        return folder

    def wide_model(self):
        """2048 channels that are normalised over the whole clip: 16 kB a frame."""
        generator = np.random.default_rng(1)
        return self.model_of({"in.weight": generator.normal(size=(2048, 20)), "in.bias": generator.normal(size=2048)},
                             [{"name": "in", "type": "linear", "units": 2048},
                              {"name": "norm", "type": "instance_norm", "affine": False}, {"name": "mean", "type": "pool"}])

    def limited(self, frames, limit, *args, copies=1):
        """Errors of a run over so many clips of so many frames in so much address space."""
        inputs = [self.scratch / f"{i}.npy" for i in range(copies)]
        for path in inputs:
            np.save(path, np.ones((frames, 20), np.float32))
        done = subprocess.run([stylet.STYLET, "extract", "-m", self.scratch / "model", *map(str, args), *inputs], capture_output=True,
                              cwd=stylet.ROOT, timeout=300, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(records), copies, done.stderr.decode())
        return [record.get("error") for record in records]

    def test_windows_of_an_hour_take_no_more(self):
        sound, out = sparse_wav(self.scratch / "hour.wav", 3600), self.scratch / "out.npy"
        five = self.peak("extract", "-j", 1, "--window", 10, "-o", out, sparse_wav(self.scratch / "five.wav", 300))
        self.assertLess(self.peak("extract", "-j", 1, "--overwrite", "--window", 10, "-o", out, sound), five + 8)
        self.assertEqual(len(np.load(out)), 360)

    def test_what_must_be_seen_whole_has_a_limit_that_is_said(self):
        self.wide_model()
        error, = self.limited(200000, 3 << 30, "-j", 1)
        self.assertEqual(error["code"], "too_long")
        for text in ["200000 frames", "GB of memory", "--window"]:
            self.assertIn(text, error["message"])
        self.assertNotIn("workers", error["message"])

    def test_workers_share_the_memory_that_is_there(self):
        self.wide_model()
        self.assertEqual(self.limited(20000, 2 << 30, "-j", 1, copies=8), [None] * 8)
        errors = self.limited(20000, 2 << 30, "-j", 8, copies=8)
        self.assertEqual([error["code"] for error in errors], ["too_long"] * 8)
        self.assertIn("for each of 8 workers", errors[0]["message"])
        self.assertEqual(self.limited(20000, 2 << 30, "-j", 8), [None])  # one input, hence one worker

    def test_workers_have_the_weights_in_common(self):
        model = self.model_of({"a.weight": np.ones((4096, 20)), "a.bias": np.zeros(4096), "b.weight": np.ones((4096, 4096)),
                               "b.bias": np.zeros(4096), "c.weight": np.ones((4, 4096)), "c.bias": np.zeros(4)},
                              [{"name": name, "type": "linear", "units": units} for name, units in [("a", 4096), ("b", 4096), ("c", 4)]]
                              + [{"name": "mean", "type": "pool"}])
        np.save(self.scratch / "x.npy", np.ones((50, 20), np.float32))
        line = json.dumps({"path": str(self.scratch / "x.npy")}).encode() + b"\n"
        with subprocess.Popen([stylet.STYLET, "extract", "-m", model, "-j", "2", "--json-input", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, cwd=stylet.ROOT) as run:
            run.stdin.write(2 * line)
            run.stdin.flush()
            for _ in range(2):  # both have answered; now they wait for more
                self.assertEqual(json.loads(run.stdout.readline())["status"], "ok")
            workers = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            sizes = [self.megabytes_of(worker) for worker in workers]
            run.stdin.close()
            run.stdout.read()
        self.assertEqual(len(workers), 2)
        for there, own in sizes:
            self.assertGreater(there, 64)  # the weights, read and packed
            self.assertLess(own, 16)

    def megabytes_of(self, pid):
        """Of a process: in memory, and written by it alone."""
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return [int(re.search(rf"^{name}: +(\d+) kB", text, re.M)[1]) / 1024 for name in ("Rss", "Private_Dirty")]


class Corpora(stylet.Case):
    """All processes of a run together: the sum of what each has, pages that they share counted once."""

    def kilobytes(self, clips):
        """When all of these are done and both workers are still there: for the last input is a pipe that nothing comes from."""
        def in_small_pages():  # huge ones come by two megabytes at a time, whatever the number of clips
            ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE
        pipe, out = self.scratch / "last.wav", self.scratch / f"{len(clips)}.npz"
        os.mkfifo(pipe)
        end = os.open(pipe, os.O_RDWR)
        names = self.scratch / "list.txt"
        names.write_text("".join(f"{clip}\n" for clip in [*clips, pipe]))
        with subprocess.Popen([stylet.STYLET, "extract", "-q", "-j", "2", "--timeout", "1000", "--files-from", names, "-o", out],
                              preexec_fn=in_small_pages, cwd=stylet.ROOT) as run:
            journal, latest = out.with_name(out.name + ".journal"), time.monotonic() + 500
            while not journal.exists() or journal.read_bytes().count(b"STYR") < len(clips):  # each record's mark
                self.assertIsNone(run.poll())
                self.assertLess(time.monotonic(), latest)
                time.sleep(0.05)
            workers = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            self.assertEqual(len(workers), 2)
            anonymous = [self.number(pid, "smaps_rollup", "Pss_Anon") for pid in (run.pid, *workers)]
            files = [self.number(pid, "status", "RssFile") for pid in (run.pid, *workers)]
            os.write(end, (self.scratch / "a.wav").read_bytes())
            os.close(end)
        self.assertEqual(run.returncode, 0)
        pipe.unlink()
        return sum(anonymous) + max(files)  # a file's pages are shared with any other program, too

    def number(self, pid, file, name):
        return int(re.search(rf"^{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/{file}").read_text(), re.M)[1])

    def test_ten_thousand_clips_take_the_memory_of_a_thousand(self):
        folder = self.scratch / "a-corpus" / "speaker"
        folder.mkdir(parents=True)
        stylet.write_wav(self.scratch / "a.wav", np.random.default_rng(1).uniform(-0.5, 0.5, 8000))
        clips = [folder / f"utterance-{i:05d}.wav" for i in range(10000)]
        for clip in clips:
            os.link(self.scratch / "a.wav", clip)
        thousand = self.kilobytes(clips[:1000])
        self.assertLess(self.kilobytes(clips), 1.05 * thousand)


class Lists(stylet.Case):
    N = 200000  # a million, scaled: time and memory are linear in it

    def starts(self, name, line):
        (self.scratch / name).write_text("".join(line(i) for i in range(self.N)))
        pid = os.spawnv(os.P_NOWAIT, stylet.STYLET, ["stylet", "extract", "-q", "--dry-run", "--files-from", str(self.scratch / name)])
        _, status, usage = os.wait4(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 3)  # each was looked for, none is there
        self.assertLess(usage.ru_utime + usage.ru_stime, 5)
        self.assertLess(usage.ru_maxrss, 40 * 1024 * 1.5)

    def test_a_long_list_starts_at_once_and_in_little_memory(self):
        self.starts("long.txt", lambda i: f"/data/speaker{i % 100:03d}/clip_{i:08d}.wav\n")

    def test_so_does_a_long_manifest(self):
        self.starts("long.jsonl", lambda i: f'{{"audio_filepath": "/data/speaker{i % 100:03d}/clip_{i:08d}.wav", "duration": {1 + i % 977 * 0.01:.3f}, '
                                            f'"text": "the quick brown fox jumps over the lazy dog", "speaker": "s{i % 100}"}}\n')


if __name__ == "__main__":
    tap.main()
