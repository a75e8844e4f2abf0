"""The command: recognition and refusal, --set, --config, how the folder is written."""

import os
import re
import stat

import numpy as np
import tap
from hostile import state_dict_zip
from support import ROOT, Case, gst_arrays, run

from convert.families import FAMILIES
from convert.front_end import KEYS


def coqui(arrays):
    names = {
        "encoder.gru.": "encoder.recurrence.",
        "stl.embed": "style_token_layer.style_tokens",
        "stl.attention.": "style_token_layer.attention.",
    }
    result = {}
    for name, array in arrays.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        result[name] = array
    return result


class Recognition(Case):
    def gst(self, prefix="", **more):
        return self.write("gst.pt", state_dict_zip(gst_arrays(**more), prefix))

    def test_several_families_fit_and_none_is_guessed(self):
        line = self.refused(self.gst(), saying="choose one with --family")
        self.assertIn("gst-tacotron, mellotron", line)

    def test_outer_prefixes_are_found(self):
        for prefix in ("", "module.", "gst.", "model.module.gst.", "a/b/"):
            model = self.convert(self.gst(prefix), "--family", "gst-tacotron", "--overwrite")
            self.assertEqual(model.manifest["provenance"]["prefix"], prefix)
            self.assertIn("encoder.convs.0.weight", model.tensors)

    def test_a_prefix_ends_at_a_dot(self):
        self.refused(self.gst("not_the_"), "--family", "gst-tacotron", saying="does not look like gst-tacotron")

    def test_two_copies_ask_for_the_prefix(self):
        arrays = gst_arrays()
        both = {
            **{"model." + k: v for k, v in arrays.items()},
            **{"ema." + k: v + np.float32(1) for k, v in arrays.items()},
        }
        path = self.write("ema.pt", state_dict_zip(both))
        self.refused(path, "--family", "gst-tacotron", saying="'ema.', 'model.'")
        model = self.convert(path, "--family", "gst-tacotron", "--set", "prefix=ema.")
        np.testing.assert_array_equal(model.tensors["stl.embed"], arrays["stl.embed"] + np.float32(1))
        self.refused(path, "--family", "gst-tacotron", "--set", "prefix=x.", saying="expected one of")

    def test_coqui_names_are_enough(self):
        model = self.convert(self.write("c.pt", state_dict_zip(coqui(gst_arrays()), "model.gst_layer.")))
        self.assertEqual(model.manifest["family"], "coqui-gst")

    def test_unrelated_tensors_are_left_out(self):
        arrays = {
            **gst_arrays(),
            "decoder.weight": np.zeros((3, 3), "<f4"),
            "optimizer.state.0.exp_avg": np.zeros(9, "<f4"),
        }
        model = self.convert(self.write("more.pt", state_dict_zip(arrays)), "--family", "gst-tacotron")
        self.assertEqual(len(model.tensors), len(gst_arrays()))

    def test_dimensions_come_from_the_shapes(self):
        model = self.convert(
            self.gst(embedding=24, heads=3, tokens=7, units=5, filters=(2, 3, 4)), "--family", "gst-tacotron"
        )
        layers = {layer["name"]: layer for layer in model.manifest["layers"]}
        self.assertEqual([layers[f"conv{i}"]["channels"] for i in range(3)], [2, 3, 4])
        self.assertEqual(layers["gru"]["units"], 5)
        self.assertEqual([layers["stl"][k] for k in ("tokens", "token_width", "units", "heads")], [7, 8, 24, 3])

    def test_tensors_of_a_wrong_shape_are_named(self):
        for name, shape, saying in (
            ("stl.attention.W_key.weight", (16, 5), "[16, 4]"),
            ("encoder.bns.2.weight", (5,), "[4]"),
            ("encoder.convs.1.weight", (4, 4, 3, 5), "[any, 4, 3, 3]"),
            ("encoder.gru.bias_hh_l0", (1,), "[24]"),
        ):
            arrays = {**gst_arrays(), name: np.zeros(shape, "<f4")}
            line = self.refused(self.write("w.pt", state_dict_zip(arrays)), "--family", "gst-tacotron", saying=saying)
            self.assertIn(name, line)

    def test_missing_tensors_are_named(self):
        arrays = gst_arrays()
        del arrays["encoder.bns.3.running_var"]
        self.refused(
            self.write("m.pt", state_dict_zip(arrays)),
            "--family",
            "gst-tacotron",
            saying="'encoder.bns.3.running_var' is missing",
        )

    def test_another_number_of_mels_is_named(self):
        self.refused(self.gst(bins=200), "--family", "gst-tacotron", saying="set n_mels")
        self.convert(self.gst(bins=200), "--family", "gst-tacotron", "--set", "n_mels=200")

    def test_weights_that_are_not_finite_are_refused(self):
        arrays = gst_arrays()
        arrays["stl.embed"][1, 1] = np.nan
        self.refused(
            self.write("n.pt", state_dict_zip(arrays)),
            "--family",
            "gst-tacotron",
            saying="'stl.embed' holds values that are not finite",
        )

    def test_weights_that_are_integers_are_refused(self):
        arrays = {**gst_arrays(), "stl.embed": np.zeros((10, 4), "<i8")}
        self.refused(self.write("i.pt", state_dict_zip(arrays)), "--family", "gst-tacotron", saying="type I64")


