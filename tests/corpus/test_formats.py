"""Formats of corpora, read back by what reads them: safetensors by its rules, Kaldi by its layout, the projector by its page's."""
import csv
import io
import json
import re
import struct

import corpus
import numpy as np
import stylet
import tap

try:  # the formats' own readers, where they are installed; the layout is checked in any case
    import kaldiio
except ImportError:
    kaldiio = None
try:
    import safetensors.numpy
except ImportError:
    safetensors = None


def read_ark(data, offset):
    """The object at an offset of an archive."""
    assert data[offset:offset + 2] == b"\0B", "no binary mark"
    kind, at, shape = data[offset + 2:offset + 5], offset + 5, []
    for _ in range({b"FV ": 1, b"FM ": 2}[kind]):
        assert data[at] == 4
        shape.append(struct.unpack("<i", data[at + 1:at + 5])[0])
        at += 5
    return np.frombuffer(data, "<f4", int(np.prod(shape)), at).reshape(shape)


class Formats(stylet.Case):
    def setUp(self):
        super().setUp()
        self.paths = corpus.clips(self.scratch / "clips", 3)
        self.lines = self.records("extract", "-w", "style,token_weights", *self.paths)
        self.style = np.float32([line["style"] for line in self.lines])
        self.weights = np.float32([line["token_weights"] for line in self.lines])

    def test_safetensors_has_no_holes_and_its_ids_beside_it(self):
        path = self.scratch / "x.safetensors"
        self.ok("extract", "-w", "style,token_weights", "-o", path, *self.paths)
        arrays = stylet.read_safetensors(path)
        np.testing.assert_array_equal(arrays["style"], self.style)
        np.testing.assert_array_equal(arrays["token_weights"], self.weights)
        if safetensors:
            read = safetensors.numpy.load_file(path)
            np.testing.assert_array_equal(read["style"], self.style)
            np.testing.assert_array_equal(read["token_weights"], self.weights)
        data = path.read_bytes()
        length, = struct.unpack("<Q", data[:8])
        self.assertEqual((8 + length) % 8, 0)
        spans = sorted(entry["data_offsets"] for name, entry in json.loads(data[8:8 + length]).items() if name != "__metadata__")
        self.assertEqual([spans[0][0], spans[0][1], spans[-1][1]], [0, spans[1][0], len(data) - 8 - length])
        self.assertEqual((self.scratch / "x.safetensors.ids.txt").read_text().split(), [p.stem for p in self.paths])

    def test_kaldi_archives_are_read_through_their_index(self):
        for output, want in (("style", self.style), ("token_weights", self.weights)):
            ark, scp = self.scratch / "x.ark", self.scratch / "x.scp"
            self.ok("extract", "--overwrite", "-w", output, "-o", f"ark,scp:{ark},{scp}", *self.paths)
            for i, line in enumerate(scp.read_text().splitlines()):
                key, _, place = line.partition(" ")
                file, _, offset = place.rpartition(":")
                self.assertEqual((key, file), (self.paths[i].stem, str(ark)))
                np.testing.assert_array_equal(read_ark(ark.read_bytes(), int(offset)), want[i])
            if kaldiio:
                read = kaldiio.load_scp(str(scp))
                for path, array in zip(self.paths, want):
                    np.testing.assert_array_equal(read[path.stem], array)
                self.assertEqual([key for key, _ in kaldiio.load_ark(str(ark))], [path.stem for path in self.paths])

    def test_kaldi_text_reads_back_as_the_same_numbers(self):
        self.ok("extract", "-o", f"ark,t:{self.scratch / 'x.ark'}", *self.paths)
        for i, line in enumerate((self.scratch / "x.ark").read_text().splitlines()):
            key, numbers = re.fullmatch(r"(\S+)  \[ (.*) \]", line).groups()
            self.assertEqual(key, self.paths[i].stem)
            np.testing.assert_array_equal(np.float32(numbers.split(" ")), self.style[i])
        if kaldiio:
            for (_, read), want in zip(kaldiio.load_ark(str(self.scratch / "x.ark")), self.style):
                np.testing.assert_array_equal(np.float32(read), want)

    def test_kaldis_other_specifiers_mean_what_they_mean_there(self):
        self.ok("extract", "-o", f"scp:{self.scratch / 'y.scp'}", *self.paths)
        self.ok("extract", "-o", f"ark:{self.scratch / 'x.ark'}", *self.paths)
        data = (self.scratch / "y.ark").read_bytes()
        self.assertEqual(data, (self.scratch / "x.ark").read_bytes())
        self.assertEqual((self.scratch / "y.scp").read_text().split()[1], f"{self.scratch / 'y.ark'}:{len(self.paths[0].stem) + 1}")
        self.assertEqual(self.ok("extract", "-o", "ark:-", *self.paths).stdout, data)
        back = self.ok("extract", "-o", "ark,p,s,cs:-", *reversed(self.paths)).stdout  # s: its reader expects sorted keys
        self.assertEqual(back, data)
        for wrong in ("scp,ark:a,b", "ark,scp:a", "ark,scp:a,a", "ark,q:a", "ark,t", "ark:"):
            self.fails(2, "extract", "-o", wrong, *self.paths, saying="expected ark:F")

    def test_a_projector_folder_appears_whole_or_not_at_all(self):
        folder = self.scratch / "p"
        self.fails(3, "extract", "-q", "-o", f"projector:{folder}", self.scratch / "none.wav", saying="not_found")
        self.assertFalse(folder.exists())
        self.ok("extract", "-q", "-o", f"projector:{folder}", *self.paths)
        self.assertEqual({p.name for p in folder.iterdir()}, {"tensors.tsv", "metadata.tsv", "config.json", "projector_config.pbtxt"})
        self.assertEqual([p.name for p in self.scratch.iterdir() if p.name not in ("p", "clips")], [])

    def test_windows_are_rows_of_one_kaldi_matrix_with_their_times_beside_it(self):
        sounds = [stylet.write_wav(self.scratch / f"w{k}.wav", stylet.voice(4.5 + k, f0=100 + 30 * k)) for k in range(2)]
        windows = ("--window", 2, "--hop", 1)
        want = self.records("extract", *windows, *sounds)
        ark, scp = self.scratch / "w.ark", self.scratch / "w.scp"
        self.ok("extract", *windows, "-o", f"ark,scp:{ark},{scp}", *sounds)
        rows = []
        for line in scp.read_text().splitlines():
            matrix = read_ark(ark.read_bytes(), int(line.rpartition(":")[2]))
            rows += [(line.split()[0], row) for row in matrix]
        if kaldiio:
            read = kaldiio.load_scp(str(scp))
            np.testing.assert_array_equal(np.concatenate([read["w0"], read["w1"]]), [row for _, row in rows])
        segments = [line.split() for line in (self.scratch / "w.ark.segments").read_text().splitlines()]
        self.assertEqual([len(rows), len(segments)], [7, 7])
        for record, (key, row), (window, recording, start, end) in zip(want, rows, segments):
            self.assertEqual((record["id"], key), (window, recording))
            self.assertEqual((record["start"], record["start"] + record["duration"]), (float(start), float(end)))
            np.testing.assert_array_equal(row, np.float32(record["style"]))
        self.ok("extract", *windows, "-o", f"ark,t:{self.scratch / 't.ark'}", *sounds)
        text = (self.scratch / "t.ark").read_text()
        numbers = [np.float32(re.sub(r"\s+", " ", block).strip().split(" ")) for block in re.findall(r"\[(.*?)\]", text, re.S)]
        np.testing.assert_array_equal(np.concatenate(numbers), np.concatenate([row for _, row in rows]))
        self.fails(2, "extract", *windows, "-o", "ark:-", *sounds, saying="rows of a matrix")

    def test_kaldi_refuses_ids_with_blanks_before_anything_runs(self):
        spaced = self.paths[0].rename(self.paths[0].with_name("two words.wav"))
        self.fails(2, "extract", "-o", f"ark:{self.scratch / 'x.ark'}", spaced, saying=["blank", "--id-from"])

    def test_the_projector_folder_has_a_header_only_with_two_columns(self):
        folder = self.scratch / "projector"
        self.ok("extract", "-o", f"projector:{folder}", *self.paths)
        np.testing.assert_array_equal(np.loadtxt(folder / "tensors.tsv", dtype=np.float32, delimiter="\t"), self.style)
        self.assertEqual((folder / "metadata.tsv").read_text().split(), [p.stem for p in self.paths])
        config, = json.loads((folder / "config.json").read_text())["embeddings"]
        self.assertEqual((config["tensorShape"], config["tensorPath"]), ([3, 256], "tensors.tsv"))
        table = self.scratch / "t.csv"
        table.write_text("path,speaker,mood\n" + "".join(f"{p},s,calm\n" for p in self.paths))
        self.ok("extract", "--overwrite", "--keep", "mood", "--files-from", table, "-o", f"projector:{folder}")
        rows = list(csv.reader(io.StringIO((folder / "metadata.tsv").read_text()), delimiter="\t"))
        self.assertEqual(rows, [["id", "speaker", "mood"]] + [[p.stem, "s", "calm"] for p in self.paths])

    def test_unequal_shapes_go_into_archives_and_not_into_arrays(self):
        self.paths.append(stylet.write_wav(self.scratch / "clips" / "long.wav", stylet.voice(1.5)))
        self.ok("extract", "-w", "features", "-o", f"ark:{self.scratch / 'f.ark'}", *self.paths)
        self.fails(2, "extract", "-w", "features", "-o", self.scratch / "f.safetensors", *self.paths, saying="equal shapes")

    def test_outputs_as_long_as_their_clips_are_warned_of_before_a_run(self):
        model = stylet.ROOT / "models" / "examples" / "feed_forward"
        for out, more, warned in (("a.npz", self.paths[:2], True), ("b.npz", self.paths[:1], False), ("c.jsonl", self.paths[:2], False),
                                  ("d.npz", ["--window", "0.2", *self.paths[:2]], False)):
            done = stylet.run("extract", "-m", model, "-w", "frames", "-o", self.scratch / out, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(b"'frames' is as long as its clip" in done.stderr, warned, out)


if __name__ == "__main__":
    tap.main()
