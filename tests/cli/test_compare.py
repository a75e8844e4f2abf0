"""`stylet compare`: matrices, search in an index, groups, and what is refused."""
import json
import pathlib
import shutil
import sys
import zipfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap
from stylet import FIXTURES, ROOT, Case

PLACES = ("i.npz", "i.npy", "i.safetensors", "i.jsonl", "ark:i.ark", "ark,t:t.ark", "ark,scp:j.ark,j.scp")
CLIPS = [FIXTURES / name for name in ("a_en.wav", "b_fast.wav", "c_fr.wav")]


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)


class Compare(Case):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(11)

    def vectors(self, name, n=40, width=24, base=None):
        rows = np.float32(self.rng.standard_normal((n, width)) if base is None else base)
        np.save(self.scratch / name, rows)
        return self.scratch / name, rows

    def store(self, place, *args):
        """The clips in a format; the name of the file that is read."""
        self.ok("extract", "-q", *CLIPS, *args, "-o", place, "--overwrite", cwd=self.scratch)
        return place.split(":")[-1].split(",")[-1]

    def json(self, *args):
        return [json.loads(line) for line in self.ok("compare", "-q", "--json", *args).stdout.splitlines()]


class Matrix(Compare):
    def test_clips_are_compared_all_with_all(self):
        found, = self.json(*CLIPS)
        rows = np.float32([self.records("extract", "-q", clip)[0]["style"] for clip in CLIPS])
        self.assertEqual(found["ids"], ["a_en", "b_fast", "c_fr"])
        self.near(found["cosine"], cosines(rows, rows), 1e-6)
        wide = rows.astype(np.float64)
        self.near(found["euclidean"], np.linalg.norm(wide[:, None] - wide[None], axis=2), 1e-6)

    def test_the_table_holds_the_same_numbers(self):
        text = self.ok("compare", "-q", *CLIPS).stdout.decode()
        found, = self.json(*CLIPS)
        for row in found["cosine"]:
            self.assertIn(" ".join(f"{v:8.4f}" for v in row), text)

    def test_many_vectors_give_the_pairs_that_stand_out(self):
        path, rows = self.vectors("v.npy")
        same = cosines(rows, rows) - 3 * np.eye(40)
        i, k = sorted(np.unravel_index(same.argmax(), same.shape))
        self.assertIn(f"{same[i, k]:8.4f}  {i}  {k}", self.ok("compare", "-q", path).stdout.decode())

    def test_a_zero_vector_is_like_nothing(self):
        path, _ = self.vectors("v.npy", base=np.vstack([np.zeros(4), np.ones(4)]))
        found, = self.json(path)
        self.near(found["cosine"], [[0, 0], [0, 1]], 0)


