"""Corpus runs: nothing lost, the same bytes however it went, exit codes, workers that die."""
import csv
import json
import os
import random
import signal
import subprocess
import time

import corpus
import numpy as np
import stylet
import tap

KILLS = int(os.environ.get("STYLET_CORPUS_KILLS", "4"))


class Base(stylet.Case):
    def make(self, n, seconds=0.4, n_sounds=None):
        self.paths = corpus.clips(self.scratch / "clips", n, seconds, n_sounds=n_sounds)
        self.list = self.scratch / "list.txt"
        self.list.write_text("".join(f"{path}\n" for path in self.paths))
        return self.list


class Whole(Base):
    def test_of_ten_thousand_clips_with_broken_ones_nothing_is_lost(self):
        self.make(10000, 0.3, n_sounds=100)
        expected = {self.paths[i].stem: corpus.broken(self.paths[i], i // 100 % 10) for i in range(57, 10000, 100)}
        self.assertEqual(len(expected), 100)
        args = ["extract", "-q", "--files-from", self.list, "--status", self.scratch / "status.jsonl"]
        self.assertEqual(stylet.run(*args, "-o", self.scratch / "a.npz").returncode, 1)
        rows = [json.loads(line) for line in (self.scratch / "status.jsonl").read_text().splitlines()]
        self.assertEqual([row["id"] for row in rows], [path.stem for path in self.paths])
        failed = {row["id"]: row["error"]["code"] for row in rows if row["status"] == "error"}
        self.assertEqual(set(failed), set(expected))
        for name, code in failed.items():
            self.assertIn(code, expected[name], name)
        with np.load(self.scratch / "a.npz") as archive:
            self.assertEqual(archive["ids"].tolist(), [path.stem for path in self.paths if path.stem not in expected])
            self.assertTrue(np.isfinite(archive["style"]).all())
        self.assertEqual(stylet.run(*args, "-o", self.scratch / "b.npz", "--max-errors", "2%").returncode, 0)
        self.assertEqual(corpus.digest(self.scratch / "a.npz"), corpus.digest(self.scratch / "b.npz"))

    def test_the_bytes_do_not_depend_on_the_number_of_workers(self):
        self.make(60)
        digests = set()
        for jobs in (1, 2, 3, 8):
            out = self.scratch / f"{jobs}.jsonl"
            self.ok("extract", "-q", "-j", jobs, "--files-from", self.list, "-o", out)
            digests.add(corpus.digest(out))
            done = self.ok("extract", "-q", "-j", jobs, "--files-from", self.list)
            self.assertEqual(done.stdout, out.read_bytes())
        self.assertEqual(len(digests), 1)

    def test_results_come_in_list_order_even_when_the_first_is_the_slowest(self):
        self.make(30)
        long = stylet.write_wav(self.scratch / "clips" / "long.wav", stylet.voice(40))
        done = self.ok("extract", "-q", "-j", 3, long, *self.paths)
        self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()], ["long"] + [p.stem for p in self.paths])

    def test_sorted_output_is_in_c_order_of_the_ids(self):
        self.make(6)
        self.list.write_text("".join(f"{path}\n" for path in reversed(self.paths)))
        self.ok("extract", "-q", "--sort", "--files-from", self.list, "-o", self.scratch / "x.npy")
        self.assertEqual((self.scratch / "x.npy.ids.txt").read_text().split(), [p.stem for p in self.paths])


