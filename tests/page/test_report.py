"""The page of `stylet plot report` in a real browser: no error, names on hovering, sound on a click, pixels in place."""
import json
import pathlib
import re
import shutil
import sys
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import chromium
import tap
from stylet import FIXTURES, Case

NAMES = ("a_en.wav", "b_fast.wav", "c_fr.wav")
POINTS = "[...document.querySelectorAll('circle[data-tip]')]"
CENTRE = "(function(e){var b=e.getBoundingClientRect();return [b.x+b.width/2,b.y+b.height/2]})"


@unittest.skipUnless(chromium.program(), "no chromium")
class Report(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(2)
        self.styles = rng.standard_normal((12, 8)) + 4 * (np.arange(12) % 2)[:, None]
        self.weights = rng.dirichlet(np.ones(4), size=(12, 2))
        (self.scratch / "audio").mkdir()
        for name in NAMES:
            shutil.copy(FIXTURES / name, self.scratch / "audio" / f"a 100% {name}")
        (self.scratch / "c.jsonl").write_text("".join(json.dumps({
            "id": f"clip <{i}>", "path": f"audio/a 100% {NAMES[i % 3]}", "status": "ok", "style": self.styles[i].tolist(),
            "token_weights": self.weights[i].tolist()}) + "\n" for i in range(12)))
        (self.scratch / "c.csv").write_text("id,path,who\n" + "".join(f"clip <{i}>,p{i}.wav,who{i % 2}\n" for i in range(12)))
        (self.scratch / "pages").mkdir()

    def open(self, *args, to="pages/report.html", kind="report", **how):
        self.ok("plot", kind, "c.jsonl", *args, "-o", to, cwd=self.scratch)
        page = chromium.Page(self.scratch / to, **how)
        self.addCleanup(page.close)
        return page

    def centre(self, page, element):
        page.value(f"{element}.scrollIntoView({{block:'center'}})")
        return page.value(f"{CENTRE}({element})")

    def test_a_point_names_its_clip_and_plays_it(self):
        page = self.open("--list", "c.csv", "--by", "who")
        self.assertEqual(page.value(f"{POINTS}.length"), 12)
        x, y = self.centre(page, f"{POINTS}[11]")
        page.mouse("mouseMoved", x, y)
        page.wait("getComputedStyle(document.getElementById('tip')).opacity === '1'")
        self.assertEqual(page.value("document.getElementById('tip').textContent"), "clip <11>\nwho1")
        self.assertTrue(page.value("document.querySelector('audio').paused"))
        page.click(x, y)
        page.wait("(function(){var a=document.querySelector('audio');return !a.paused&&a.currentTime>0.05})()")
        self.assertTrue(page.value("document.querySelector('audio').src").endswith("/audio/a%20100%25%20c_fr.wav"))
        self.near(page.value("document.querySelector('audio').duration"), 4.05, 0.02)
        self.assertEqual(page.value("document.querySelector('#player b').textContent"), "clip <11>")
        self.assertEqual(page.errors, [])
        self.assertTrue(all(url.startswith(("file:", "data:")) for url in page.events), page.events)  # no network

    def test_the_nearest_clips_of_a_token_can_be_heard(self):
        page = self.open()
        best = int(self.weights.mean(1)[:, 2].argmax())
        button = "document.querySelectorAll('#tokens tbody tr')[2].querySelector('button')"
        self.assertEqual(page.value(f"{button}.textContent"), f"clip <{best}> {self.weights[best].mean(0)[2]:.2f}")
        page.click(*self.centre(page, button))
        page.wait("(function(){var a=document.querySelector('audio');return !a.paused&&a.currentTime>0.05})()")
        self.assertEqual(page.errors, [])

    def test_pixels_are_where_they_belong(self):
        page = self.open(height=1000)
        for name, element in (("point", f"{POINTS}[11]"), ("cell", "document.querySelector('g rect[data-tip^=\"clip <3>\"]')")):
            x, y = self.centre(page, element)
            fill = page.value(f"getComputedStyle({element}).fill")
            wanted = [int(v) for v in re.findall(r"\d+", fill)]
            self.near(page.pixels(x, y)[0, 0], wanted, 2, f"{name}: the browser's compositor rounds")
        axis = "[...document.querySelectorAll('text')].find(t=>t.textContent.startsWith('principal component 1'))"
        x, y = self.centre(page, axis)
        box = page.value(f"(function(){{var b={axis}.getBoundingClientRect();return [b.x,b.y,b.width,b.height].map(Math.round)}})()")
        text = page.pixels(*box)
        dark = (text.max(2) < 110).mean()
        self.assertTrue(0.02 < dark < 0.5, dark)  # letters on paper
        self.assertEqual(tuple(page.pixels(2, 2)[0, 0]), (255, 255, 255))

    def test_the_page_of_a_model_alone(self):
        self.ok("plot", "report", "-o", "model.html", cwd=self.scratch)
        page = chromium.Page(self.scratch / "model.html", height=1000)
        self.addCleanup(page.close)
        self.assertEqual(page.value("document.querySelector('h1').textContent"), "Model report")
        self.assertEqual(page.value("document.querySelectorAll('#projections tbody tr').length"), 10)
        cell = "document.querySelector('g rect[data-tip^=\"3\"]')"
        x, y = self.centre(page, cell)
        corner = page.value(f"(function(){{var b={cell}.getBoundingClientRect();return [b.x+3,b.y+3]}})()")  # no number is there
        wanted = [int(v) for v in re.findall(r"\d+", page.value(f"getComputedStyle({cell}).fill"))]
        self.near(page.pixels(*corner)[0, 0], wanted, 2, "the browser's compositor rounds")
        page.mouse("mouseMoved", x, y)
        page.wait("getComputedStyle(document.getElementById('tip')).opacity === '1'")
        probes = page.value(f"{POINTS}.map(e=>e.getAttribute('data-tip'))")
        self.assertEqual(len(probes), 20)
        self.assertIn("silence", probes)
        self.assertIn("does its output move", page.value("document.body.textContent"))
        self.assertIn("style_token_attention", page.value("document.getElementById('graph').textContent"))
        self.assertEqual(page.errors, [])
        self.assertTrue(all(url.startswith(("file:", "data:")) for url in page.events), page.events)

    def test_dark_readers_get_a_dark_page_unless_told(self):
        page = self.open(dark=True)
        self.assertLess(page.pixels(2, 2).max(), 40)
        self.assertGreater(page.value("getComputedStyle(document.querySelector('h1')).color").count("23"), 0)
        fixed = self.open("--theme", "light", to="pages/light.html", dark=True)
        self.assertEqual(tuple(fixed.pixels(2, 2)[0, 0]), (255, 255, 255))

    def test_every_picture_can_be_a_page(self):
        for kind in ("weights", "similarity", "map", "usage"):
            page = self.open(kind=kind, to=f"pages/{kind}.html")
            self.assertEqual(page.errors, [], kind)
            self.assertEqual(page.value("document.querySelectorAll('svg').length"), 1)


if __name__ == "__main__":
    tap.main()