class Nearest(Compare):
    def check(self, metric, index, rows, queries, wanted):
        path, q = self.vectors("q.npy", base=queries)
        found = self.json("--nearest", 5, "--index", index, "--metric", metric, path)
        self.assertEqual(len(found), len(q))
        for one, scores in zip(found, wanted(q, rows)):
            best = np.argsort(scores, kind="stable")[:5]
            self.assertEqual([m["row"] for m in one["nearest"]], best.tolist())
            self.near([m["value"] for m in one["nearest"]], np.abs(scores[best]), 1e-7)

    def test_the_most_alike_come_first(self):
        index, rows = self.vectors("index.npy", n=9000, width=256)  # more than two blocks
        queries = rows[[5, 8999, 4097]] + 0.9 * np.float32(self.rng.standard_normal((3, 256)))
        self.check("cosine", index, rows, queries, lambda q, r: -cosines(q, r))
        self.check("euclidean", index, rows, queries,
                   lambda q, r: np.linalg.norm(r[None].astype(float) - q[:, None].astype(float), axis=2))

    def test_equal_vectors_keep_the_order_of_the_index(self):
        index, rows = self.vectors("index.npy", base=np.tile(np.float32([1, 2, 3]), (30, 1)))
        q, _ = self.vectors("q.npy", base=rows[:1])
        found, = self.json("--nearest", 4, "--index", index, q)
        self.assertEqual([m["row"] for m in found["nearest"]], [0, 1, 2, 3])

    def test_ids_come_from_every_format(self):
        for place in PLACES:
            index = self.store(place)
            found, = [json.loads(line) for line in self.ok(
                "compare", "-q", "--json", "--nearest", 9, "--index", index, CLIPS[2], cwd=self.scratch).stdout.splitlines()]
            self.assertEqual(found["nearest"][0]["id"], "c_fr", place)
            self.assertEqual(len(found["nearest"]), 3)  # the index has no more
            self.near(found["nearest"][0]["value"], 1, 1e-6)

    def test_token_weights_come_from_every_format(self):
        expected = np.float32([self.records("extract", "-q", "-w", "token_weights", clip)[0]["token_weights"] for clip in CLIPS])
        rows = expected.reshape(3, -1)
        for place in PLACES:
            index = self.store(place, "-w", "token_weights")
            found = json.loads(self.ok("compare", "-q", "--json", "-w", "token_weights", index, cwd=self.scratch).stdout)
            self.near(found["cosine"], cosines(rows, rows), 1e-6)

    def test_an_index_of_numpy_is_read(self):
        rows = np.float32(self.rng.standard_normal((7, 5)))
        np.savez(self.scratch / "n.npz", style=rows, ids=np.array([f"é{i}" for i in range(7)]))
        q, _ = self.vectors("q.npy", base=rows[3:4])
        found, = self.json("--nearest", 1, "--index", self.scratch / "n.npz", q)
        self.assertEqual(found["nearest"][0]["id"], "é3")


class Inputs(Compare):
    def test_graph_inputs_are_fed_with_bind(self):
        model = ROOT / "models" / "examples" / "conformer_multi_headed_self_attention"
        np.save(self.scratch / "text.npy", np.float32(self.rng.standard_normal((5, 8))))
        args = ("-q", "-m", model, "-w", "prosody")
        self.fails(2, "compare", *args, *CLIPS, saying="text")
        bind = ("--bind", f"text={self.scratch / 'text.npy'}")
        rows = np.float32([self.records("extract", *args, *bind, clip)[0]["prosody"] for clip in CLIPS]).reshape(3, -1)
        found = json.loads(self.ok("compare", "--json", *args, *bind, *CLIPS).stdout)
        self.near(found["cosine"], cosines(rows, rows), 1e-6)
        self.fails(2, "compare", *args, "--bind", "text", *CLIPS, saying="NAME=FILE.npy")
        self.ok("plot", "weights", *args, *bind, *CLIPS, "-o", self.scratch / "p.svg")
        style = self.records("extract", "-q", "-m", model, *bind, CLIPS[0])[0]["style"]
        mixed, = self.records("mix", "-q", "-m", model, *bind, "--from", CLIPS[0])
        self.assertEqual(mixed["style"], style)


