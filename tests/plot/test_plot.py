"""`stylet plot`: every picture is rendered, decoded again and compared with the numbers that went in."""
import html
import json
import pathlib
import re
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import tap
from pixels import Picture, decode_png
from stylet import FIXTURES, ROOT, Case

CLIP = FIXTURES / "a_en.wav"
CLIPS = [FIXTURES / name for name in ("a_en.wav", "b_fast.wav", "c_fr.wav")]


class Plot(Case):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(5)

    def draw(self, kind, *args, to="p.svg"):
        out = self.scratch / to
        self.ok("plot", "-q", kind, *args, "-o", out, "--overwrite")
        return out.read_bytes()

    def both(self, kind, *args):
        """The picture as SVG, and the pixels of the PNG, which are twice as many."""
        picture = Picture(self.draw(kind, *args))
        pixels = decode_png(self.draw(kind, *args, to="p.png"))
        self.assertEqual(pixels.shape, (2 * picture.size[1], 2 * picture.size[0], 3))
        return picture, pixels

    def cells(self, picture, pixels, rows, columns):
        """Values [rows, columns] recovered from the PNG, at a corner of each cell that no text covers."""
        cells = next(g for g in picture.groups if len(g) == rows * columns)
        seen = np.array([pixels[int(2 * y) + 2, int(2 * x) + 2] for x, y, *_ in cells])
        for (x, y, w, h, fill, _), colour in zip(cells, seen):
            self.assertEqual(tuple(colour), fill)
            self.assertEqual(tuple(pixels[int(2 * (y + h)) - 2, int(2 * (x + w)) - 2]), fill)
        return picture.read(seen).reshape(rows, columns)

    def corpus(self, n=30, heads=2, tokens=6, width=12, groups=3):
        """A store of n records in groups, and a list with their labels."""
        self.group = np.arange(n) % groups
        centres = 2 * self.rng.standard_normal((groups, width))
        self.styles = np.float32(centres[self.group] + 0.3 * self.rng.standard_normal((n, width)))
        alpha = np.r_[np.ones(tokens - 1), 1e-3]
        self.weights = np.float32(self.rng.dirichlet(alpha, size=(n, heads)))
        store, table = self.scratch / "c.jsonl", self.scratch / "c.csv"
        store.write_text("".join(json.dumps({
            "id": f"clip{i}", "path": str(CLIPS[i % 3]), "status": "ok", "style": self.styles[i].tolist(),
            "token_weights": self.weights[i].tolist(), "model": {"name": "m", "hash": "0" * 32}}) + "\n" for i in range(n)))
        table.write_text("id,path,who\n" + "".join(f"clip{i},p{i}.wav,who{g}\n" for i, g in enumerate(self.group)))
        return store, table


