"""`stylet extract`: records, formats, ids, exit codes, and what is left behind."""
import csv
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import time

import numpy as np
import stylet
import tap

CLIP = stylet.FIXTURES / "a_en.wav"
FAST = stylet.FIXTURES / "b_fast.wav"


class Records(stylet.Case):
    def test_a_record_says_what_was_read_and_computed(self):
        record, = self.records("extract", "-w", "style,token_weights", CLIP)
        self.assertEqual(list(record), ["id", "path", "start", "duration", "channel", "sample_rate", "num_frames",
                                        "status", "style", "token_weights", "model"])
        self.assertEqual((record["id"], record["status"], record["channel"]), ("a_en", "ok", "mix"))
        self.assertEqual(record["sample_rate"], 16000)
        self.assertAlmostEqual(record["duration"], 5.82062, places=5)
        self.assertEqual(np.shape(record["style"]), (256,))
        self.assertEqual(np.shape(record["token_weights"]), (8, 10))
        np.testing.assert_allclose(np.sum(record["token_weights"], axis=1), 1, atol=1e-6)
        self.assertRegex(record["model"]["hash"], "^[0-9a-f]{32}$")

    def test_printed_numbers_read_back_as_the_same_float32(self):
        record, = self.records("extract", CLIP)
        self.ok("extract", "-o", self.scratch / "x.npy", CLIP)
        np.testing.assert_array_equal(np.float32(record["style"]), np.load(self.scratch / "x.npy")[0])

    def test_style_moves_with_the_clip(self):
        first, second = self.records("extract", CLIP, FAST)
        self.assertGreater(np.abs(np.subtract(first["style"], second["style"])).max(), 1e-2)

    def test_a_vector_does_not_depend_on_the_clips_beside_it(self):
        alone = self.ok("extract", "-o", self.scratch / "one.npy", FAST)
        self.ok("extract", "-o", self.scratch / "two.npy", CLIP, FAST)
        self.assertEqual(alone.stdout, b"")
        np.testing.assert_array_equal(np.load(self.scratch / "one.npy")[0], np.load(self.scratch / "two.npy")[1])

    def test_an_untrained_model_is_called_untrained(self):
        self.assertNotIn("untrained", self.ok("extract", CLIP).err)
        model = self.scratch / "random"
        shutil.copytree(stylet.ROOT / "models" / "default", model)
        manifest = json.loads((model / "manifest.json").read_text())
        (model / "manifest.json").write_text(json.dumps({**manifest, "trained": False}))
        for command in ("extract", "inspect", "mel"):
            self.assertIn("untrained", self.ok(command, "-m", model, CLIP).err, command)
        self.assertIn("UNTRAINED", self.ok("model", "info", model).stdout.decode())

    def test_any_layer_can_be_an_output(self):
        record, = self.records("extract", "-w", "gru,stl.attention,features", CLIP)
        self.assertEqual(np.shape(record["gru"]), (128,))
        self.assertEqual(np.shape(record["features"])[1], 80)

    def test_an_unknown_output_names_the_nearest(self):
        self.fails(2, "extract", "-w", "stile", CLIP, saying=["unknown output 'stile'", "'style'"])

    def test_part_of_a_clip_is_the_clip_cut_there(self):
        samples = stylet.voice(3.0)
        whole = stylet.write_wav(self.scratch / "whole.wav", samples)
        part = stylet.write_wav(self.scratch / "part.wav", samples[16000:32000])
        cut, = self.records("extract", "--start", 1, "--end", 2, whole)
        alone, = self.records("extract", part)
        self.assertEqual(cut["style"], alone["style"])
        self.assertEqual((cut["start"], cut["duration"]), (1, 1))