class Groups(Compare):
    def setUp(self):
        super().setUp()
        centres = self.rng.standard_normal((3, 12))
        self.group = np.arange(30) % 3
        self.rows = np.float32(centres[self.group] + 0.4 * self.rng.standard_normal((30, 12)))
        self.path, _ = self.vectors("v.npy", base=self.rows)
        (self.scratch / "v.npy.ids.txt").write_text("".join(f"c{i}\n" for i in range(30)))
        self.list = self.scratch / "list.csv"
        self.list.write_text("id,path,speaker\n" + "".join(f"c{i},x/c{i}.wav,s{g}\n" for i, g in enumerate(self.group)))

    def silhouette(self, distance):
        total = 0
        for i, g in enumerate(self.group):
            means = [distance[i, self.group == k].sum() / ((self.group == k).sum() - (k == g)) for k in range(3)]
            other = min(m for k, m in enumerate(means) if k != g)
            total += (other - means[g]) / max(other, means[g])
        return total / len(self.group)

    def test_groups_are_measured_as_defined(self):
        found, = self.json(self.path, "--list", self.list, "--by", "speaker")
        c = cosines(self.rows, self.rows)
        same = self.group[:, None] == self.group[None]
        off = ~np.eye(30, dtype=bool)
        self.near(found["silhouette"], self.silhouette(1 - c), 1e-9)
        self.near(found["within"], c[same & off].mean(), 1e-9)
        self.near(found["between"], c[~same].mean(), 1e-9)
        nearest = np.where(off, c, -2).argmax(1)
        self.near(found["same_nearest"], (self.group[nearest] == self.group).mean(), 1e-12)
        self.assertEqual((found["groups"], found["clips"]), (3, 30))
        found, = self.json(self.path, "--list", self.list, "--by", "speaker", "--metric", "euclidean")
        wide = self.rows.astype(float)
        self.near(found["silhouette"], self.silhouette(np.linalg.norm(wide[:, None] - wide[None], axis=2)), 1e-9)

    def test_groups_of_one_clip_have_no_inside(self):
        self.list.write_text("id,path,speaker\n" + "".join(f"c{i},x/c{i}.wav,s{i}\n" for i in range(30)))
        found, = self.json(self.path, "--list", self.list, "--by", "speaker")
        self.assertEqual([found[k] for k in ("silhouette", "within", "same_nearest")], [None] * 3)
        text = self.ok("compare", self.path, "--list", self.list, "--by", "speaker").stdout.decode()
        self.assertIn("no group has two clips", text)

    def test_a_missing_column_or_clip_is_named(self):
        self.fails(2, "compare", self.path, "--list", self.list, "--by", "mood", saying="mood")
        text = self.list.read_text().replace("c17,", "d17,")
        self.list.write_text(text)
        self.fails(2, "compare", self.path, "--list", self.list, "--by", "speaker", saying="c17")
        self.list.write_text("id,path,speaker\n" + "".join(f"c{i},x/c{i}.wav,one\n" for i in range(30)))
        self.fails(2, "compare", self.path, "--list", self.list, "--by", "speaker", saying="one group")