class HeatMaps(Plot):
    def test_heads_shows_the_weights_of_a_clip(self):
        record, = self.records("extract", "-q", "-w", "token_weights", CLIP)
        want = np.array(record["token_weights"])
        picture, pixels = self.both("heads", CLIP)
        self.near(self.cells(picture, pixels, 8, 10), want, want.max() / 128, "a colour of the bar is 1/128 of the range")
        for text in ("a_en", "token", "head", "weight", "7", "9"):
            self.assertIn(text, picture.texts)
        entropy = np.exp(-(want * np.log(want)).sum(1))
        for e in entropy:
            self.assertIn(f"{e:.1f} of 10 tokens", picture.texts)

    def test_weights_shows_clips_in_rows(self):
        store, table = self.corpus()
        picture, pixels = self.both("weights", store)
        want = self.weights.mean(1)
        self.near(self.cells(picture, pixels, 30, 6), want, want.max() / 128)
        self.assertIn("clip29", picture.texts)
        picture, pixels = self.both("weights", store, "--head", 1)
        self.near(self.cells(picture, pixels, 30, 6), self.weights[:, 1], self.weights[:, 1].max() / 128)
        picture, pixels = self.both("weights", store, "--list", table, "--by", "who")
        self.near(self.cells(picture, pixels, 30, 6), want[np.argsort(self.group, kind="stable")], want.max() / 128)

    def test_tips_name_clip_token_and_value(self):
        store, _ = self.corpus()
        cells = next(g for g in Picture(self.draw("weights", store)).groups if len(g) == 180)
        self.assertEqual(cells[7][5], f"clip1, 1: {self.weights[1, :, 1].mean():.4g}")

    def test_similarity_shows_cosines(self):
        store, _ = self.corpus(n=9)
        picture, pixels = self.both("similarity", store)
        x = self.styles.astype(float) / np.linalg.norm(self.styles, axis=1, keepdims=True).astype(float)
        want = x @ x.T
        self.near(self.cells(picture, pixels, 9, 9), want, (1 - want.min()) / 128)
        self.assertIn("cosine", picture.texts)

    def test_large_ones_are_averaged_and_say_so(self):
        rows = np.float32(self.rng.dirichlet(np.ones(4), size=(2000, 2)))
        np.savez(self.scratch / "w.npz", token_weights=rows)
        picture = Picture(self.draw("weights", self.scratch / "w.npz"))
        self.assertTrue(any("a row is the mean of 3 clips" in t for t in picture.texts), picture.texts)
        cells = next(g for g in picture.groups if len(g) == 667 * 4)
        want = rows[3:6, :, 2].mean()
        self.near(float(cells[4 + 2][5].rpartition(": ")[2]), want, 1e-4)


class Time(Plot):
    def test_speech_shows_mels_and_pitch_on_common_scales(self):
        self.ok("speak", "-q", "--set", "pitch=150Hz,range=0", "--voice", "en", "Nobody was there to see it.", "-o", self.scratch / "flat.wav")
        svg = self.draw("speech", CLIP, self.scratch / "flat.wav").decode()
        self.assertEqual(svg.count("<image"), 2)
        lines = [np.array([xy.split(",") for xy in points.split()], float)
                 for points in re.findall(r'<polyline[^>]*points="([^"]+)"[^>]*stroke-width="2"', svg)]
        half = float(re.search(r'height="([\d.]+)"', svg)[1]) / 2
        lively, flat = (np.concatenate([line[:, 1] for line in lines if (line[0, 1] > half) == below]) for below in (False, True))
        self.assertGreater(np.ptp(np.percentile(lively, [10, 90])), 8)  # of the 96 pixels of less than two octaves
        self.assertLess(np.ptp(np.percentile(flat, [10, 90])), 3)
        self.draw("speech", CLIP, to="one.png")

    def test_speech_refuses_what_has_no_pitch(self):
        self.ok("mel", "-q", CLIP, "-o", self.scratch / "m.npy")
        self.fails(2, "plot", "speech", self.scratch / "m.npy", "-o", self.scratch / "p.svg", saying="expected audio")
        self.fails(2, "plot", "speech", *[CLIP] * 9, "-o", self.scratch / "p.svg", saying="at most 8")

    def test_mel_shows_every_bin_over_seconds_and_hertz(self):
        path = self.scratch / "mel.npy"
        self.ok("mel", "-q", CLIP, "-o", path)
        mel = np.load(path)
        picture = Picture(self.draw("mel", CLIP))
        (x, y, w, h, image), = picture.images
        self.assertEqual(image.shape, (mel.shape[1], mel.shape[0], 3))
        self.near(picture.read(image)[::-1].T, mel, (mel.max() - mel.min()) / 127)
        pixels = decode_png(self.draw("mel", CLIP, to="m.png"))
        for t, b in ((0, 0), (100, 20), (mel.shape[0] - 1, 79)):
            px, py = 2 * (x + w * (t + 0.5) / mel.shape[0]), 2 * (y + h * (79.5 - b) / 80)
            self.assertEqual(tuple(pixels[int(py), int(px)]), tuple(image[79 - b, t]))
        for text in ("time (s)", "frequency (Hz)", "1000", "4000", "5.0"):
            self.assertIn(text, picture.texts)

    def test_a_long_mel_is_averaged_and_says_so(self):
        long = np.float32(self.rng.standard_normal((4000, 80)))
        np.save(self.scratch / "long.npy", long)
        picture = Picture(self.draw("mel", self.scratch / "long.npy"))
        self.assertTrue(any("means over 5 frames a column" in t for t in picture.texts))
        (_, _, _, _, image), = picture.images
        self.near(picture.read(image[::-1])[3, 7], long[35:40, 3].mean(), np.ptp(long) / 100)

    def test_attention_shows_each_head(self):
        maps = np.float32(self.rng.dirichlet(np.ones(20), size=(3, 15)))
        np.save(self.scratch / "a.npy", maps)
        picture, pixels = self.both("attention", self.scratch / "a.npy")
        heads = [g for g in picture.groups if len(g) == 300]
        self.assertEqual(len(heads), 3)
        for want, cells in zip(maps, heads):
            seen = picture.read([pixels[int(2 * y) + 2, int(2 * x) + 2] for x, y, *_ in cells]).reshape(15, 20)
            self.near(seen, want, maps.max() / 128)
        for text in ("head 2", "attention weight"):
            self.assertIn(text, picture.texts)
        first = heads[0]  # a query's tick is at its row's upper edge
        for x, y, text in picture.places:
            if x < first[0][0] and text.isdigit():
                self.near(y - 4, first[20 * int(text)][1] if int(text) < 15 else first[-1][1] + first[-1][3], 0.6)

    def test_attention_of_a_model_reads_an_array_as_features(self):
        model = ROOT / "models" / "examples" / "multi_head_attention"
        np.save(self.scratch / "f.npy", np.float32(self.rng.standard_normal((40, 20))))
        picture = Picture(self.draw("attention", "-m", model, "-w", "attention.attention", self.scratch / "f.npy"))
        self.assertEqual(len([t for t in picture.texts if t.startswith("head ")]), 2)