class Errors(Base):
    def test_max_errors_decides_the_exit_code(self):
        self.make(10)
        corpus.broken(self.paths[2], 0)
        args = ["extract", "-q", "--files-from", self.list, "--overwrite", "-o", self.scratch / "x.npz"]
        for most, code in (("0", 1), ("1", 0), ("9%", 1), ("10%", 0)):
            self.assertEqual(stylet.run(*args, "--max-errors", most).returncode, code, most)
        self.fails(2, *args, "--max-errors", "few", saying="expected a number or a percentage")

    def test_a_bad_line_of_a_list_costs_only_itself(self):
        self.make(3)
        self.list.write_text(f"a {self.paths[0]}\nb\nc {self.paths[2]}\nd cat x |\n")
        done = stylet.run("extract", "-q", "--list-format", "scp", "--files-from", self.list)
        self.assertEqual(done.returncode, 1)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([r["id"] for r in records], ["a", "b", "c", "d"])
        self.assertEqual([r.get("error", {}).get("code") for r in records], [None, "bad_list_entry", None, "bad_list_entry"])

    def test_a_list_that_is_wrong_as_a_whole_is_refused(self):
        self.fails(2, "extract", "--files-from", self.scratch / "none.txt", saying="cannot read the list")
        self.make(2)
        self.list.write_text(f"{self.paths[0]}\n{self.paths[0]}\n")
        self.fails(2, "extract", "--files-from", self.list, "-o", self.scratch / "x.npz", saying="would both have the id")
        self.assertFalse((self.scratch / "x.npz.journal").exists())
        self.list.write_text("id;path\na;b.wav\n")
        self.fails(2, "extract", "--list-format", "csv", "--files-from", self.list, saying="separated by ';'")
        self.list.write_text('{"id": "a"}\n')
        self.fails(3, "extract", "--files-from", self.list, saying="expected path, file, filename")

    def test_common_mistakes_are_named(self):
        self.make(2)
        table = self.scratch / "t.csv"
        table.write_text(f"pathh,speaker\r\n{self.paths[0]},x\r\n")
        self.fails(2, "extract", "--files-from", table, saying=["has no path column", "audio_filepath"])
        self.fails(2, "extract", "--files-from", self.paths[0], saying="is audio and no list")
        self.fails(2, "extract", "--files-from", self.scratch, saying="Is a directory")
        table.write_bytes(b"\xef\xbb\xbfpath,id\r\n" + f'"{self.paths[0]}",Ü b\r\n'.encode())
        record, = self.records("extract", "--files-from", table)
        self.assertEqual(record["id"], "Ü b")

    def test_a_dead_worker_costs_one_file_and_is_replaced(self):
        self.make(300, 20)  # seconds of work, so that workers die while they are at it
        process = corpus.start("extract", "-j", 2, "--files-from", self.list, "-o", self.scratch / "x.jsonl", "--max-errors", "10")
        killed, end = 0, time.monotonic() + 60
        while killed < 3 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            busy = corpus.children(process.pid)
            if len(busy) == 2:
                os.kill(busy[killed % 2], signal.SIGKILL)
                killed += 1
        process.communicate()
        self.assertEqual(process.returncode, 0)
        records = [json.loads(line) for line in (self.scratch / "x.jsonl").read_text().splitlines()]
        self.assertEqual([r["id"] for r in records], [p.stem for p in self.paths])
        codes = [r["error"]["code"] for r in records if r["status"] == "error"]
        self.assertLessEqual(len(codes), killed)
        self.assertGreaterEqual(len(codes), 1)
        self.assertEqual(set(codes), {"crashed"})

    def test_an_input_that_never_comes_is_given_up(self):
        self.make(3)
        fifo = self.scratch / "clips" / "stuck.wav"
        os.mkfifo(fifo)
        keeper = os.open(fifo, os.O_RDWR)  # a writer that writes nothing
        self.addCleanup(os.close, keeper)
        done = stylet.run("extract", "-q", "--timeout", "0.5", "-j", 2, self.paths[0], fifo, self.paths[1])
        self.assertEqual(done.returncode, 1)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([r.get("error", {}).get("code") for r in records], [None, "timeout", None])