class Audio(stylet.Case):
    def test_a_pipe_gives_what_the_file_gives(self):
        file, = self.records("extract", CLIP)
        pipe, = self.records("extract", "-", stdin=CLIP.read_bytes())
        self.assertEqual(file["style"], pipe["style"])
        self.assertEqual((pipe["id"], pipe["path"]), ("stdin", "-"))

    def test_channels_are_mixed_or_chosen_and_said(self):
        left, right = stylet.voice(2, f0=110), stylet.voice(2, f0=200)
        both = stylet.write_wav(self.scratch / "both.wav", np.stack([left, right], axis=1))
        one = stylet.write_wav(self.scratch / "right.wav", right)
        done = self.ok("extract", both)
        mixed = json.loads(done.stdout)
        self.assertIn("mean of 2 channels", mixed["notes"])
        self.assertIn("mean of 2 channels", done.err)
        chosen, = self.records("extract", "--channel", 2, both)
        alone, = self.records("extract", one)
        self.assertEqual(chosen["style"], alone["style"])
        self.assertEqual(chosen["channel"], 2)
        self.fails(3, "extract", "--channel", 3, both, saying=["bad_channels", "2 channels"])

    def test_another_rate_is_resampled_and_said_once(self):
        paths = [stylet.write_wav(self.scratch / f"{i}.wav", stylet.voice(2, 22050), 22050) for i in range(2)]
        done = self.ok("extract", *paths)
        self.assertEqual(done.err.count("resampled 22050 Hz to 16000 Hz"), 1)
        for line in done.stdout.splitlines():
            self.assertEqual(json.loads(line)["notes"], ["resampled 22050 Hz to 16000 Hz"])
        self.fails(3, "extract", "--set", "resample=error", paths[0], saying=["bad_rate", "22050 Hz"])

    def test_features_in_a_npy_file_skip_the_front_end(self):
        self.ok("mel", CLIP, "-o", self.scratch / "mel.npy")
        audio, = self.records("extract", CLIP)
        features, = self.records("extract", self.scratch / "mel.npy")
        self.assertEqual(audio["style"], features["style"])
        np.save(self.scratch / "narrow.npy", np.zeros((50, 79), np.float32))
        self.fails(3, "extract", self.scratch / "narrow.npy", saying=["79 bins", "needs 80"])


class Formats(stylet.Case):
    def extract(self, name, *args):
        path = self.scratch / name
        self.ok("extract", *args, "-o", path, CLIP, FAST)
        return path

    def setUp(self):
        super().setUp()
        self.lines = self.records("extract", "-w", "style,token_weights", CLIP, FAST)
        self.style = np.float32([line["style"] for line in self.lines])
        self.weights = np.float32([line["token_weights"] for line in self.lines])

    def test_json_is_one_list_of_the_same_records(self):
        path = self.extract("x.json", "-w", "style,token_weights")
        self.assertEqual(json.loads(path.read_text()), self.lines)

    def test_csv_of_a_vector_has_a_column_for_each_value(self):
        rows = list(csv.reader(io.StringIO(self.extract("x.csv").read_text())))
        self.assertEqual(rows[0][:6], ["id", "path", "start", "end", "e0", "e1"])
        self.assertEqual([row[0] for row in rows[1:]], ["a_en", "b_fast"])
        np.testing.assert_array_equal(np.float32([row[4:] for row in rows[1:]]), self.style)

    def test_csv_of_token_weights_has_a_row_for_each_head(self):
        rows = list(csv.reader(io.StringIO(self.extract("x.csv", "-w", "token_weights").read_text())))
        self.assertEqual(rows[0], ["id", "head"] + [f"t{i}" for i in range(10)])
        self.assertEqual([row[:2] for row in rows[7:10]], [["a_en", "6"], ["a_en", "7"], ["b_fast", "0"]])
        np.testing.assert_array_equal(np.float32([row[2:] for row in rows[1:]]).reshape(2, 8, 10), self.weights)

    def test_tsv_of_both_names_each_column(self):
        head, *rows = self.extract("x.tsv", "-w", "style,token_weights").read_text().splitlines()
        names = head.split("\t")
        self.assertEqual((names[4], names[-1], len(names)), ("style.0", "token_weights.7.9", 4 + 256 + 80))
        np.testing.assert_array_equal(np.float32(rows[1].split("\t")[4:260]), self.style[1])

    def test_npy_has_its_ids_beside_it(self):
        path = self.extract("x.npy")
        array = np.load(path)
        self.assertEqual(array.dtype, np.dtype("<f4"))
        np.testing.assert_array_equal(array, self.style)
        self.assertEqual((self.scratch / "x.npy.ids.txt").read_text(), "a_en\nb_fast\n")

    def test_npz_has_ids_and_every_output(self):
        with np.load(self.extract("x.npz", "-w", "style,token_weights"), allow_pickle=False) as archive:
            self.assertEqual(archive["ids"].tolist(), ["a_en", "b_fast"])
            np.testing.assert_array_equal(archive["style"], self.style)
            np.testing.assert_array_equal(archive["token_weights"], self.weights)

    def test_outputs_of_unequal_shape_are_refused_where_rows_must_match(self):
        self.fails(2, "extract", "-w", "features", "-o", self.scratch / "x.npy", CLIP, FAST, saying=["another shape", "jsonl, json and ark do not"])
        self.assertEqual(os.listdir(self.scratch), [])

    def test_an_unknown_extension_asks_for_a_format(self):
        self.fails(2, "extract", "-o", self.scratch / "x.bin", CLIP, saying=["-f", "jsonl"])
        self.assertNotIn("-f", self.ok("extract", "-f", "npy", "-o", self.scratch / "x.bin", CLIP).err)

    def test_a_name_that_says_another_format_is_told(self):
        self.assertIn("x.npz' is written as csv", self.ok("extract", "-f", "csv", "-o", self.scratch / "x.npz", CLIP).err)