class Maps(Plot):
    def test_a_map_is_the_svd_with_fixed_signs(self):
        store, table = self.corpus()
        picture, pixels = self.both("map", store, "--list", table, "--by", "who")
        x = self.styles.astype(float) - self.styles.astype(float).mean(0)
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        sign = np.sign(vt[np.arange(2), np.abs(vt[:2]).argmax(1)])
        want = (u * s)[:, :2] * sign
        circles = picture.circles()[:30]
        at = np.array([c[:2] for c in circles]) * [1, -1]
        for axis in range(2):  # pixels are a straight line in the scores, and the same one on both axes
            slope, rest = np.polyfit(want[:, axis], at[:, axis], 1)
            self.assertGreater(slope, 0)
            self.near(slope * want[:, axis] + rest, at[:, axis], 0.02, "two decimals in the file")
        self.assertEqual([c[3] for c in circles], [f"clip{i}\nwho{g}" for i, g in enumerate(self.group)])
        self.assertEqual(len({c[2] for c in circles}), 3)
        cx, cy, fill, _ = circles[-1]  # nothing is drawn over the last one
        self.assertEqual(tuple(pixels[int(2 * cy), int(2 * cx)]), fill)
        share = 100 * s ** 2 / (s ** 2).sum()
        self.assertIn(f"principal component 1 ({share[0]:.1f} % of the variance)", picture.texts)
        self.assertIn("who2", picture.texts)

    def test_many_points_are_thinned_and_say_so(self):
        np.save(self.scratch / "many.npy", np.float32(self.rng.standard_normal((50001, 4))))
        picture = Picture(self.draw("map", self.scratch / "many.npy"))
        self.assertIn("50001 clips, one in 3 is drawn", picture.texts)
        self.assertEqual(len(picture.circles()), 16667)

    def test_vectors_that_are_all_equal_lie_in_the_middle(self):
        np.save(self.scratch / "same.npy", np.ones((5, 3), np.float32))
        circles = Picture(self.draw("map", self.scratch / "same.npy")).circles()
        self.assertEqual(len({c[:2] for c in circles}), 1)