class Resume(Base):
    def test_a_run_killed_at_any_instant_ends_with_the_same_bytes(self):
        self.make(150)
        corpus.broken(self.paths[5], 0)
        reference, out = self.scratch / "whole.npz", self.scratch / "out.npz"
        began = time.monotonic()
        stylet.run("extract", "-q", "--files-from", self.list, "-o", reference)
        took = time.monotonic() - began
        generator = random.Random(20)
        args = ["extract", "-q", "-j", 2, "--resume", "--files-from", self.list, "-o", out, "--max-errors", "1"]
        for _ in range(KILLS):
            for path in self.scratch.glob("*out.npz*"):
                path.unlink()
            with corpus.held(self.paths[-1]):  # the first one is surely killed before its end
                corpus.kill_at(self.scratch / "out.npz.journal", generator.randrange(1, 100000), *args)
            for _ in range(2):  # during its resumption, or its last steps, or after them
                corpus.kill_after(generator.uniform(0, took), *args)
            done = stylet.run(*args)
            self.assertEqual(done.returncode, 0, done.err)
            self.assertEqual(corpus.digest(out), corpus.digest(reference))
            left = {path.name for path in self.scratch.iterdir()} - {"clips", "list.txt", "whole.npz"}
            self.assertEqual(left, {"out.npz", "out.npz.done.json"})

    def test_what_a_killed_run_left_half_written_is_gone_after_the_next(self):
        self.make(3)
        for name, more in (("x.npz", ()), ("x.npy", (".ids.txt",)), ("x.safetensors", (".ids.txt",)), ("x.jsonl", ())):
            out = self.scratch / name
            for end in ("", *more):  # where a run that ended in its final write was at
                (self.scratch / f".{name}{end}.part").write_bytes(b"half" * 100000)
            self.ok("extract", "-q", "--files-from", self.list, "-o", out)
            want = corpus.digest(out)
            self.ok("extract", "-q", "--overwrite", "--files-from", self.list, "-o", out)
            self.assertEqual(corpus.digest(out), want)
        self.assertEqual([path.name for path in self.scratch.glob(".*")], [])

    def test_a_run_that_is_complete_is_not_made_again(self):
        self.make(5)
        corpus.broken(self.paths[2], 0)
        out = self.scratch / "out.jsonl"
        args = ["extract", "--files-from", self.list, "-o", out, "--resume"]
        self.assertEqual(stylet.run(*args).returncode, 1)
        before = out.stat()
        for more, code in (((), 1), (("--max-errors", "1"), 0)):
            done = stylet.run(*args, *more)
            self.assertEqual(done.returncode, code)
            self.assertIn("is complete", done.err)
        self.assertEqual((out.stat().st_ino, out.stat().st_mtime_ns), (before.st_ino, before.st_mtime_ns))
        self.fails(2, *args, "--start", "0.1", saying="another list, model or options")
        out.unlink()
        self.assertNotIn("is complete", stylet.run(*args).err)
        self.assertTrue(out.exists())
        stylet.run("extract", "--files-from", self.list, "-o", out, "--overwrite")  # what says that it is complete goes with it
        self.assertFalse((self.scratch / "out.jsonl.done.json").exists())

    def test_a_folder_that_is_not_there_is_a_usage_error_before_anything_runs(self):
        self.make(2)
        (self.scratch / "file").write_text("")
        for place in ("no/x.npz", "ark,scp:{}/x.ark,{}/no/x.scp", "projector:{}/no/x"):
            place = place.format(self.scratch, self.scratch) if "{" in place else self.scratch / place
            self.fails(2, "extract", "--files-from", self.list, "-o", place, saying=f"the folder '{self.scratch}/no' does not exist")
        self.fails(2, "extract", "--files-from", self.list, "-o", self.scratch / "file" / "x.npz", saying="is no folder")
        self.fails(2, "extract", "--files-from", self.list, "-o", self.scratch / "x.npz", "--status", self.scratch / "no" / "s.jsonl", saying="does not exist")
        self.fails(2, "extract", "--files-from", self.list, "-o", self.scratch / "x.jsonl", "--status", self.scratch / "x.jsonl", saying="same file")

    def test_what_was_done_is_not_done_again(self):
        self.make(150)
        out = self.scratch / "out.jsonl"
        with corpus.held(self.paths[-1]):
            process = corpus.start("extract", "-j", 1, "--files-from", self.list, "-o", out)
            corpus.wait_for(process, self.scratch / "out.jsonl.journal", 120000)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        self.assertEqual(process.returncode, 143)
        self.assertFalse(out.exists())
        self.fails(2, "extract", "--files-from", self.list, "-o", out, saying="--resume continues it")
        done = self.ok("extract", "--resume", "--files-from", self.list, "-o", out)
        self.assertRegex(done.err, r"resuming: \d\d+ of 150")
        self.assertEqual(len(out.read_text().splitlines()), 150)

    def test_a_torn_log_loses_only_its_tail(self):
        self.make(40)
        out, journal = self.scratch / "out.npz", self.scratch / "out.npz.journal"
        self.ok("extract", "-q", "--files-from", self.list, "-o", self.scratch / "ref.npz")
        for cut in (3, 200, 5000, 20000):
            out.unlink(missing_ok=True)
            with corpus.held(self.paths[-1]):
                corpus.kill_at(journal, cut + 2000, "extract", "-q", "-j", 2, "--files-from", self.list, "-o", out, "--resume")
            data = journal.read_bytes()
            journal.write_bytes(data[:-7] + b"garbage" if cut == 200 else data[:cut])
            self.ok("extract", "-q", "--resume", "--files-from", self.list, "-o", out)
            self.assertEqual(corpus.digest(out), corpus.digest(self.scratch / "ref.npz"))

    def test_another_list_or_model_is_not_continued(self):
        self.make(200)
        out = self.scratch / "out.npz"
        journal = self.scratch / "out.npz.journal"
        with corpus.held(self.paths[-1]):
            corpus.kill_at(journal, 20000, "extract", "-q", "-j", 1, "--files-from", self.list, "-o", out)
        self.list.write_text("".join(f"{path}\n" for path in self.paths[1:]))
        self.fails(2, "extract", "--resume", "--files-from", self.list, "-o", out, saying="another list, model or options")

    def test_one_output_has_one_writer(self):
        self.make(20)
        args = ["extract", "-q", "-j", 1, "--files-from", self.list, "-o", self.scratch / "x.npz", "--overwrite"]
        with corpus.held(self.paths[-1]) as let_go:
            first = corpus.start(*args)
            corpus.wait_for(first, self.scratch / "x.npz.journal", 10000)
            for _ in range(3):
                self.assertEqual(stylet.run(*args).returncode, 75)
            let_go()
            first.communicate(timeout=300)
        self.assertEqual(first.returncode, 0)


