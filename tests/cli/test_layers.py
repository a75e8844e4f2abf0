"""Layers as people meet them: the examples, the page that describes them, the schema, errors, attention maps."""
import json
import re

import numpy as np
import stylet
import tap

MODELS = stylet.ROOT / "models"
EXAMPLES = sorted(path.parent for path in (MODELS / "examples").glob("*/manifest.json"))
NAMED = {"style_token_attention", "multi_head_attention", "relative_multi_head_attention",
         "conformer_multi_headed_self_attention", "feed_forward"}
CLIPS = [stylet.FIXTURES / f"{name}.wav" for name in ("a_en", "b_fast")]
COMMON = {"name", "type", "input", "inputs", "weights"}


def sections():
    """{layer type: its text} of models/README.md."""
    text = (MODELS / "README.md").read_text(encoding="utf-8")
    text = text.partition("<!-- layers: begin -->")[2].partition("<!-- layers: end -->")[0]
    parts = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


class Examples(stylet.Case):
    def binds(self, model):
        inputs = json.loads((model / "manifest.json").read_text()).get("inputs", {})
        random, parts = np.random.default_rng(1), []
        for name, entry in inputs.items():
            array = random.standard_normal([6 if n == "T" else n for n in entry["shape"]])
            np.save(self.scratch / f"{name}.npy", array.astype(np.float32))
            parts += ["--bind", f"{name}={self.scratch / name}.npy"]
        return parts

    def test_there_is_one_for_each_of_the_five_layers(self):
        for name in NAMED:
            types = {layer["type"] for layer in json.loads((MODELS / "examples" / name / "manifest.json").read_text())["layers"]}
            self.assertIn(name, types)
        self.assertLessEqual(NAMED, {model.name for model in EXAMPLES})

    def test_they_verify_and_their_outputs_move_with_the_clip(self):
        for model in EXAMPLES:
            self.ok("model", "verify", model)
            names = list(json.loads((model / "manifest.json").read_text())["outputs"])
            one, other = self.records("extract", "-m", model, "-w", ",".join(names), *self.binds(model), *CLIPS)
            for name in names:
                self.assertTrue(np.isfinite(np.array(one[name])).all(), name)
            self.assertGreater(np.abs(np.array(one["style"]) - np.array(other["style"])).max(), 1e-3, model.name)

    def test_attention_is_an_output_by_its_name(self):
        for model in EXAMPLES:
            layers = json.loads((model / "manifest.json").read_text())["layers"]
            for name in (layer["name"] for layer in layers if "attention" in layer["type"]):
                record, = self.records("extract", "-m", model, "-w", f"{name}.attention", *self.binds(model), CLIPS[0])
                weights = np.array(record[f"{name}.attention"])
                if model.name in NAMED:
                    self.assertEqual(weights.shape[0], 2)
                    self.assertEqual(weights.ndim, 2 if model.name == "style_token_attention" else 3)
                np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)

    def test_inspect_draws_the_maps(self):
        for model in EXAMPLES:
            text = self.ok("inspect", "-m", model, *self.binds(model), CLIPS[0],
                           env={"LC_ALL": "C.UTF-8", "TERM": "xterm"}).stdout.decode()
            if model.name in NAMED:
                drawn = model.name not in ("style_token_attention", "feed_forward")
                self.assertEqual(text.count("queries down"), 2 if drawn else 0, model.name)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 200)

    def test_a_small_map_is_drawn_cell_by_cell(self):
        np.save(self.scratch / "features.npy", np.random.default_rng(2).standard_normal((9, 20)).astype(np.float32))
        lines = self.ok("inspect", "-m", MODELS / "examples/multi_head_attention", self.scratch / "features.npy",
                        env={"LC_ALL": "C", "TERM": "dumb"}).stdout.decode().splitlines()
        start = lines.index("attention.attention, head 0: 9 queries down, 9 keys across")
        rows = lines[start + 1:start + 10]
        self.assertEqual([row.split()[0] for row in rows], [str(i) for i in range(9)])
        self.assertTrue(all(re.fullmatch(r"[0-8]{9}", row[7:]) for row in rows))
        record, = self.records("extract", "-m", MODELS / "examples/multi_head_attention", "-w", "attention.attention",
                               self.scratch / "features.npy")
        self.assertEqual(lines[start + 10], f"       8 is {np.max(record['attention.attention'][0]):.3g}, the largest here")

    def test_the_page_shows_the_examples_as_they_are(self):
        page = sections()
        cited = [model for model in EXAMPLES if f"examples/{model.name}/" in page.get(model.name, "")]
        self.assertLessEqual(NAMED, {model.name for model in cited})
        for model in cited:
            layers = json.loads((model / "manifest.json").read_text())["layers"]
            shown = re.search(r"```json\n(.*?)```", page[model.name], re.DOTALL).group(1)
            self.assertIn(json.loads(shown), layers)

    def test_their_weights_are_what_the_script_makes(self):
        namespace = {"__name__": "make", "__file__": str(MODELS / "examples/make.py")}
        exec((MODELS / "examples/make.py").read_text(), namespace)
        for model in EXAMPLES:
            copy = self.scratch / model.name
            copy.mkdir()
            (copy / "manifest.json").write_bytes((model / "manifest.json").read_bytes())
            namespace["make"](copy / "manifest.json")
            for name in ("manifest.json", "weights.safetensors"):
                self.assertEqual((copy / name).read_bytes(), (model / name).read_bytes(), f"{model.name}/{name}")