class Usage(Plot):
    def test_usage_counts_tokens(self):
        store, _ = self.corpus()
        picture = Picture(self.draw("usage", store))
        tips = [t.text for t in picture.root.iter("{http://www.w3.org/2000/svg}title")]
        largest = np.bincount(self.weights.argmax(2).ravel(), minlength=6) / 60
        for k in range(6):
            self.assertIn(f"token {k}\nmean weight {self.weights[..., k].astype(float).mean():.3f}", tips)
            self.assertIn(f"token {k}\nlargest in {100 * largest[k]:.1f} % of clips and heads", tips)
        mean = self.weights.astype(float).mean((0, 1))
        effective = np.exp(-(mean * np.log(mean)).sum())
        self.assertTrue(any(f"{effective:.1f} of 6 tokens in use over all" in t and "1 dead" in t for t in picture.texts))


class Files(Plot):
    def test_the_same_input_gives_the_same_bytes(self):
        store, table = self.corpus()
        for kind, *args in (("heads", CLIP), ("map", store, "--list", table, "--by", "who"), ("usage", store), ("mel", CLIP)):
            for to in ("a.png", "a.svg", "a.html"):
                self.assertEqual(self.draw(kind, *args, to=to), self.draw(kind, *args, to=to), f"{kind} {to}")
        self.assertEqual(self.draw("report", store, to="r.html"), self.draw("report", store, to="r.html"))

    def test_themes_differ_in_paper_only_where_there_is_no_data(self):
        light, dark = (decode_png(self.draw("heads", CLIP, "--theme", t, to=f"{t}.png")) for t in ("light", "dark"))
        self.assertEqual(tuple(light[0, 0]), (255, 255, 255))
        self.assertLess(dark[0, 0].max(), 40)
        picture = Picture(self.draw("heads", CLIP))
        x, y, *_ = next(g for g in picture.groups if len(g) == 80)[0]
        self.assertEqual(tuple(light[int(2 * y) + 2, int(2 * x) + 2]), tuple(dark[int(2 * y) + 2, int(2 * x) + 2]))

    def test_the_colour_map_survives_greyscale(self):
        bar, _ = Picture(self.draw("heads", CLIP)).bar()
        luma = bar @ [0.2126, 0.7152, 0.0722]
        self.assertTrue((np.diff(luma) < 0).all())  # the bar runs from high to low

    def test_names_that_are_markup_stay_text(self):
        store = self.scratch / "x.jsonl"
        store.write_text("".join(json.dumps({"id": f"<b>&\"{i}", "style": [i, 1.0, i * i]}) + "\n" for i in range(4)))
        picture = Picture(self.draw("similarity", store))
        self.assertIn('<b>&"3', picture.texts)
        self.assertNotIn(b"<b>&", self.draw("report", store, to="x.html"))

    def test_a_zoom_makes_more_pixels(self):
        one, three = (decode_png(self.draw("heads", CLIP, "--zoom", z, to="z.png")) for z in (1, 3))
        self.assertEqual(three.shape[0], 3 * one.shape[0])