class Streams(Base):
    def test_json_lines_are_answered_in_order_as_they_come(self):
        self.make(2)
        process = subprocess.Popen([stylet.STYLET, "extract", "-q", "--json-input", "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            for line, name in ((f'{{"path":"{self.paths[0]}","id":"one"}}', "one"), ("{nonsense", "line-2"),
                               (f'{{"path":"{self.paths[1]}","offset":0.1,"duration":0.2,"id":"two"}}', "two")):
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                record = json.loads(process.stdout.readline())
                self.assertEqual(record["id"], name)
            self.assertAlmostEqual(record["duration"], 0.2)
        finally:
            process.communicate(timeout=300)
        self.assertEqual(process.returncode, 1)

    def test_json_lines_keep_workers_busy_and_their_order(self):
        self.make(30)
        lines = b"".join(b'{"path":"%s"}\n' % str(path).encode() for path in self.paths)
        want = self.ok("extract", "-q", "-j", 1, "--json-input", "-", stdin=lines).stdout
        for jobs in (2, 3, 8):
            self.assertEqual(self.ok("extract", "-q", "-j", jobs, "--json-input", "-", stdin=lines).stdout, want)
        with corpus.held(self.paths[0]) as let_go:  # the second worker goes on, its answers wait
            process = subprocess.Popen([stylet.STYLET, "extract", "-q", "-j", "2", "--json-input", "-"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
            process.stdin.write(lines + b'{"path":')  # half a line keeps nothing back
            process.stdin.flush()
            let_go()
            answers = [process.stdout.readline() for _ in self.paths]
            out, _ = process.communicate(b'"%s","id":"last"}\n' % str(self.paths[1]).encode())
        self.assertEqual(b"".join(answers), want)
        self.assertEqual((json.loads(out)["id"], process.returncode), ("last", 0))

    def test_lines_and_answers_longer_than_a_socket_holds(self):
        """While a worker sends one, it must not be sent the next: both would wait for the other to read."""
        self.make(8)
        texts = [chr(ord("a") + i) * 1000000 for i in range(8)]
        path = self.scratch / "lines.jsonl"
        path.write_text("".join(json.dumps({"path": str(p), "text": t}) + "\n" for p, t in zip(self.paths, texts)))
        for jobs in (1, 2):
            records = self.records("extract", "-q", "-j", jobs, "--keep", "text", "--json-input", path)
            self.assertEqual([(r["id"], r["columns"]["text"]) for r in records], [(p.stem, t) for p, t in zip(self.paths, texts)])

    def test_a_line_without_an_id_is_named_by_its_number(self):
        self.make(1)
        text = f'\n{{"path":"cat {self.paths[0]} |"}}\n'.encode()
        record, = self.records("extract", "-q", "--allow-pipes", "--json-input", "-", stdin=text)
        self.assertEqual(record["id"], "line-2")

    def test_segments_are_what_reading_each_part_alone_gives(self):
        sound = stylet.write_wav(self.scratch / "r.wav", stylet.voice(6))
        (self.scratch / "wav.scp").write_text(f"r {sound}\np cat {sound} |\n")
        (self.scratch / "segments").write_text("a r 0.5 1.5\nb r 2.25 4\nc r 4 -1\nd p 0.5 1.5\ne p 2.25 4\nf r 5 7\n")
        done = stylet.run("extract", "-q", "--allow-pipes", "--files-from", self.scratch / "wav.scp", "--segments", self.scratch / "segments")
        records = {r["id"]: r for r in map(json.loads, done.stdout.splitlines())}
        alone, = self.records("extract", "--start", 2.25, "--end", 4, sound)
        rest, = self.records("extract", "--start", 4, sound)
        self.assertEqual(records["b"]["style"], alone["style"])
        self.assertEqual(records["e"]["style"], alone["style"])
        self.assertEqual(records["c"]["style"], rest["style"])
        self.assertEqual(records["a"]["style"], records["d"]["style"])
        self.assertEqual(records["f"]["error"]["code"], "bad_list_entry")

    def test_a_failing_command_is_a_failed_input_even_if_it_wrote_sound(self):
        self.make(1)
        (self.scratch / "wav.scp").write_text(f"a cat {self.paths[0]} |\nb cat {self.paths[0]}; exit 3 |\n")
        done = stylet.run("extract", "-q", "--allow-pipes", "--files-from", self.scratch / "wav.scp")
        codes = [json.loads(line).get("error", {}).get("code") for line in done.stdout.splitlines()]
        self.assertEqual(codes, [None, "io_error"])

    def test_ark_offsets_are_read_as_files_of_their_own(self):
        self.make(3)
        ark = self.scratch / "wav.ark"
        offsets = []
        with open(ark, "wb") as out:
            for path in self.paths:
                out.write(f"{path.stem} ".encode())
                offsets.append(out.tell())
                out.write(path.read_bytes())
        (self.scratch / "wav.scp").write_text("".join(f"{p.stem} {ark}:{o}\n" for p, o in zip(self.paths, offsets)))
        records = self.records("extract", "--files-from", self.scratch / "wav.scp")
        want = self.records("extract", *self.paths)
        self.assertEqual([r["style"] for r in records], [r["style"] for r in want])

    def test_windows_are_the_parts_they_name(self):
        sound = stylet.write_wav(self.scratch / "long.wav", stylet.voice(5))
        records = self.records("extract", "--window", 2, "--hop", 1, sound)
        self.assertEqual([(r["id"], r["start"], r["duration"]) for r in records],
                         [(f"long-{k * 1000:07d}-{(k + 2) * 1000:07d}", k, 2) for k in range(4)])
        alone, = self.records("extract", "--start", 1, "--end", 3, sound)
        self.assertEqual(records[1]["style"], alone["style"])

    def test_what_makes_no_whole_window_is_told(self):
        sounds = [stylet.write_wav(self.scratch / f"{s}.wav", stylet.voice(s)) for s in (1.2, 5.3, 6, 6.25)]
        done = self.ok("extract", "--window", 2, "--hop", 1, *sounds)
        self.assertEqual([line for line in done.err.splitlines() if "window" in line],
                         ["stylet: behind the last whole windows of 2 inputs 0.55 s in all are in no record"])
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({r["id"]: note for r in records for note in r.get("notes", []) if "window" in note},
                         {"5.3-0003000-0005000": "0.3 s behind this window are in none", "6.25-0004000-0006000": "0.25 s behind this window are in none"})
        for more, seconds in (
                (("--hop", 2), 1.3), (("--hop", 3), None), (("--hop", 4), 1.3), (("--end", 4.75), 0.75), (("--end", 5), None),
                (("--start", 2, "--end", 3.5), None), (("--channel", "each"), 0.3), (("--average", "list", "--hop", 2), 1.3)):
            for place in "x.jsonl", "x.npz":
                done = self.ok("extract", "--overwrite", "--window", 2, *(("--hop", 1) if "--hop" not in more else ()), *more, "-o", self.scratch / place, sounds[1])
                told = [line for line in done.err.splitlines() if "window" in line]
                self.assertEqual(told, [f"stylet: behind the last whole windows of 1 input {seconds} s in all are in no record"] if seconds else [], more)

    def test_windows_of_codings_that_cannot_be_sought_are_the_parts_too(self):
        wav = stylet.write_wav(self.scratch / "long.wav", stylet.voice(7))
        for kind in ("mp3", "ogg", "flac"):
            sound = self.scratch / f"long.{kind}"
            subprocess.run(["sndfile-convert", wav, sound], check=True, stdout=subprocess.DEVNULL)
            for start, hop in ((0, 1.5), (0.75, 3)):
                records = self.records("extract", "--window", 2, "--hop", hop, "--start", start, sound)
                self.assertGreaterEqual(len(records), 2)
                for record in records:
                    alone, = self.records("extract", "--start", record["start"], "--end", record["start"] + 2, sound)
                    self.assertEqual(record["style"], alone["style"], (kind, record["id"]))

    def test_each_channel_is_a_record_of_its_own(self):
        left, right = stylet.voice(2), stylet.voice(2, f0=200)
        both = stylet.write_wav(self.scratch / "both.wav", np.stack([left, right], 1))
        alone = [stylet.write_wav(self.scratch / f"{k}.wav", sound) for k, sound in enumerate((left, right))]
        want = self.records("extract", *alone)
        for more, last in (((), "both-ch2"), (("--window", 1), "both-ch2-0001000-0002000")):
            records = self.records("extract", "--channel", "each", *more, both)
            self.assertEqual(records[-1]["id"], last)
            self.assertEqual([r["channel"] for r in records], [1, 2] if not more else [1, 1, 2, 2])
            if not more:
                self.assertEqual([r["style"] for r in records], [r["style"] for r in want])
        second = self.records("extract", "--channel", 2, both)
        self.assertEqual(second[0]["style"], want[1]["style"])
        self.fails(2, "extract", "--channel", "all", both, saying="expected mix, each or a number")

    def test_an_input_has_failed_when_one_of_its_windows_has(self):
        sound = stylet.voice(6).astype("<f4")
        sound[40000] = np.nan
        path, status = self.scratch / "x.wav", self.scratch / "status.jsonl"
        path.write_bytes(corpus.wav_header(bits=32, code=3, data=sound.nbytes) + sound.tobytes())
        done = stylet.run("extract", "-q", "--window", 2, "--status", status, "-o", self.scratch / "x.jsonl", path)
        self.assertEqual(done.returncode, 1, done.err)
        records = [json.loads(line) for line in (self.scratch / "x.jsonl").read_text().splitlines()]
        self.assertEqual([r.get("error", {}).get("code") for r in records], [None, "nonfinite", None])
        row, = map(json.loads, status.read_text().splitlines())
        self.assertEqual((row["id"], row["status"], row["error"]["code"]), ("x", "error", "nonfinite"))

    def test_speaker_means_are_the_means_of_their_clips(self):
        self.make(4)
        table = self.scratch / "t.csv"
        table.write_text("path,speaker\n" + "".join(f"{p},{s}\n" for p, s in zip(self.paths, "abab")))
        each = self.records("extract", "--files-from", table)
        means = self.records("extract", "--average", "speaker", "--files-from", table)
        self.assertEqual([m["id"] for m in means], ["a", "b"])
        self.near(means[1]["style"], np.mean([each[1]["style"], each[3]["style"]], axis=0), 1e-7)  # float64 sums, printed float32

    def test_kept_columns_are_in_the_records(self):
        self.make(2)
        table = self.scratch / "t.tsv"
        table.write_text("path\tmood\ttext\tmodel\n" + "".join(f"{p}\t{m}\tx\tm\n" for p, m in zip(self.paths, ("calm", "glad"))))
        records = self.records("extract", "--keep", "mood", "--files-from", table)
        self.assertEqual([r["columns"] for r in records], [{"mood": "calm"}, {"mood": "glad"}])
        for place in ("x.npy", "x.safetensors", "x.ark"):
            self.fails(2, "extract", "--keep", "mood", "--files-from", table, "-o", self.scratch / place, saying="no place for list columns")
        self.ok("extract", "--keep", "text,mood,model", "--files-from", table, "-o", self.scratch / "x.npz")
        with np.load(self.scratch / "x.npz") as archive:
            self.assertEqual(archive.files, ["ids", "style", "text", "mood", "model"])
            self.assertEqual([archive[name].tolist() for name in ("mood", "text", "model")], [["calm", "glad"], ["x", "x"], ["m", "m"]])
            np.testing.assert_array_equal(archive["style"], np.float32([r["style"] for r in records]))
        for kind, gap in (("csv", ","), ("tsv", "\t")):
            for output, width in (("style", 5), ("token_weights", 3)):
                self.ok("extract", "--overwrite", "--keep", "mood", "-w", output, "--files-from", table, "-o", self.scratch / f"x.{kind}")
                rows = list(csv.reader((self.scratch / f"x.{kind}").read_text().splitlines(), delimiter=gap))
                self.assertEqual({(row[0], row[width - 1]) for row in rows}, {("id", "mood"), ("00000", "calm"), ("00001", "glad")})
        self.fails(2, "extract", "--keep", "mood,mood", "--files-from", table, saying="twice")
        self.fails(2, "extract", "--keep", "mode", "--files-from", table, saying="has no column 'mode'")
        self.fails(2, "extract", "--keep", "mood", *self.paths, saying="no entry of the list has this column")


if __name__ == "__main__":
    tap.main()
