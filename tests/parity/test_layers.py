"""Every layer type against the published implementation it is named after (golden/layers), on every dispatch path.

A golden file holds weights `w.*`, inputs `in.*` and expected outputs `out.*`. For each a manifest is written here by
hand, the program runs over it, and every expected tensor gets its verdict as a line "# name difference tolerance".
Tolerance: 1e-5 of max(1, the largest value), the distance of two float32 computations in different order; exceptions
stand beside the case with their reason. Batched inputs are run clip by clip.
"""
import json

import numpy as np
import stylet
import tap

TOLERANCE = 1e-5


class Layers:
    """The tests, for one way to run the program (stylet.ways())."""

    def load(self, name):
        self.count = getattr(self, "count", 0)
        self.golden = stylet.read_safetensors(stylet.golden(f"layers/{name}.safetensors"))

    def weights(self):
        return {name[2:]: array for name, array in self.golden.items() if name.startswith("w.") and array.ndim > 0}

    def model(self, layers, width, inputs=None, tensors=None):
        """A model folder over features of that width; returns its path."""
        self.count += 1
        folder = self.scratch / f"model{self.count}"
        folder.mkdir()
        tensors = self.weights() if tensors is None else tensors
        stylet.write_safetensors(folder / "weights.safetensors", tensors)
        described = json.loads(self.ok("model", "info", folder / "weights.safetensors", "--json").stdout)
        manifest = {"format": "stylet", "version": 1, "name": "golden",
                    "front_end": {"sample_rate": 16000, "n_fft": 1024, "n_mels": width},
                    "inputs": inputs or {}, "weights": [described], "layers": layers,
                    "outputs": {"style": {"from": layers[-1]["name"]}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def save(self, name, array):
        path = self.scratch / f"{name}.npy"
        np.save(path, np.ascontiguousarray(array, np.float32))
        return path

    def outputs(self, model, features, wanted, **bound):
        """The wanted outputs by name, as arrays."""
        binds = [part for name, array in bound.items() for part in ("--bind", f"{name}={self.save(name, array)}")]
        record, = self.records("extract", *self.more, "-m", model, "-w", ",".join(wanted), *binds,
                               self.save("features", features), env=self.env)
        self.assertEqual(record["status"], "ok")
        return [np.array(record[name]) for name in wanted]

    def verdict(self, name, got, expected=None, tolerance=TOLERANCE):
        want = self.golden[f"out.{name}"] if expected is None else expected
        self.assertEqual(got.shape, want.shape, name)
        limit = tolerance * max(1, np.abs(want).max())
        difference = np.abs(got - want.astype(np.float64)).max()
        print(f"# {self.id().partition('.')[2]} {name}: {difference:.2e} of {limit:.2e}", flush=True)
        self.assertLessEqual(difference, limit, name)

    # -- attention of the King family and its descendants

    def test_style_embed_attention(self):
        for heads, units in ((1, 256), (8, 256)):
            self.load(f"style_embed_attention_h{heads}")
            query, key = self.golden["in.query"][0], self.golden["in.key"][0]
            names = {"query.": "W_query.", "key.": "W_key.", "value.": "W_value."}
            # the module is given the tokens behind tanh; the layer owns them
            layer = {"name": "a", "type": "style_token_attention", "tokens": key.shape[0], "token_width": key.shape[1],
                     "units": units, "heads": heads, "token_activation": "none", "weights": {**names, "tokens": "key"}}
            model = self.model([layer], query.shape[1], tensors={**self.weights(), "key": key})
            out, attention = self.outputs(model, query, ["a", "a.attention"])
            self.verdict("out", out, self.golden["out.out"][0])
            self.verdict("weights", attention, self.golden["out.weights"])

    def test_multi_head_attention(self):
        self.load("multi_head_attention_h4")
        layer = {"name": "a", "type": "multi_head_attention", "units": 128, "heads": 4, "scale": "key_width",
                 "inputs": {"query": "features", "key": "keys"},
                 "weights": {"query.": "W_query.", "key.": "W_key.", "value.": "W_value."}}
        model = self.model([layer], 96, {"keys": {"shape": ["T", 64]}})
        out, attention = self.outputs(model, self.golden["in.query"][0], ["a", "a.attention"],
                                      keys=self.golden["in.key"][0])
        self.verdict("out", out, self.golden["out.out"][0])
        self.verdict("weights", attention)

    # -- the DelightfulTTS line

    RELATIVE = {"query.": "query_proj.", "key.": "key_proj.", "value.": "value_proj.", "position.": "pos_proj.",
                "out.": "out_proj.", "": ""}

    def test_relative_multi_head_attention(self):
        for name, width, heads in (("relative_multi_head_attention", 96, 4),
                                   ("relative_multi_head_attention_masked", 64, 8)):
            self.load(name)
            layer = {"name": "a", "type": "relative_multi_head_attention", "units": width, "heads": heads,
                     "query_bias": True, "out": width, "scale": "units", "mask_meaning": "masked",
                     "mask_fill": "large_negative", "weights": self.RELATIVE,
                     "inputs": {"query": "features", "key": "keys", "value": "values", "position": "position",
                                "mask": "mask"}}
            sequence = {"shape": ["T", width]}
            model = self.model([layer], width, {"keys": sequence, "values": sequence, "position": sequence,
                                                "mask": {"shape": ["T"]}})
            out, attention = self.outputs(
                model, self.golden["in.query"][0], ["a", "a.attention"], keys=self.golden["in.key"][0],
                values=self.golden["in.value"][0], position=self.golden["in.pos_embedding"][0],
                mask=self.golden["in.mask"].reshape(-1))
            self.verdict(f"{name}.out", out, self.golden["out.out"][0])
            self.verdict(f"{name}.attn", attention, self.golden["out.attn"][0])

    def test_conformer_multi_headed_self_attention(self):
        self.load("conformer_multi_headed_self_attention")
        weights = {key: f"attention.{value}" for key, value in self.RELATIVE.items()}
        layer = {"name": "a", "type": "conformer_multi_headed_self_attention", "heads": 4, "weights": weights}
        x = self.golden["in.x"][0]
        given = {**layer, "inputs": {"query": "features", "position": "encoding"}}
        out, attention = self.outputs(self.model([given], 128, {"encoding": {"shape": ["T", 128]}}), x,
                                      ["a", "a.attention"], encoding=self.golden["in.encoding"][0])
        self.verdict("out", out, self.golden["out.out"][0])
        self.verdict("attn", attention, self.golden["out.attn"][0])
        out, = self.outputs(self.model([layer], 128), x, ["a"])
        self.verdict("out, own encoding", out, self.golden["out.out"][0])

    def test_the_encoding_itself(self):
        self.load("phoneme_level_prosody_encoder")
        want = self.golden["in.encoding"][0]
        layer = {"name": "e", "type": "positional_encoding", "mode": "only"}
        out, = self.outputs(self.model([layer], want.shape[1], tensors={"none": np.zeros(1)}), np.ones_like(want), ["e"])
        # PyTorch's exp is up to one unit in the last place off; at step 200 that is 200 x 6e-8
        self.verdict("encoding", out, want)

    def test_feed_forward(self):
        for name, width, more in (("feed_forward", 128, {}),
                                  ("feed_forward_k1", 48, {"kernel": 1, "expansion": 2, "slope": 0.01})):
            self.load(name)
            layer = {"name": "f", "type": "feed_forward", **more,
                     "weights": {"norm.": "ln.", "first.": "conv_1.", "second.": "conv_2."}}
            out, = self.outputs(self.model([layer], width), self.golden["in.x"][0], ["f"])
            self.verdict(name, out, self.golden["out.out"][0])

    CONV = {"norm_1.": "ln_1.", "norm_2.": "ln_2.", "conv_1.": "conv_1.conv.", "conv_2.": "conv_2.conv.",
            "depthwise.": "depthwise.conv."}

    def test_conformer_conv_module(self):
        self.load("conformer_conv_module")
        layer = {"name": "c", "type": "conformer_conv_module", "weights": self.CONV}
        out, = self.outputs(self.model([layer], 128), self.golden["in.x"][0], ["c"])
        self.verdict("out", out, self.golden["out.out"][0])

    def test_a_conformer_of_two_blocks(self):
        self.load("conformer")
        layers = []
        for i in range(2):
            at = f"layer_stack.{i}."
            weights = {"condition.pointwise.": at + "conditioning.bsconv1d.pointwise.conv.",
                       "condition.depthwise.": at + "conditioning.bsconv1d.depthwise.conv.",
                       "condition.embedding.": at + "conditioning.embedding_proj.",
                       "ff.norm.": at + "ff.ln.", "ff.first.": at + "ff.conv_1.", "ff.second.": at + "ff.conv_2.",
                       "norm.": at + "ln."}
            weights.update({f"attention.{key}": f"{at}slf_attn.attention.{value}"
                            for key, value in self.RELATIVE.items()})
            weights.update({f"conv_{n}.{key}": f"{at}conformer_conv_{n}.{value}"
                            for n in (1, 2) for key, value in self.CONV.items()})
            layers.append({"name": f"block{i}", "type": "conformer_block", "heads": 4, "weights": weights,
                           "inputs": {"input": layers[-1]["name"] if i else "features", "condition": "speaker",
                                      "position": "encoding"}})
        inputs = {"speaker": {"shape": [48]}, "encoding": {"shape": ["T", 96]}}
        out, first, second = self.outputs(
            self.model(layers, 96, inputs), self.golden["in.x"][0], ["block1", "block0.attention", "block1.attention"],
            speaker=self.golden["in.embeddings"][0, 0], encoding=self.golden["in.encoding"][0])
        self.verdict("out", out, self.golden["out.out"][0])
        for attention in (first, second):
            self.near(attention.sum(-1), np.ones((4, 37)), 1e-5)

    ENCODER_STRIDES = (1, 1, 2, 1, 2, 1)

    def encoder(self, output):
        layers = []
        for i, (channels, stride) in enumerate(zip((32, 32, 64, 64, 128, 128), self.ENCODER_STRIDES)):
            conv = "encoder.convs.0.conv." if i == 0 else f"encoder.convs.{i}."
            layers.append({"name": f"conv{i}", "type": "conv1d", "channels": channels, "stride": stride, "padding": 1,
                           "coordinates": "none" if i else "time_radius", "activation": "leaky_relu", "slope": 0.3,
                           "norm": "instance", "order": "activation_norm",
                           "weights": {"": conv, "norm.": f"encoder.norms.{i}."}})
        return layers + [{"name": "gru", "type": "gru", "units": 32, "output": output, "weights": "encoder.gru."}]

    def test_utterance_level_prosody_encoder(self):
        self.load("utterance_level_prosody_encoder")
        for kind, axis in (("style", "tokens"), ("style_as_published", "batch")):
            model = self.model(self.encoder("last") + [
                {"name": "query", "type": "linear", "units": 64, "weights": "encoder_prj."},
                {"name": "stl", "type": "style_token_attention", "tokens": 32, "token_width": 128, "units": 128,
                 "softmax_axis": axis, "weights": {"tokens": "stl.embed", "query.": "stl.attention.W_query.",
                                                   "key.": "stl.attention.W_key.", "value.": "stl.attention.W_value."}},
                {"name": "bottleneck", "type": "linear", "units": 256, "weights": "encoder_bottleneck."}], 80)
            for length in (17, 100, 431):
                style, reference, weights = self.outputs(
                    model, self.golden[f"in.mel_{length}"].T, ["bottleneck", "gru", "stl.attention"])
                self.verdict(f"{kind}_{length}", style)
                # instance norm over few steps multiplies rounding; the golden README allows the GRU's state 5e-5
                self.verdict(f"reference_{length}", reference, tolerance=5e-5)
                if axis == "tokens":
                    self.verdict(f"weights_{length}", weights)

    def test_phoneme_level_prosody_encoder(self):
        self.load("phoneme_level_prosody_encoder")
        attention = {key: f"attention.attention.{value}" for key, value in self.RELATIVE.items()}
        layers = self.encoder("all") + [
            {"name": "steps", "type": "linear", "units": 128, "weights": "encoder_prj."},
            {"name": "cross", "type": "conformer_multi_headed_self_attention", "heads": 4, "weights": attention,
             "inputs": {"query": "text", "key": "steps", "position": "encoding"}},
            {"name": "bottleneck", "type": "linear", "units": 4, "weights": "encoder_bottleneck."}]
        model = self.model(layers, 80, {"text": {"shape": ["T", 128]}, "encoding": {"shape": [200, 128]}})
        out, maps = self.outputs(model, self.golden["in.mel"].T, ["bottleneck", "cross.attention"],
                                 text=self.golden["in.x"][0], encoding=self.golden["in.encoding"][0])
        self.verdict("out", out, self.golden["out.out"][0])
        self.assertEqual(maps.shape, (4, 23, 38))

    # -- labml: [T, N, D], clip by clip

    def test_labml_feed_forward(self):
        self.load("labml_feed_forward_gelu")
        layer = {"name": "f", "type": "feed_forward", "kind": "linear", "width": 160, "activation": "gelu",
                 "norm": "none", "factor": 1, "weights": {"first.": "layer1.", "second.": "layer2."}}
        model = self.model([layer], 48)
        for n in range(2):
            out, = self.outputs(model, self.golden["in.x"][:, n], ["f"])
            self.verdict(f"out, clip {n}", out, self.golden["out.out"][:, n])

    LABML = {"query.": "query.linear.", "key.": "key.linear.", "value.": "value.linear.", "out.": "output."}

    def test_labml_multi_head_attention(self):
        self.load("labml_mha_bias")
        sequence = {"shape": ["T", 64]}
        for suffix, ports in (("", {}), ("_masked", {"mask": "mask"})):
            layer = {"name": "a", "type": "multi_head_attention", "units": 64, "heads": 4, "out": 64,
                     "query_bias": True, "key_bias": True, "value_bias": True, "weights": self.LABML,
                     "inputs": {"query": "features", "key": "keys", "value": "values", **ports}}
            inputs = {"keys": sequence, "values": sequence, **({"mask": {"shape": ["T", "T"]}} if ports else {})}
            model = self.model([layer], 64, inputs)
            for n in range(2):
                bound = {"keys": self.golden["in.key"][:, n], "values": self.golden["in.value"][:, n]}
                if ports:
                    bound["mask"] = self.golden["in.mask"][:, :, n]
                out, maps = self.outputs(model, self.golden["in.query"][:, n], ["a", "a.attention"], **bound)
                self.verdict(f"out{suffix}, clip {n}", out, self.golden[f"out.out{suffix}"][:, n])
                self.verdict(f"attn{suffix}, clip {n}", maps,
                             self.golden[f"out.attn{suffix}"][:, :, n].transpose(2, 0, 1))

    def test_labml_relative_multi_head_attention(self):
        self.load("labml_relative_mha")
        base = {"name": "a", "type": "relative_multi_head_attention", "units": 32, "heads": 4, "out": 32,
                "value_bias": True, "positions": "table", "shift": "end", "v_bias": False,
                "weights": {**self.LABML, "u_bias": "query_pos_bias", "table": "key_pos_embeddings",
                            "table_bias": "key_pos_bias"}}
        plain = self.model([{**base, "inputs": {"query": "features", "key": "keys"}}], 32,
                           {"keys": {"shape": ["T", 32]}})
        masked = self.model([{**base, "inputs": {"query": "features", "key": "keys", "mask": "mask"}}], 32,
                            {"keys": {"shape": ["T", 32]}, "mask": {"shape": ["T", "T"]}})
        sizes = [name[9:] for name in self.golden if name.startswith("in.query_")]
        self.assertEqual(len(sizes), 5)
        for size in sizes:
            for n in range(2):
                query, keys = (self.golden[f"in.{part}_{size}"][:, n] for part in ("query", "key"))
                out, maps = self.outputs(plain, query, ["a", "a.attention"], keys=keys)
                self.verdict(f"out_{size}, clip {n}", out, self.golden[f"out.out_{size}"][:, n])
                self.verdict(f"attn_{size}, clip {n}", maps, self.golden[f"out.attn_{size}"][:, :, n].transpose(2, 0, 1))
                if f"in.mask_{size}" not in self.golden:
                    continue
                mask = self.golden[f"in.mask_{size}"][:, :, 0]
                out, maps = self.outputs(masked, query, ["a", "a.attention"], keys=keys, mask=mask)
                self.verdict(f"out_masked_{size}, clip {n}", out, self.golden[f"out.out_masked_{size}"][:, n])
                self.verdict(f"attn_masked_{size}, clip {n}", maps,
                             self.golden[f"out.attn_masked_{size}"][:, :, n].transpose(2, 0, 1))


for way, further, environment in stylet.ways():
    kind = f"Layers_{way}"
    globals()[kind] = type(kind, (Layers, stylet.Case), {"more": further, "env": environment})


if __name__ == "__main__":
    tap.main()