class Runs(stylet.Case):
    def test_a_bad_file_among_good_ones_costs_only_itself(self):
        bad = self.scratch / "bad.wav"
        bad.write_text("this is no sound")
        out = self.scratch / "x.jsonl"
        self.fails(1, "extract", "-o", out, CLIP, bad, self.scratch / "absent.wav", FAST,
                   saying=["not_audio", "not_found", "2 of 4 inputs failed"])
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual([line["status"] for line in lines], ["ok", "error", "error", "ok"])
        self.assertEqual([line["error"]["code"] for line in lines[1:3]], ["not_audio", "not_found"])
        alone, = self.records("extract", FAST)
        self.assertEqual(lines[3]["style"], alone["style"])

    def test_nothing_is_left_when_no_input_could_be_processed(self):
        out = self.scratch / "x.jsonl"
        self.fails(3, "extract", "-o", out, self.scratch / "absent.wav", saying="not_found")
        self.assertEqual(os.listdir(self.scratch), [])

    def test_an_existing_output_is_kept_unless_told_otherwise(self):
        out = self.scratch / "x.jsonl"
        out.write_text("precious")
        self.fails(2, "extract", "-o", out, CLIP, saying=["exists", "--overwrite"])
        self.assertEqual(out.read_text(), "precious")
        self.ok("extract", "--overwrite", "-o", out, CLIP)
        self.assertEqual(json.loads(out.read_text())["id"], "a_en")

    def test_two_inputs_with_one_id_are_refused_before_anything_runs(self):
        other = self.scratch / "a_en.wav"
        other.write_bytes(CLIP.read_bytes())
        (self.scratch / "a_en.flac").write_bytes(b"")
        self.fails(2, "extract", "-o", self.scratch / "x.npz", other, self.scratch / "a_en.flac",
                   saying=["would both have the id 'a_en'", "--glob", "--id-from"])
        self.assertFalse((self.scratch / "x.npz").exists())

    def test_ids_are_paths_below_the_common_folder(self):
        for name in ("x/1/a", "x/2/a"):
            (self.scratch / name).parent.mkdir(parents=True)
            (self.scratch / f"{name}.wav").write_bytes(FAST.read_bytes())
        records = self.records("extract", self.scratch / "x/1/a.wav", self.scratch / "x/2/a.wav")
        self.assertEqual([r["id"] for r in records], ["1/a", "2/a"])

    def test_a_full_device_is_trouble_worth_a_retry(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([stylet.STYLET, "extract", str(CLIP)], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn(b"cannot write", done.stderr)

    def test_a_closed_pipe_ends_the_run_with_an_error(self):
        done = subprocess.run(f"'{stylet.STYLET}' extract '{CLIP}' | true; exit ${{PIPESTATUS[0]}}", shell=True,
                              executable="/bin/bash", stderr=subprocess.PIPE)
        self.assertIn(done.returncode, (0, 75), done.stderr)

    def test_dry_run_writes_nothing(self):
        said = self.ok("extract", "--dry-run", "-o", self.scratch / "x.npz", CLIP).err
        self.assertIn("1 input, 1 output: ", said)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_dry_run_looks_for_the_files(self):
        self.fails(1, "extract", "--dry-run", CLIP, self.scratch / "absent.wav", saying=["absent.wav': No such file", "2 inputs, 1 output"])
        self.fails(3, "extract", "--dry-run", self.scratch / "absent.wav", saying="absent.wav")

    def test_no_input_at_all_is_no_success(self):
        (self.scratch / "e").mkdir()
        (self.scratch / "empty.list").write_bytes(b"")
        out = ("-o", self.scratch / "x.npz")
        self.fails(3, "extract", "-r", self.scratch / "e", *out, saying=["no input", "e' holds no file with an audio extension"])
        self.fails(3, "extract", "-r", self.scratch, "--glob", "*.mp3", *out, saying=["no input", "--glob '*.mp3'"])
        self.fails(3, "extract", "--files-from", self.scratch / "empty.list", *out, saying="empty.list' is empty")
        self.assertFalse((self.scratch / "x.npz").exists())

    def test_bytes_do_not_go_to_a_terminal(self):
        master, slave = pty.openpty()
        for args in ("mel", CLIP), ("speak", "--like", CLIP, "Good morning.", "-o", "-"):
            done = subprocess.run([stylet.STYLET, *map(str, args)], stdout=slave, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"is a terminal", done.stderr)
        os.close(slave)
        os.close(master)

    def test_a_signal_leaves_no_partial_file(self):
        out = self.scratch / "x.jsonl"
        clips = [stylet.write_wav(self.scratch / f"{i}.wav", stylet.voice(20)) for i in range(60)]
        process = subprocess.Popen([stylet.STYLET, "extract", "-o", str(out), *map(str, clips)],
                                   stderr=subprocess.PIPE)
        while not (self.scratch / "x.jsonl.journal").exists():
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 143, err)
        left = set(os.listdir(self.scratch)) - {clip.name for clip in clips}
        self.assertLessEqual(left, {"x.jsonl.journal"})  # what --resume goes on from


class CommandLine(stylet.Case):
    def test_exact_gives_the_same_bits_whatever_kernels_there_are(self):
        """Processors are told apart by the kernels that are asked for; without --exact those show in the bits."""
        kernels = [{}, {"STYLET_CPU": "avx2"}, {"OPENBLAS_CORETYPE": "Haswell"}, {"OPENBLAS_CORETYPE": "Nehalem", "STYLET_CPU": "generic"},
                   {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA"}]
        outputs = ("-q", "-w", "style,token_weights,reference,features", CLIP, FAST)
        exact = [self.ok("extract", "--exact", *outputs, env=env).stdout for env in kernels]
        self.assertEqual(len(set(exact)), 1)
        if "generic" not in self.ok("--version").stdout.decode():
            self.assertNotEqual(self.ok("extract", *outputs).stdout, exact[0])
        one, plain = (np.float32(json.loads(text.splitlines()[0])["style"]) for text in (exact[0], self.ok("extract", *outputs).stdout))
        self.near(one, plain, 1e-4)  # float32 rounding through the graph
        moved = self.ok("extract", "-q", CLIP, "--exact", "-w", "style").stdout  # options behind operands
        self.assertEqual(json.loads(moved)["style"], json.loads(exact[0].splitlines()[0])["style"])

    def test_help_goes_to_stdout_and_begins_with_examples(self):
        for command in ((), ("extract",), ("inspect",), ("mel",), ("model",)):
            text = self.ok(*command, "--help").stdout.decode()
            self.assertLess(text.index("Examples"), 120, command)

    def test_misuse_exits_with_2_and_says_how_to_go_on(self):
        self.fails(2, "extract", saying="at least one input")
        self.fails(2, "extrct", CLIP, saying="did you mean 'extract'")
        self.fails(2, "extract", "--ouput", "x", CLIP, saying="did you mean 'output'")
        self.fails(2, "extract", "--start", "abc", CLIP, saying=["--start is 'abc'", "a number from 0"])
        self.fails(2, "extract", "--end", "1", "--start", "2", CLIP, saying="--end is 1")
        self.fails(2, "extract", "-o", saying="needs FILE")
        self.fails(2, "extract", "--nonfinite", "drop", CLIP, saying="fail or zero")
        self.fails(2, "extract", "-w", "style,", CLIP, saying="a comma without a name")
        self.fails(2, "mix", "def.npz", saying="unexpected argument 'def.npz'")

    def test_what_is_no_audio_is_named_for_what_it_is(self):
        text = self.scratch / "wav.scp"
        text.write_text(f"a {CLIP}\n")
        self.fails(3, "extract", text, saying="it is text; extract --files-from")
        self.fails(3, "inspect", self.scratch, saying="is a folder, expected an audio file")
        self.fails(3, "extract", "-", stdin=b"", saying="standard input")
        with open("/dev/null", "rb") as nothing:
            done = subprocess.run([stylet.STYLET, "extract", "-"], stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"nothing came on 'standard input'", done.stderr)

    def test_a_folder_is_no_output(self):
        (self.scratch / "d").mkdir()
        for more in (), ("--overwrite",):
            self.fails(2, "extract", "-o", self.scratch / "d", "-f", "npz", *more, CLIP, saying="d' is a folder, expected the name of a file")

    def test_a_model_by_its_bare_name_is_answered_with_its_place(self):
        done = self.fails(2, "extract", "-m", "no-such-model", CLIP, saying=["cannot find the model 'no-such-model'", "models/default'"])
        self.assertNotIn("..", done.err)

    def test_channels_that_were_asked_for_are_no_news(self):
        clip = stylet.write_wav(self.scratch / "two.wav", np.stack([stylet.voice(1), 0.5 * stylet.voice(1)], axis=1))
        self.assertNotIn("channel", self.ok("extract", "--channel", "each", clip).err)
        self.assertIn("channel 1 of 2", self.ok("extract", "--channel", "1", clip).err)

    def test_front_end_values_can_be_replaced_by_name(self):
        self.fails(2, "extract", "--set", "n_ffft=512", CLIP, saying="did you mean 'n_fft'")
        self.fails(2, "extract", "--set", "hop=3", CLIP, saying="did you mean 'hop_length'")
        self.fails(2, "extract", "--set", "hop_length=0", CLIP, saying="an integer from 1")
        few, = self.records("extract", "--set", "hop_length=400", CLIP)
        many, = self.records("extract", CLIP)
        self.assertLess(few["num_frames"], many["num_frames"])

    def test_trim_and_channel_have_options_of_their_own(self):
        loud = np.concatenate([np.zeros(16000), stylet.voice(1), np.zeros(16000)])
        clip = stylet.write_wav(self.scratch / "quiet-ends.wav", loud)
        whole, = self.records("extract", clip)
        cut, = self.records("extract", "--trim", "40", clip)
        same, = self.records("extract", "--trim", "none", "--channel", "mix", clip)
        self.assertLess(cut["num_frames"], 0.5 * whole["num_frames"])
        self.assertEqual(same["style"], whole["style"])
        self.fails(2, "extract", "--trim", "soft", clip, saying="'trim' is 'soft'")
        self.fails(2, "extract", "--channel", "left", clip, saying="expected mix, each or a number")

    def test_verify_tells_a_wrong_model_from_no_model(self):
        model = self.scratch / "m"
        shutil.copytree(stylet.ROOT / "models" / "default", model)
        self.ok("model", "verify", model)
        weights = model / "weights.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        self.fails(1, "model", "verify", model, saying="SHA-256")
        self.fails(2, "model", "verify", self.scratch / "absent", saying="cannot find")
        self.fails(2, "model", "verify", "--set", "hop_length=0", saying="an integer from 1")

    def test_version_names_program_and_version(self):
        self.assertRegex(self.ok("--version").stdout.decode(), r"^stylet \d+\.\d+\.\d+\n")

    def test_the_model_may_come_from_the_environment(self):
        self.fails(2, "extract", CLIP, env={"STYLET_MODEL": str(self.scratch)}, saying="manifest.json")


if __name__ == "__main__":
    tap.main()
