"""Bad audio through the program: the exact status code, exit code and message, no output file, and no harm to the others.

What libsndfile itself does with these files (and why none of it may be trusted) is the table of lib/audio/container.c.
"""
import json
import os
import resource
import struct
import subprocess
import threading
import time

import numpy as np
import stylet
import tap

TONE = stylet.voice(0.5)
PCM = np.round(TONE * 32767).astype("<i2").tobytes()


def wav(data=PCM, tag=1, channels=1, rate=16000, bits=16, declared=None, riff=b"RIFF"):
    """A WAV of these header values, whatever they are."""
    block = min(channels * bits // 8, 0xFFFF)
    declared = len(data) if declared is None else declared
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    return (riff + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
            + b"data" + struct.pack("<I", declared) + data)


def floats(values, bits=32):
    return wav(np.asarray(values, "<f4" if bits == 32 else "<f8").tobytes(), tag=3, bits=bits)


class Bad(stylet.Case):
    """self.bad(bytes or path, code): alone the input exits 3 with one line; in a batch it costs only itself."""

    def setUp(self):
        super().setUp()
        self.good = stylet.write_wav(self.scratch / "good.wav", TONE)

    def file(self, name, content):
        path = self.scratch / name
        path.write_bytes(content)
        return path

    def bad(self, source, code, saying=(), args=(), name="bad.wav"):
        path = self.file(name, source) if isinstance(source, bytes) else source
        out = self.scratch / "out.jsonl"
        done = stylet.run("extract", "-q", "-o", out, *args, path)
        self.assertEqual(done.returncode, 3, done.err)
        lines = done.err.splitlines()
        self.assertTrue(lines[0].startswith(f"stylet: {code}: "), done.err)
        self.assertIn(str(path), lines[0])
        for text in [saying] if isinstance(saying, str) else saying:
            self.assertIn(text, lines[0])
        self.assertLessEqual(len(lines), 1, done.err)
        self.assertEqual(self.left_over("out"), [])
        return path

    def left_over(self, beginning):
        return [p.name for p in self.scratch.iterdir() if p.name.lstrip(".").startswith(beginning)]


class Headers(Bad):
    def test_a_whole_file_is_no_bad_file(self):
        self.ok("extract", self.file("a.wav", wav()))

    def test_a_truncated_wav_is_named_at_any_point(self):
        whole = wav()
        for cut in [*range(44, 60), 100, 1001, 5000, len(whole) - 2, len(whole) - 1]:
            with self.subTest(cut=cut):
                self.bad(whole[:cut], "truncated", f"announces {len(PCM)} bytes of audio, {cut - 44} are there")

    def test_a_cut_header_is_no_empty_clip(self):
        for cut in range(1, 44):
            with self.subTest(cut=cut):
                self.bad(wav()[:cut], "not_audio" if cut < 4 else "truncated")

    def test_a_data_size_of_nothing_is_empty_though_bytes_follow(self):
        self.bad(wav(declared=0), "empty", "no samples")
        self.bad(wav(b""), "empty", "no samples")

    def test_sizes_that_mean_unknown_read_to_the_end(self):
        want = self.records("extract", self.good)[0]
        for declared in (0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36):
            got = self.records("extract", self.file("u.wav", wav(declared=declared)))[0]
            self.assertEqual(got["style"], want["style"])
            self.assertEqual(got["duration"], 0.5)

    def test_channels_have_bounds(self):
        self.bad(wav(channels=0), "not_audio")
        self.bad(wav(channels=65), "bad_channels", ("65 channels", "1 to 64"))
        self.bad(wav(channels=65535), "not_audio")

    def test_rates_have_bounds(self):
        for rate in (1, 999, 768001, 10**9):
            self.bad(wav(rate=rate), "bad_rate", (f"{rate} Hz", "1000 to 768000"))
        for rate in (0, 0xFFFFFFFF):
            self.bad(wav(rate=rate), "not_audio")

    def test_adpcm_and_other_codings_are_refused_before_they_are_decoded(self):
        for tag, name in ((0x11, "0x0011"), (2, "0x0002"), (0x38, "0x0038"), (0x31, "0x0031"), (0x50, "0x0050")):
            self.bad(wav(tag=tag, bits=4), "unsupported_codec", (name, "convert it to WAV or FLAC"))

    def test_twenty_thousand_junk_chunks_end(self):
        junk = b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 20000
        self.bad(junk, "truncated", "ends before its audio begins")

    def test_a_sparse_wav_of_a_tebibyte_is_too_long_in_little_memory(self):
        path = self.scratch / "huge.wav"
        head = bytearray(wav(b"", declared=0xFFFFFFFF, riff=b"RF64"))
        head[12:12] = b"ds64" + struct.pack("<IQQQI", 28, 2**40 - 8, 2**40 - 80, 2**39 - 40, 0)
        path.write_bytes(head)
        try:
            os.truncate(path, 2**40)
        except OSError:
            self.skipTest("no file system for sparse files of 1 TiB")
        start = time.monotonic()
        self.bad(path, "too_long", "the limit of 86400 s")
        self.assertLess(time.monotonic() - start, 60)


class Values(Bad):
    def test_samples_that_are_no_numbers_are_named(self):
        for value, text in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e38, "1e+38")):
            samples = TONE.copy()
            samples[1234] = value
            self.bad(floats(samples), "nonfinite", (text, "sample 1234", "--nonfinite zero"))
        samples[1234] = 1e300  # a double that no float holds
        self.bad(floats(samples, 64), "nonfinite", "sample 1234")

    def test_they_can_be_read_as_zero_and_the_record_says_so(self):
        samples = TONE.copy()
        samples[[5, 9]] = np.nan
        zeroed = TONE.copy()
        zeroed[[5, 9]] = 0
        record = self.records("extract", "--nonfinite", "zero", self.file("n.wav", floats(samples)))[0]
        self.assertIn("2 non-finite samples read as 0", record["notes"])
        self.assertEqual(record["style"], self.records("extract", self.file("z.wav", floats(zeroed)))[0]["style"])

    def test_silence_constant_and_denormal_sound_give_finite_numbers(self):
        for samples in (np.zeros(8000), np.full(8000, 0.5), np.full(8000, 1e-42), np.sign(TONE)):
            record = self.records("extract", self.file("s.wav", floats(samples)))[0]
            self.assertTrue(np.isfinite(record["style"]).all())

    def test_clips_not_longer_than_the_reflection_are_too_short(self):
        for n in (1, 100, 512):
            self.bad(wav(PCM[:2 * n]), "too_short", (f"{n} samples at 16000 Hz", "at least 513"))
        self.ok("extract", self.file("least.wav", wav(PCM[:2 * 513])))