class Set(Case):
    def setUp(self):
        super().setUp()
        self.path = self.write("gst.pt", state_dict_zip(gst_arrays()))

    def gst(self, *args):
        return self.convert(self.path, "--family", "gst-tacotron", *args)

    def wrong(self, pair, saying):
        self.refused(self.path, "--family", "gst-tacotron", "--set", pair, saying=saying)

    def test_every_front_end_key_of_the_specification_is_taken(self):
        page = (ROOT / "models" / "README.md").read_text()
        table = page.partition("<!-- front_end: begin -->")[2].partition("<!-- front_end: end -->")[0]
        keys = [
            key
            for row in table.splitlines()
            if row.startswith("| `")
            for key in re.findall(r"`(\w+)`", row.split("|")[1])
        ]
        self.assertEqual(keys, list(KEYS))

    def test_values_reach_the_manifest(self):
        args = [
            word
            for pair in (
                "trim=none",
                "frame_multiple=1",
                "fmax=7600.5",
                "clip=true",
                "layout=mel_major",
                "name=x",
                "win_length=none",
                "order=trim,cut,level,pre_emphasis,clip,pad",
            )
            for word in ("--set", pair)
        ]
        manifest = self.gst(*args).manifest
        front = manifest["front_end"]
        self.assertEqual(
            [front[k] for k in ("trim", "frame_multiple", "fmax", "clip", "win_length")],
            ["none", 1, 7600.5, True, "none"],
        )
        self.assertEqual(front["order"][:2], ["trim", "cut"])
        self.assertEqual(manifest["layers"][0]["layout"], "mel_major")
        self.assertEqual(manifest["name"], "x")
        self.assertFalse([line for line in manifest["provenance"]["assumed"] if line.startswith(("trim=", "layout="))])

    def test_unknown_keys_are_refused_with_the_nearest(self):
        self.wrong("frame_multipel=1", "the nearest known is 'frame_multiple'")
        self.wrong("head=4", "the nearest known is 'heads'")
        self.wrong("softmax_axis=batch", "unknown for gst-tacotron")

    def test_wrong_values_are_refused(self):
        for pair in (
            "trim=loud",
            "n_fft=abc",
            "hop_length=0",
            "log=log2",
            "clip=maybe",
            "fmin=nan",
            "sample_rate=1e99",
            "layout=x",
            "trim",
            "=1",
            "heads=3",
            "order=trim,cut",
            "n_mels=-80",
        ):
            self.wrong(pair, "expected" if pair != "heads=3" else "the tensor shapes say 4")
        self.refused(self.path, "--set", "trim=1", "--set", "trim=2", "--family", "gst-tacotron", saying="given twice")

    def test_heads_can_be_given_where_they_divide(self):
        self.assertEqual(self.gst("--set", "heads=2").manifest["layers"][-1]["heads"], 2)

    def test_half_precision_stays_or_is_widened(self):
        arrays = {name: array.astype("<f2") for name, array in gst_arrays().items()}
        self.path = self.write("half.pt", state_dict_zip(arrays))
        kinds = {t["dtype"] for t in self.gst().manifest["weights"][0]["tensors"].values()}
        self.assertEqual(kinds, {"F16"})
        model = self.gst("--set", "dtype=f32", "--overwrite")
        self.assertEqual({t["dtype"] for t in model.manifest["weights"][0]["tensors"].values()}, {"F32"})
        np.testing.assert_array_equal(model.tensors["stl.embed"], arrays["stl.embed"].astype(float))

    def test_doubles_are_narrowed(self):
        self.path = self.write("d.pt", state_dict_zip({n: a.astype("<f8") for n, a in gst_arrays().items()}))
        self.assertEqual({t["dtype"] for t in self.gst().manifest["weights"][0]["tensors"].values()}, {"F32"})