class Page(stylet.Case):
    def test_the_worked_example_of_a_new_type_is_the_file(self):
        text = (stylet.ROOT / "lib/README.md").read_text(encoding="utf-8").partition("### How to add a layer type")[2]
        shown = re.search(r"```c\n(.*?)```", text, re.DOTALL).group(1)
        self.assertEqual(shown, (stylet.ROOT / "lib/layers/scale.c").read_text(encoding="utf-8"))

    def schema(self):
        schema = json.loads(self.ok("model", "schema").stdout)
        return {layer["title"]: layer for layer in schema["properties"]["layers"]["items"]["oneOf"]}

    def test_the_schema_in_the_tree_is_the_programs(self):
        self.assertEqual(self.ok("model", "schema").stdout, (MODELS / "manifest.schema.json").read_bytes())

    def test_every_type_and_parameter_is_on_the_page_and_no_other(self):
        page, schema = sections(), self.schema()
        self.assertEqual(set(page), set(schema))
        for name, layer in schema.items():
            rows = re.findall(r"^\| (`.*?) \|", page[name], re.MULTILINE)
            told = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
            self.assertEqual(told, set(layer["properties"]) - COMMON, name)

    def test_every_parameter_that_must_be_given_is_said_to(self):
        page, schema = sections(), self.schema()
        for name, layer in schema.items():
            rows = re.findall(r"^\| (`.*?) \| must be given", page[name], re.MULTILINE)
            told = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
            self.assertEqual(told, set(layer["required"]) - COMMON, name)


    def test_every_type_has_a_twin_in_the_c_tests(self):
        text = "".join(path.read_text() for path in (stylet.ROOT / "tests/unit/layers").glob("*.c"))
        self.assertEqual([name for name in self.schema() if f'"{name}"' not in text], [])