class Refused(Compare):
    def test_what_cannot_be_compared(self):
        a, _ = self.vectors("a.npy", base=np.ones((1, 4)))
        b, _ = self.vectors("b.npy", base=np.ones((1, 5)))
        self.fails(2, "compare", a, saying="one vector")
        self.fails(2, "compare", a, b, saying=["4", "5"])
        self.fails(2, "compare", a, "--nearest", 3, "--index", b, saying=["4", "5"])
        self.fails(2, "compare", a, "--nearest", 3, saying="--index")
        self.fails(2, "compare", a, a, "--by", "x", saying="--list")
        self.fails(2, "compare", a, a, "--metric", "manhattan", saying="manhattan")
        empty, _ = self.vectors("e.npy", base=np.ones((0, 4)))
        self.fails(3, "compare", empty, a, saying="no vectors")
        nan, _ = self.vectors("n.npy", base=np.full((2, 4), np.nan))
        self.fails(3, "compare", nan, saying="nan")

    def test_a_damaged_archive(self):
        index = self.scratch / "i.ark"
        self.ok("extract", "-q", *CLIPS, "-o", f"ark:{index}")
        data = index.read_bytes()
        index.write_bytes(data[:-100])
        self.fails(3, "compare", index, saying="c_fr")
        index.write_bytes(data + b"x \0BFV \4\2\0\0\0" + bytes(8))
        self.fails(2, "compare", index, saying="another shape")
        index.write_bytes(data + b"x \0BCM \4\2\0\0\0" + bytes(8))
        self.fails(2, "compare", index, saying="another kind")

    def test_a_damaged_text_archive(self):
        index = self.scratch / "t.ark"
        for text, saying in (("a  [ 1 2 ]\nb  [ 1 2 3 ]\n", "another shape"), ("a  [ 1 x ]\n", "no number"), ("a  [ 1 2", "ends inside"),
                             ("a  [ ]\n", "no values"), ("a  [\n 1 2\n 3 ]\n", "different lengths"), ("a  [ 1 2 ] 3\n", "behind"),
                             ("a  [ 1 2 ]\nb 3 4\n", "no '['"), (f"a  [ {'1' * 80} ]\n", "no number"), ("a  [ 1 nan ]\n", "nan")):
            index.write_text(text)
            self.assertIn(self.run_refused("compare", index, index, saying=saying), (2, 3), text)

    def test_a_damaged_index(self):
        (self.scratch / "a.ark").write_text("a  [ 1 2 ]\nb  [ 2 1 ]\n")
        index = self.scratch / "a.scp"
        for text, saying in (("a a.ark:2\nb a.ark\n", "line 2"), ("a a.ark:2\nb b.ark:2\n", "b.ark"), ("a a.ark:1000\n", "no '['"),
                             ("a a.ark:2\nb a.ark:99999999999999999999\n", "line 2"), ("a a.ark:2\nb a.ark:3[0:1]\n", "line 2")):
            index.write_text(text)
            self.assertIn(self.run_refused("compare", index, saying=saying, cwd=self.scratch), (2, 3), text)
        index.write_text("x a.ark:2\ny a.ark:13\n")
        found = json.loads(self.ok("compare", "--json", index, cwd=self.scratch).stdout)
        self.assertEqual(found["ids"], ["x", "y"])
        self.near(found["cosine"][0][1], 0.8, 1e-6)

    def test_a_damaged_safetensors_file(self):
        path = self.scratch / self.store("i.safetensors")
        data = path.read_bytes()
        for cut in (4, 9, 60, len(data) - 4):
            path.write_bytes(data[:cut])
            self.run_refused("compare", path)
        for old, new, saying in ((b'"F32"', b'"F16"', "F16"), (b"[3,256]", b"[3,257]", "does not fit"), (b"3072]", b"9999]", "does not fit"),
                                 (b'"style"', b'"stile"', "no 'style'"), (b"[3,256]", b"[3,2.6]", "2.6")):
            self.assertEqual(data.count(old), 1)
            path.write_bytes(data.replace(old, new))
            self.run_refused("compare", path, saying=saying)

    def run_refused(self, *args, saying="", cwd=None):
        from stylet import run
        done = run(*args, cwd=cwd or self.scratch)
        self.assertIn(done.returncode, (2, 3), done.err)
        self.assertIn(saying, done.err)
        return done.returncode

    def other_model(self):
        """The shipped model under another description: the same shapes, another hash."""
        folder = self.scratch / "other"
        shutil.copytree(ROOT / "models" / "default", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["description"] = "another one"
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def test_every_place_tells_the_model(self):
        other = self.other_model()
        for place in PLACES:
            index = self.store(place)
            for command in (("compare", index, CLIPS[0]), ("compare", CLIPS[0], "--nearest", 1, "--index", index),
                            ("mix", "--from", f"{index}#a_en", "-o", "mix.npy"),
                            ("plot", "similarity", index, CLIPS[0], "-o", "p.svg")):
                self.fails(2, *command, "-m", other, saying="model", cwd=self.scratch)
            self.assertFalse((self.scratch / "mix.npy").exists() or (self.scratch / "p.svg").exists())
            self.fails(2, "compare", index, "-m", other, saying="-m is the model", cwd=self.scratch)
            self.fails(2, "compare", index, CLIPS[0], "-m", other, saying="would be run by the model 'default'", cwd=self.scratch)
            self.ok("compare", index, CLIPS[0], cwd=self.scratch)

    def test_two_places_of_two_models(self):
        other = self.other_model()
        self.ok("extract", "-q", *CLIPS, "-m", other, "-o", self.scratch / "o.npz")
        for place in PLACES:
            self.fails(2, "compare", "o.npz", self.store(place), saying="different models", cwd=self.scratch)
        (self.scratch / "i.npy.model.txt").write_text("not a hash\n")
        self.fails(2, "compare", "i.npy", saying="i.npy.model.txt", cwd=self.scratch)
        (self.scratch / "i.npy.model.txt").unlink()  # a bare array says nothing
        self.ok("compare", "i.npy", "o.npz", cwd=self.scratch)

    def test_an_archive_has_the_model_in_its_comment(self):
        self.store("i.npz", "-w", "style,token_weights")
        with np.load(self.scratch / "i.npz", allow_pickle=False) as file:
            self.assertEqual(file.files, ["ids", "style", "token_weights"])
            self.assertEqual({len(file[name]) for name in file.files}, {len(CLIPS)})
        model = self.records("extract", "-q", CLIPS[0])[0]["model"]
        with zipfile.ZipFile(self.scratch / "i.npz") as file:
            self.assertIsNone(file.testzip())
            self.assertEqual(json.loads(file.comment), {"model": model})
        self.assertEqual(self.ok("model", "hash").stdout.decode().splitlines()[0], f"{model['hash']}  {model['name']}")
        whole = (self.scratch / "i.npz").read_bytes()
        (self.scratch / "i.npz").write_bytes(whole[:-1])
        self.fails(2, "compare", "i.npz", saying="truncated", cwd=self.scratch)

    def test_a_name_too_long_for_a_comment_is_left_out(self):
        folder = self.other_model()
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "name": 66000 * "n"}))
        self.ok("extract", "-q", CLIPS[0], "-m", folder, "-o", self.scratch / "i.npz")
        with zipfile.ZipFile(self.scratch / "i.npz") as file:
            self.assertEqual(json.loads(file.comment), {"model": {"hash": self.ok("model", "hash", folder).stdout.decode().split()[0]}})
        self.fails(2, "compare", "i.npz", CLIPS[0], saying="model", cwd=self.scratch)

    def test_an_array_has_the_model_beside_it(self):
        self.store("i.npy")
        self.assertEqual((self.scratch / "i.npy.model.txt").read_text(), self.ok("model", "hash").stdout.decode().splitlines()[0] + "\n")

    def test_other_comments_of_an_archive(self):
        self.store("i.npz")
        vectors = dict(np.load(self.scratch / "i.npz"))
        for comment, refused in ((b"", False), (b"mine", False), (b"[1, 2]", False), (b'{"model": {"hash": 5}}', False), (b'{"model": "x"}', False),
                                 (json.dumps({"model": {"name": "x" * 60000, "hash": "0" * 32}}).encode(), True)):
            np.savez(self.scratch / "n.npz", **vectors)
            with zipfile.ZipFile(self.scratch / "n.npz", "a") as file:
                file.comment = comment
            if refused:
                self.fails(2, "compare", CLIPS[0], "--nearest", 1, "--index", "n.npz", saying="model", cwd=self.scratch)
            else:
                self.ok("compare", CLIPS[0], "--nearest", 1, "--index", "n.npz", cwd=self.scratch)

    def test_vectors_of_two_models(self):
        stored = self.scratch / "v.jsonl"
        self.ok("extract", "-q", CLIPS[0], "-o", stored)
        record = json.loads(stored.read_text())
        record["model"]["hash"] = "f" * 32
        other = self.scratch / "o.jsonl"
        other.write_text(json.dumps(record) + "\n")
        self.fails(2, "compare", stored, other, saying="different models")
        self.fails(2, "compare", CLIPS[0], "--nearest", 1, "--index", other, saying="model")
        other.write_text(stored.read_text() + json.dumps(record) + "\n")
        self.fails(2, "compare", other, saying="line 2")


if __name__ == "__main__":
    tap.main()