class Report(Plot):
    def test_a_report_on_audio_holds_the_diagnosis(self):
        page = self.draw("report", *CLIPS, to="r.html").decode()
        said = page.partition('<pre id="diagnosis">')[2].partition("</pre>")[0]
        diagnosis = self.ok("model", "diagnose", "-q").stdout.decode()
        self.assertEqual(html.unescape(said), diagnosis)
        for heading in ("Map", "Use of the tokens", "Tokens and the clips nearest to them", "Similarity", "Diagnosis"):
            self.assertIn(f"<h2>{heading}</h2>", page)

    def test_a_report_on_a_model_alone(self):
        page = self.draw("report", to="r.html").decode()
        for heading in ("Value projections of the tokens", "Diagnosis", "Graph", "Map", "Use of the tokens", "Similarity",
                        "Tokens and the probes nearest to them"):
            self.assertIn(f"<h2>{heading}</h2>", page)
        for name, command in (("diagnosis", "diagnose"), ("graph", "info")):
            said = page.partition(f'<pre id="{name}">')[2].partition("</pre>")[0]
            self.assertEqual(html.unescape(said), self.ok("model", command, "-q").stdout.decode())
        self.assertEqual(page, self.draw("report", ROOT / "models" / "default", to="f.html").decode())
        rows = np.float64([self.records("mix", "-q", "--token", f"{k}=1")[0]["style"] for k in range(10)])
        lengths = np.linalg.norm(rows, axis=1)
        cosine = rows @ rows.T / lengths[:, None] / lengths - 2 * np.eye(10)
        table = page.partition('<table id="projections">')[2].partition("</table>")[0]
        cells = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr>")[2:]]
        for k, (token, length, near, value, _) in enumerate(cells):
            self.assertEqual((int(token), int(near)), (k, cosine[k].argmax()))
            self.near([float(length) / lengths[k], float(value)], [1, cosine[k].max()], 1e-3, "four digits are printed")
        self.assertEqual(len(cells), 10)

    def test_a_model_without_tokens_says_so(self):
        page = self.draw("report", ROOT / "models" / "examples" / "multi_head_attention", to="r.html").decode()
        self.assertIn("Not shown: the model", page)
        self.assertIn('<pre id="graph">', page)
        self.fails(2, "plot", "report", "--list", "x.csv", "--by", "who", "-o", self.scratch / "no.html", saying="has none")
        self.fails(2, "plot", "report", "-m", self.scratch / "none", "-o", self.scratch / "no.html", saying="none")
        self.assertFalse((self.scratch / "no.html").exists())

    def test_a_stored_corpus_is_reported_without_a_model(self):
        store, _ = self.corpus()
        page = self.draw("report", store, to="r.html").decode()
        self.assertNotIn("diagnosis", page.replace("Diagnosis", "").partition("<main>")[2])
        self.assertNotRegex(page, r"(src|href)=\"https?:")
        self.fails(2, "plot", "report", store, "-m", ROOT / "models" / "default", "-o", self.scratch / "no.html", saying="different models")
        self.assertFalse((self.scratch / "no.html").exists())


class Refused(Plot):
    def refused(self, code, saying, *args, to="no.png"):
        self.fails(code, "plot", *args, "-o", self.scratch / to, saying=saying)
        self.assertFalse((self.scratch / to).exists())

    def test_what_cannot_be_drawn(self):
        store, table = self.corpus()
        self.refused(2, "wieghts", "wieghts", store)
        self.refused(2, ".html", "report", store)
        self.refused(2, ".png", "map", store, to="no.gif")
        self.refused(2, "one clip", "heads", store)
        self.refused(2, "--head", "weights", store, "--head", 2)
        self.refused(2, "mood", "map", store, "--list", table, "--by", "mood")
        self.refused(2, "alone", "map", CLIP)
        self.refused(2, "expected token weights", "usage", store, "-w", "style")
        self.refused(2, "theme", "map", store, "--theme", "pink")
        self.fails(2, "plot", "map", store, saying="-o")

    def test_bad_values_and_empty_corpora(self):
        bad = np.ones((3, 4), np.float32)
        bad[1, 2] = np.inf
        np.save(self.scratch / "bad.npy", bad)
        for kind in ("map", "similarity", "mel", "attention"):
            self.refused(3, "inf", kind, self.scratch / "bad.npy")
        np.save(self.scratch / "empty.npy", np.ones((0, 4), np.float32))
        self.refused(3, "no vectors", "map", self.scratch / "empty.npy")
        (self.scratch / "failed.jsonl").write_text('{"id":"a","path":"a","status":"error","error":{"code":"empty","message":"m"}}\n')
        self.refused(3, "no vectors", "map", self.scratch / "failed.jsonl")

    def test_an_existing_picture_is_kept(self):
        out = self.scratch / "p.png"
        out.write_text("mine")
        self.fails(2, "plot", "heads", CLIP, "-o", out, saying="exists")
        self.assertEqual(out.read_text(), "mine")


if __name__ == "__main__":
    tap.main()