class Command(Case):
    def setUp(self):
        super().setUp()
        self.path = self.write("gst.pt", state_dict_zip(gst_arrays()))
        self.args = [self.path, "--family", "gst-tacotron", "-o", self.scratch / "a" / "b"]

    def test_assumptions_are_printed_one_line_each_and_recorded(self):
        code, out, err = run(*self.args)
        self.assertEqual((code, out), (0, ""))
        manifest = (self.scratch / "a" / "b" / "manifest.json").read_text()
        lines = [line for line in err.splitlines() if " assumed " in line]
        self.assertGreaterEqual(len(lines), 5)
        for line in lines:
            self.assertIn(line.partition(" assumed ")[2], manifest)

    def test_an_existing_folder_is_kept_unless_overwritten(self):
        self.assertEqual(run(*self.args)[0], 0)
        before = (self.scratch / "a" / "b" / "manifest.json").stat().st_ino
        code, _, err = run(*self.args)
        self.assertEqual(code, 2)
        self.assertIn("--overwrite", err)
        self.assertEqual(run(*self.args, "--overwrite")[0], 0)
        self.assertNotEqual(before, (self.scratch / "a" / "b" / "manifest.json").stat().st_ino)
        self.assertEqual(os.listdir(self.scratch / "a"), ["b"])

    def test_what_is_no_model_folder_is_never_overwritten(self):
        (self.scratch / "precious").mkdir()
        (self.scratch / "precious" / "thesis.tex").write_text("x")
        for target in ("precious", "gst.pt"):
            code, _, err = run(self.path, "--family", "gst-tacotron", "-o", self.scratch / target, "--overwrite")
            self.assertEqual(code, 2, err)
        self.assertEqual(os.listdir(self.scratch / "precious"), ["thesis.tex"])

    def test_a_place_that_cannot_be_written_is_output_trouble(self):
        code, _, err = run(self.path, "--family", "gst-tacotron", "-o", self.path / "below")
        self.assertEqual((code, len(err.splitlines())), (75, 1), err)

    def test_a_failure_while_writing_leaves_the_old_folder(self):
        run(*self.args)
        from convert import model_folder

        whole, model_folder.to_json = (
            model_folder.to_json,
            lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        try:
            code, _, err = run(*self.args, "--overwrite", "--set", "name=new")
        finally:
            model_folder.to_json = whole
        self.assertEqual(code, 75)
        self.assertIn("no space left", err)
        self.assertEqual(os.listdir(self.scratch / "a"), ["b"])
        self.assertNotIn('"new"', (self.scratch / "a" / "b" / "manifest.json").read_text())

    def test_the_same_input_gives_the_same_bytes(self):
        for name in ("one", "two"):
            run(self.path, "--family", "gst-tacotron", "-o", self.scratch / name)
        for file in ("manifest.json", "weights.safetensors"):
            self.assertEqual((self.scratch / "one" / file).read_bytes(), (self.scratch / "two" / file).read_bytes())

    def test_files_follow_the_umask(self):
        before = os.umask(0o022)
        try:
            run(*self.args)
        finally:
            os.umask(before)
        for path, mode in (("a/b", 0o755), ("a/b/manifest.json", 0o644), ("a/b/weights.safetensors", 0o644)):
            self.assertEqual(stat.S_IMODE((self.scratch / path).stat().st_mode), mode, path)

    def test_families_are_listed(self):
        code, out, _ = run("--list-families")
        self.assertEqual(code, 0)
        for family in FAMILIES:
            self.assertIn(family.name, out)

    def test_usage_errors_are_one_line(self):
        for args in (
            [],
            [self.path],
            ["-o", "x"],
            ["--nonsense"],
            [self.path, "-o", self.scratch / "x", "--family", "gst-tacotrom"],
        ):
            code, _, err = run(*args)
            self.assertEqual((code, len(err.splitlines())), (2, 1), err)
        self.assertIn("the nearest known is 'gst-tacotron'", err)


if __name__ == "__main__":
    tap.main()