class Kinds(Bad):
    def test_what_is_no_audio_is_told_apart(self):
        self.bad(b"", "empty", "is empty, expected audio")
        self.bad(b"hello, world\n" * 100, "not_audio", "it is text")
        self.bad(b"\1hello" * 100, "not_audio", "no known format begins like this")
        self.bad(bytes(1000), "not_audio")
        self.bad(self.scratch / "absent.wav", "not_found", "cannot find")
        self.bad(self.good / "x.wav", "not_found")
        self.bad("/dev/zero", "unreadable", "neither a file nor a pipe")
        self.bad("/dev/null", "unreadable", "neither a file nor a pipe")
        loop = self.scratch / "loop.wav"
        loop.symlink_to("loop.wav")
        self.bad(loop, "unreadable", "symbolic links")
        self.bad(b"\0\0\0\x18ftypM4A " + bytes(100), "unsupported_codec", "MP4")

    def test_a_folder_without_r_is_no_audio(self):
        folder = self.scratch / "folder.wav"
        folder.mkdir()
        done = stylet.run("extract", "-q", folder)
        self.assertIn(done.returncode, (2, 3))
        self.assertIn("-r", done.err)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)

    def test_a_link_to_good_audio_is_good_audio(self):
        link = self.scratch / "link.wav"
        link.symlink_to("good.wav")
        self.ok("extract", link)

    def test_a_file_that_may_not_be_read_says_so(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        path = self.file("secret.wav", wav())
        path.chmod(0)
        self.bad(path, "unreadable", "ermission denied")

    def test_a_fifo_that_nobody_writes_does_not_keep_us(self):
        path = self.scratch / "fifo.wav"
        os.mkfifo(path)
        start = time.monotonic()
        self.bad(path, "empty")
        self.assertLess(time.monotonic() - start, 30)

    def test_a_fifo_whose_writer_comes_late_is_read(self):
        path = self.scratch / "fifo.wav"
        os.mkfifo(path)

        def write():
            time.sleep(0.5)
            path.write_bytes(wav())
        writer = threading.Thread(target=write)
        writer.start()
        record = self.records("extract", path)[0]
        writer.join()
        self.assertEqual(record["style"], self.records("extract", self.good)[0]["style"])

    def test_raw_bytes_are_no_audio_whatever_they_are_called(self):
        noise = np.random.default_rng(7).integers(1, 127, 4000, np.uint8).tobytes()
        for name in ("x.vox", "x.gsm", "x.au", "x.raw", "x.sds", "x.mp3", "x.flac"):
            self.bad(noise, "not_audio", name=name)

    def test_names_with_line_ends_and_bytes_make_one_line(self):
        done = stylet.run("extract", "-q", self.scratch / "a\nb\x1b[31m.wav")
        self.assertEqual(len(done.err.splitlines()), 1)
        self.assertNotIn("\x1b", done.err)
        path = os.fsencode(self.scratch) + b"/\xff\xfe.wav"
        done = subprocess.run([stylet.STYLET, "extract", "-q", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "not_found")

    def test_a_description_is_no_matrix(self):
        for shape, text in (((5,), "axes"), ((5, 3), "3 bins"), ((0, 80), "no frames")):
            path = self.scratch / "m.npy"
            np.save(path, np.zeros(shape, np.float32))
            done = stylet.run("extract", "-q", path)
            self.assertEqual(done.returncode, 3, done.err)
            self.assertIn(text, done.err)
        matrix = np.zeros((50, 80), np.float32)
        matrix[7, 7] = np.nan
        np.save(path, matrix)
        self.bad(path, "nonfinite", "frame 7")
        np.save(path, np.ones((50, 80), np.int16))
        self.bad(path, "not_audio", "float32")
        np.save(path, np.asfortranarray(np.ones((50, 80), np.float32)))
        self.bad(path, "not_audio", "C order")
        np.save(path, np.ones((50, 80), np.float32))
        self.bad(path.read_bytes()[:-1], "truncated", name="cut.npy")


class Formats(Bad):
    """Formats, whole over a file and a pipe, and cut."""

    NAMES = {"flac": 0, "ogg": 1, "opus": 1, "aiff": 0, "au": 0, "caf": 0, "w64": 0, "wav": 0}

    def encode(self, kind):
        """good.wav in another container."""
        path = self.scratch / f"x.{kind}"
        if kind == "wav":
            path.write_bytes(wav())
        elif kind == "au":
            path.write_bytes(struct.pack(">4s5I", b".snd", 24, len(PCM), 3, 16000, 1) + np.frombuffer(PCM, "<i2").astype(">i2").tobytes())
        elif kind == "caf":
            head = b"caff\0\1\0\0desc" + struct.pack(">Qd4sIIIII", 32, 16000.0, b"lpcm", 2, 2, 1, 1, 16)
            path.write_bytes(head + b"data" + struct.pack(">QI", len(PCM) + 4, 0) + PCM)
        elif kind == "aiff":
            rate = bytes([0x40, 0x0C, 0xFA, 0, 0, 0, 0, 0, 0, 0])  # 16000 as an 80-bit float
            comm = b"COMM" + struct.pack(">IhIh", 18, 1, len(PCM) // 2, 16) + rate
            ssnd = b"SSND" + struct.pack(">III", 8 + len(PCM), 0, 0) + np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
            path.write_bytes(b"FORM" + struct.pack(">I", 4 + len(comm) + len(ssnd)) + b"AIFF" + comm + ssnd)
        else:
            subprocess.run(["sndfile-convert", self.good, path], check=True, stdout=subprocess.DEVNULL)
        return path

    def each(self):
        return [(kind, lossy, self.encode(kind)) for kind, lossy in self.NAMES.items()]

    def test_a_pipe_gives_what_the_file_gives(self):
        want = self.records("extract", self.good)[0]["style"]
        for kind, lossy, path in self.each():
            from_file = self.records("extract", path)[0]
            from_pipe = self.records("extract", "-", stdin=path.read_bytes())[0]
            self.assertEqual(from_file["style"], from_pipe["style"])
            if not lossy:
                self.assertEqual(from_file["style"], want)

    def test_a_cut_file_is_never_a_shorter_clip(self):
        for kind, lossy, path in self.each():
            whole = path.read_bytes()
            for part in (0.3, 0.6, 0.95, 0.999):
                cut = whole[:int(len(whole) * part)]
                path.write_bytes(cut)
                done = stylet.run("extract", "-q", path)
                self.assertEqual(done.returncode, 3, f"{kind} at {part}: {done.stdout[:100]}")
                code = json.loads(done.stdout)["error"]["code"]
                # libsndfile cannot open a FLAC that ends in its first block, and does not say why
                self.assertIn(code, ("truncated", "not_audio") if kind == "flac" else ("truncated",), done.err)


class Batch(Bad):
    def test_a_bad_file_costs_only_itself(self):
        bad = [self.file("cut.wav", wav()[:5000]), self.file("text.wav", b"text"), self.scratch / "absent.wav"]
        other = stylet.write_wav(self.scratch / "other.wav", TONE[::-1])
        out = self.scratch / "out.jsonl"
        done = stylet.run("extract", "-q", "-o", out, self.good, *bad, other)
        self.assertEqual(done.returncode, 1, done.err)
        records = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([r["id"] for r in records], ["good", "cut", "text", "absent", "other"])
        self.assertEqual([r.get("error", {}).get("code") for r in records], [None, "truncated", "not_audio", "not_found", None])
        clean = self.records("extract", self.good, other)
        self.assertEqual([r["style"] for r in records if r["status"] == "ok"], [r["style"] for r in clean])
        self.assertEqual(set(records[1]), {"id", "path", "status", "error"})

    def test_arrays_hold_the_good_ones(self):
        bad = self.file("text.wav", b"text")
        out = self.scratch / "out.npz"
        self.assertEqual(stylet.run("extract", "-q", "-o", out, bad, self.good).returncode, 1)
        with np.load(out) as arrays:
            self.assertEqual(list(arrays["ids"]), ["good"])

    def test_nothing_good_leaves_no_file_in_any_format(self):
        bad = self.file("text.wav", b"text")
        for kind in ("jsonl", "json", "csv", "tsv", "npy", "npz"):
            out = self.scratch / f"none.{kind}"
            self.assertEqual(stylet.run("extract", "-q", "-o", out, bad).returncode, 3)
            self.assertEqual(self.left_over("none"), [])

    def test_memory_does_not_grow_with_a_declared_length(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
        path = self.file("u.wav", wav(declared=0xFFFFFFFF))
        done = subprocess.run([stylet.STYLET, "extract", "-q", path], preexec_fn=limit, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if b"AddressSanitizer" in done.stderr or b"ThreadSanitizer" in done.stderr:
            self.skipTest("a sanitizer needs more memory itself")
        self.assertEqual(done.returncode, 0, done.stderr)


class Outputs(Bad):
    def test_a_full_device_is_75(self):
        for args in (["extract", "-q", "-o", "/dev/full", "-f", "jsonl"], ["mel", "-q", "--overwrite", "-o", "/dev/full"]):
            done = stylet.run(*args, self.good)
            self.assertEqual(done.returncode, 75, done.err)
            self.assertIn("No space left on device", done.err)
        for args in (["extract", "-q"], ["inspect", "-q"], ["mel", "-q"], ["extract", "--help"], ["--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                tail = [] if args[-1].startswith("--") else [self.good]
                done = subprocess.run([stylet.STYLET, *args, *tail], stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 75, (args, done.stderr))

    def test_a_reader_that_goes_away_is_75(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([stylet.STYLET, "extract", "-q", self.good], stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        self.assertEqual(done.returncode, 75, done.stderr)

    def test_closed_standard_streams_do_not_mix_into_files(self):
        for closed in ((2,), (0, 1, 2), (1, 2)):
            out = self.scratch / f"closed{len(closed)}.jsonl"
            script = " ".join(f"{n}>&-" if n else "0<&-" for n in closed)
            done = subprocess.run(["sh", "-c", f'exec "$0" extract -o "$1" "$2" "$3" {script}', stylet.STYLET, out,
                                   self.scratch / "absent.wav", self.good], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, done.stderr)
            records = [json.loads(line) for line in out.read_text().splitlines()]
            self.assertEqual([r["status"] for r in records], ["error", "ok"])

    def test_standard_output_that_is_closed_is_75(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" extract -q "$1" >&-', stylet.STYLET, self.good], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 75, done.stderr)

    def test_a_small_disk_leaves_no_part_of_a_file(self):
        disk = self.scratch / "disk"
        disk.mkdir()
        clips = [stylet.write_wav(self.scratch / f"c{i}.wav", stylet.voice(0.3, f0=90 + i)) for i in range(12)]
        for kind in ("jsonl", "json", "csv", "tsv", "npy", "npz"):
            for size in (4, 8, 16, 24):
                if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", disk], stderr=subprocess.DEVNULL).returncode:
                    self.skipTest("no right to mount a small disk")
                try:
                    done = stylet.run("extract", "-q", "-w", "style", "-o", disk / f"o.{kind}", *clips)
                    names = sorted(p.name for p in disk.iterdir())
                    self.assertIn(done.returncode, (0, 75), done.err)
                    if done.returncode == 75:
                        # the journal is what --resume goes on from
                        self.assertEqual([n for n in names if n != f"o.{kind}.journal"], [], f"{kind} on {size} KiB")
                        self.assertIn("No space left", done.err)
                    else:
                        self.assertIn(f"o.{kind}", names)
                finally:
                    subprocess.run(["umount", disk], check=True)

    def test_an_output_that_cannot_be_is_a_usage_error(self):
        for out, text in ((self.scratch / "no" / "x.jsonl", "does not exist"), (self.good, "extension"), (self.scratch / "d.npy", "d.npy")):
            if out.suffix == ".npy":
                out.mkdir()
            done = stylet.run("extract", "-q", "-o", out, self.good)
            self.assertEqual(done.returncode, 2, done.err)
            self.assertIn(text, done.err)
        out = self.file("old.jsonl", b"old")
        self.fails(2, "extract", "-q", "-o", out, self.good, saying="exists already")
        self.assertEqual(out.read_bytes(), b"old")


if __name__ == "__main__":
    tap.main()