class Graph(stylet.Case):
    def model(self, layers, inputs=None, tensors=None):
        folder, weights = self.scratch / "model", []
        folder.mkdir(exist_ok=True)
        if tensors:
            stylet.write_safetensors(folder / "weights.safetensors", tensors)
            weights.append(json.loads(self.ok("model", "info", folder / "weights.safetensors", "--json").stdout))
        manifest = {"format": "stylet", "version": 1, "name": "wrong", "weights": weights, "inputs": inputs or {},
                    "front_end": {"sample_rate": 16000, "n_mels": 20}, "layers": layers,
                    "outputs": {"style": {"from": layers[-1]["name"]}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder


class Maps(Graph):
    BLOCK = {"norm.weight": [20], "norm.bias": [20],
             **{f"attention.{part}.weight": [20, 20] for part in ("query", "key", "value", "position", "out")},
             "attention.query.bias": [20], "attention.out.bias": [20], "attention.u_bias": [2, 10],
             "attention.v_bias": [2, 10],
             **{f"conv_{i}.{name}": shape for i in (1, 2) for name, shape in (
                 ("norm_1.weight", [20]), ("norm_1.bias", [20]), ("conv_1.weight", [80, 20, 1]), ("conv_1.bias", [80]),
                 ("depthwise.weight", [40, 1, 7]), ("depthwise.bias", [40]), ("norm_2.weight", [40]),
                 ("norm_2.bias", [40]), ("conv_2.weight", [20, 40, 1]), ("conv_2.bias", [20]))}}
    PERCEPTRON = {"tokens": [3, 4], "query.weight": [4, 20], "query.bias": [4], "key.weight": [4, 4], "key.bias": [4],
                  "v": [2], "g": [1], "b": [2]}

    def test_layers_that_are_no_example_have_maps_and_inspect_draws_them(self):
        random = np.random.default_rng(4)
        np.save(self.scratch / "features.npy", random.standard_normal((9, 20)).astype(np.float32))
        for layer, shapes, keys in (
                ({"type": "conformer_block", "heads": 2, "ff": False}, self.BLOCK, 9),
                ({"type": "additive_attention", "tokens": 3, "token_width": 4, "units": 4, "heads": 2}, self.PERCEPTRON, 3)):
            tensors = {f"a.{name}": random.standard_normal(shape) for name, shape in shapes.items()}
            model = self.model([{"name": "a", **layer}], tensors=tensors)
            record, = self.records("extract", "-m", model, "-w", "a.attention", self.scratch / "features.npy")
            weights = np.array(record["a.attention"])
            self.assertEqual(weights.shape, (2, 9, keys))
            self.near(weights.sum(-1), np.ones((2, 9)), 1e-5)
            lines = self.ok("inspect", "-m", model, self.scratch / "features.npy",
                            env={"LC_ALL": "C", "TERM": "dumb"}).stdout.decode().splitlines()
            self.assertIn(f"a.attention, head 1: 9 queries down, {keys} keys across", lines)


class Errors(Graph):
    def test_shapes_that_do_not_fit_are_named_with_layer_and_type(self):
        cases = (
            ([{"name": "sum", "type": "residual", "inputs": ["features", "speaker"]}],
             ("layers[0]: layer 'sum' (residual), inputs sequence [T, 20], vector [7]: an input is vector [7]", "beside sequence [T, 20]")),
            ([{"name": "half", "type": "slice", "start": 15, "width": 10}],
             ("layer 'half' (slice), input sequence [T, 20]: elements 15 to 24", "width 20")),
            ([{"name": "att", "type": "multi_head_attention", "units": 10, "heads": 3}],
             ("layer 'att' (multi_head_attention), query sequence [T, 20]: 3 heads do not divide 10 units",)),
            ([{"name": "block", "type": "conformer_block", "heads": 4, "conv_kernel": 6}],
             ("layer 'block' (conformer_block), input sequence [T, 20]: ", "depthwise kernel 6 must be odd")),
            ([{"name": "mean", "type": "pool"}, {"name": "again", "type": "pool"}],
             ("layer 'again' (pool), input vector [20]: the input is of the kind vector, expected a sequence or an image",)),
            ([{"name": "stl", "type": "style_token_attention", "tokens": 3, "token_width": 4, "units": 10, "heads": 3}],
             ("layer 'stl' (style_token_attention), query sequence [T, 20]: 3 heads do not divide 10 units",)),
            ([{"name": "c", "type": "conv1d", "channels": 6, "groups": 3}],
             ("layer 'c' (conv1d), input sequence [T, 20]: 3 groups do not divide 20 input and 6 output channels",)),
            ([{"name": "g", "type": "group_norm", "groups": 3}],
             ("layer 'g' (group_norm), input sequence [T, 20]: 3 norm groups do not divide 20 channels",)),
            ([{"name": "att", "type": "multi_head_attention", "units": 10, "heads": 2, "query_projection": False}],
             ("layer 'att' (multi_head_attention), query sequence [T, 20]: without query_projection the query must be 10 wide, it is 20",)),
            ([{"name": "i", "type": "image"}, {"name": "half", "type": "average_pool"}, {"name": "fc", "type": "linear", "units": 2}],
             ("layer 'fc' (linear), input image [10, T/2, 1]: the input is of the kind image, expected a vector or a sequence",)),
            ([{"name": "mid", "type": "average_pool", "kernel": 3, "stride": 1}, {"name": "half", "type": "slice", "width": 21}],
             ("layer 'half' (slice), input sequence [T - 2, 20]: elements 0 to 20",)))
        for layers, texts in cases:
            self.fails(2, "model", "info", self.model(layers, {"speaker": {"shape": [7]}}), saying=texts)

    def test_an_input_of_free_width_cannot_meet_weights(self):
        model = self.model([{"name": "fc", "type": "linear", "units": 3, "input": "mask", "bias": False}],
                           {"mask": {"shape": ["T"]}}, {"fc.weight": np.zeros((3, 4096))})
        self.fails(2, "model", "info", model, saying=("layer 'fc' (linear), input vector [T]: the tensor 'weight' would change with the length of an input",))

    def test_lengths_that_no_clip_can_bring_together_are_refused_at_once(self):
        def model(key, value, **more):
            layer = {"name": "att", "type": "multi_head_attention", "units": 20, "heads": 2, "query_projection": False,
                     "key_projection": False, "value_projection": False,
                     "inputs": {"query": "features", "key": "k", "value": "v", **{name: name for name in more}}}
            return self.model([layer], {"k": {"shape": [key, 20]}, "v": {"shape": [value, 20]},
                                        **{name: {"shape": shape} for name, shape in more.items()}})
        self.fails(2, "model", "info", model(5, 6), saying=(
            "layer 'att' (multi_head_attention), query sequence [T, 20], key sequence [5, 20], value sequence [6, 20]: "
            "value has 6 steps, key has 5",))
        self.fails(2, "model", "info", model(5, 5, mask=[6]), saying=("mask is vector [6] for T queries and 5 keys",))
        for fits in (model(5, 5), model("T", 6), model(5, "T"), model("T", 5, mask=[7, 5])):
            self.ok("model", "info", fits)

    def test_model_info_names_the_inputs_that_are_connected_and_what_to_bind(self):
        layer = {"name": "att", "type": "multi_head_attention", "units": 20, "heads": 2, "query_projection": False,
                 "key_projection": False, "value_projection": False, "inputs": {"query": "features", "value": "v"}}
        text = self.ok("model", "info", self.model([layer], {"v": {"shape": ["T", 20]}})).stdout.decode()
        self.assertIn("  features, value: v\n", text)
        self.assertIn("--bind v=FILE.npy\n", text)

    def test_a_bound_array_of_another_shape_is_told_in_axes(self):
        model = self.model([{"name": "sum", "type": "concat", "inputs": ["features", "k"]}], {"k": {"shape": ["T", 20]}})
        np.save(self.scratch / "features.npy", np.ones((5, 20), np.float32))
        np.save(self.scratch / "k.npy", np.ones(20, np.float32))
        done = stylet.run("extract", "-m", model, "--bind", f"k={self.scratch}/k.npy", self.scratch / "features.npy")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("input 'k' is given as [20], expected [T, 20]", done.err)

    def test_a_mask_of_another_length_is_refused_for_that_clip(self):
        model = self.model([{"name": "mean", "type": "pool", "inputs": {"input": "features", "mask": "mask"}}],
                           {"mask": {"shape": ["T"]}})
        np.save(self.scratch / "features.npy", np.ones((5, 20), np.float32))
        np.save(self.scratch / "mask.npy", np.ones(4, np.float32))
        done = stylet.run("extract", "-m", model, "--bind", f"mask={self.scratch}/mask.npy",
                          self.scratch / "features.npy")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("layer 'mean' (pool), input sequence [5, 20], mask vector [4]: mask is vector [4] for an input sequence [5, 20]", done.err)

    def test_masked_means_leave_steps_out(self):
        model = self.model([{"name": "mean", "type": "pool", "inputs": {"input": "features", "mask": "mask"}}],
                           {"mask": {"shape": ["T"]}})
        features = np.random.default_rng(3).standard_normal((5, 20)).astype(np.float32)
        np.save(self.scratch / "features.npy", features)
        np.save(self.scratch / "mask.npy", np.float32([1, 0, 1, 1, 0]))
        record, = self.records("extract", "-m", model, "--bind", f"mask={self.scratch}/mask.npy",
                               self.scratch / "features.npy")
        self.near(record["style"], features[[0, 2, 3]].mean(0), 1e-6)

    def test_clips_too_short_for_a_coordinate_or_instance_norm_are_refused(self):
        model = self.model([{"name": "fc", "type": "instance_norm", "affine": False},
                            {"name": "mean", "type": "pool"}])
        np.save(self.scratch / "features.npy", np.ones((1, 20), np.float32))
        self.fails(3, "extract", "-m", model, self.scratch / "features.npy", saying=("at least 2 steps", "2 frames"))


if __name__ == "__main__":
    tap.main()
