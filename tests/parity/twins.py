"""Reference encoders in float64 numpy, one class per family: a checkpoint of random sizes under the published names, and
what it computes. Written from the published code's facts alone, loops where these are plainest, for test_twins.py.

`make` draws float32 tensors, large enough that outputs follow the input (`np.random` is seeded by the test); `run` takes
features [T, n] and gives the outputs by the names of models/README.md. `text` and `speaker` are further inputs.
"""
import numpy as np


def draw(random, *shape, fan=None):
    """Normal values of deviation 1.5 / sqrt(fan-in); fan 1 for biases and tokens."""
    fan = fan or (int(np.prod(shape[1:])) if len(shape) > 1 else 9)
    return (random.standard_normal(shape) * 1.5 / np.sqrt(fan)).astype(np.float32)


def linear(random, out, inside, bias=True):
    return {"weight": draw(random, out, inside), **({"bias": draw(random, out)} if bias else {})}


def under(prefix, tensors):
    return {prefix + name: values for name, values in tensors.items()}


def dense(x, w, name):
    y = x @ w[name + ".weight"].T
    return y + w[name + ".bias"] if name + ".bias" in w else y


def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def softplus(x):
    return np.logaddexp(x, 0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mish(x):
    return x * np.tanh(softplus(x))


def standardise(x, axes, eps):
    """Zero mean and unit biased variance over `axes`."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def conv2d(x, kernel, stride, before, after):
    """x [C, T, F], kernel [out, C, 3, 3]; zeros (time, mel) before and after."""
    x = np.pad(x, [(0, 0), (before[0], after[0]), (before[1], after[1])])
    frames, bins = ((n - 3) // stride + 1 for n in x.shape[1:])
    y = np.empty((len(kernel), frames, bins))
    for t in range(frames):
        for f in range(bins):
            piece = x[:, stride * t:stride * t + 3, stride * f:stride * f + 3]
            y[:, t, f] = np.tensordot(kernel, piece, 3)
    return y


def conv1d(x, w, name, stride, padding):
    """x [T, C], as torch.nn.Conv1d."""
    kernel = w[name + ".weight"]
    x = np.pad(x, [(padding, padding), (0, 0)])
    steps = (len(x) - kernel.shape[2]) // stride + 1
    return np.array([np.tensordot(kernel, x[stride * t:stride * t + kernel.shape[2]].T, 2) + w[name + ".bias"]
                     for t in range(steps)])


def recurrent(random, kind, units, inside):
    rows = {"gru": 3, "lstm": 4}[kind] * units
    return {"weight_ih_l0": draw(random, rows, inside), "weight_hh_l0": draw(random, rows, units),
            "bias_ih_l0": draw(random, rows), "bias_hh_l0": draw(random, rows)}


def gru(x, w, at):
    h, states = np.zeros(w[at + "weight_hh_l0"].shape[1]), []
    for step in x:
        a = w[at + "weight_ih_l0"] @ step + w[at + "bias_ih_l0"]
        b = w[at + "weight_hh_l0"] @ h + w[at + "bias_hh_l0"]
        (ra, za, na), (rb, zb, nb) = np.split(a, 3), np.split(b, 3)
        r, z = sigmoid(ra + rb), sigmoid(za + zb)
        h = (1 - z) * np.tanh(na + r * nb) + z * h
        states.append(h)
    return np.array(states)


def lstm(x, w, at):
    h = c = np.zeros(w[at + "weight_hh_l0"].shape[1])
    states = []
    for step in x:
        i, f, g, o = np.split(w[at + "weight_ih_l0"] @ step + w[at + "bias_ih_l0"] + w[at + "weight_hh_l0"] @ h
                              + w[at + "bias_hh_l0"], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


def attend(q, k, v, heads, scale):
    """q [Tq, E], k and v [Tk, E]; heads are contiguous slices. (values [Tq, E], weights [heads, Tq, Tk])"""
    cut = lambda x: x.reshape(len(x), heads, -1).transpose(1, 0, 2)  # noqa: E731
    weights = softmax(cut(q) @ cut(k).transpose(0, 2, 1) / scale)
    return (weights @ cut(v)).transpose(1, 0, 2).reshape(len(q), -1), weights


class Family:
    """prefix, name and settings as the converter takes them; clips are the lengths to try."""

    settings, bins, clips = (), 80, (1, 63, 64, 65, 130)

    def __init__(self, random):
        self.random = random
        self.bound, self.w = {}, {}
        self.make()
        self.checkpoint = under(self.prefix, self.w)
        self.w = {name: values.astype(np.float64) for name, values in self.w.items()}

    def size(self, low, high):
        return int(self.random.integers(low, high + 1))

    def add(self, prefix, tensors):
        self.w.update(under(prefix, tensors))

    def norm(self, at, channels, names=("weight", "bias", "running_mean", "running_var")):
        for i, name in enumerate(names):
            values = draw(self.random, channels)
            self.w[at + name] = np.abs(values) + np.float32(0.5) if i in (0, 3) else values

    def features(self, frames):
        return self.random.standard_normal((frames, self.bins)).astype(np.float32)


class King(Family):
    """Six strided convolutions with batch norm and ReLU, flattened channel-major."""

    padding, bias = 1, True

    def conv(self, i):
        return f"encoder.convs.{i}."

    def bn(self, i):
        return f"encoder.bns.{i}."

    def make_stack(self):
        """Returns the width of a flattened step."""
        before, width = 1, self.bins
        for i in range(6):
            channels = self.size(2, 7)
            self.w[self.conv(i) + "weight"] = draw(self.random, channels, before, 3, 3)
            if self.bias:
                self.w[self.conv(i) + "bias"] = draw(self.random, channels)
            self.norm(self.bn(i), channels)
            before, width = channels, (width + 2 * self.padding - 3) // 2 + 1
        return before * width

    def stack(self, x):
        x = np.asarray(x, np.float64)[None]
        for i in range(6):
            w = {name: self.w[self.bn(i) + name][:, None, None] for name in
                 ("weight", "bias", "running_mean", "running_var")}
            x = conv2d(x, self.w[self.conv(i) + "weight"], 2, [self.padding] * 2, [self.padding] * 2)
            if self.bias:
                x = x + self.w[self.conv(i) + "bias"][:, None, None]
            x = (x - w["running_mean"]) / np.sqrt(w["running_var"] + 1e-5) * w["weight"] + w["bias"]
            x = np.maximum(x, 0)
        return x

    def flat(self, x):
        return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


class CoquiSpeaker(King):
    """A speaker vector stands behind the encoder's state when the tokens are asked."""

    name, prefix = "coqui-gst", "model.gst_layer."

    def make(self):
        units, self.heads, each, speaker = self.size(3, 9), self.size(1, 5), self.size(2, 5), self.size(1, 6)
        self.add("encoder.recurrence.", recurrent(self.random, "gru", units, self.make_stack()))
        embedding = self.heads * each
        self.w["style_token_layer.style_tokens"] = draw(self.random, self.size(2, 9), each, fan=1)
        for part, inside in (("query", units + speaker), ("key", each), ("value", each)):
            self.add(f"style_token_layer.attention.W_{part}.", linear(self.random, embedding, inside, False))
        self.bound["speaker"] = draw(self.random, speaker, fan=1)

    def run(self, x, speaker):
        frames = gru(self.flat(self.stack(x)), self.w, "encoder.recurrence.")
        tokens, at = np.tanh(self.w["style_token_layer.style_tokens"]), "style_token_layer.attention.W_"
        q = dense(np.concatenate([frames[-1], speaker])[None], self.w, at + "query")
        style, weights = attend(q, dense(tokens, self.w, at + "key"), dense(tokens, self.w, at + "value"), self.heads,
                                np.sqrt(tokens.shape[1]))
        return {"style": style[0], "token_weights": weights[:, 0], "reference": frames[-1], "frames": frames}


class Capacitron(King):
    """Padding 2, an LSTM, and a posterior: the first half is the mean, softplus of the second the deviation."""

    name, prefix, padding, text, speaker = "capacitron", "model.capacitron_vae_layer.", 2, False, False

    def make(self):
        inside = units = self.size(3, 9)
        self.add("encoder.recurrence.", recurrent(self.random, "lstm", units, self.make_stack()))
        if self.text:
            wide, summary = self.size(2, 7), self.size(2, 5)
            self.add("text_summary_net.lstm.", recurrent(self.random, "lstm", summary, wide))
            self.bound["text"] = draw(self.random, self.size(1, 12), wide, fan=1)
            inside += summary
        if self.speaker:
            self.bound["speaker"] = draw(self.random, self.size(1, 6), fan=1)
            inside += len(self.bound["speaker"])
        hidden, width = self.size(2, 7), self.size(2, 6)
        self.add("post_encoder_mlp.net.0.", linear(self.random, hidden, inside))
        self.add("post_encoder_mlp.net.2.", linear(self.random, 2 * width, hidden))
        self.w["beta"] = draw(self.random, 1)

    def run(self, x, text=None, speaker=None):
        frames = lstm(self.flat(self.stack(x)), self.w, "encoder.recurrence.")
        parts = [frames[-1]]
        if text is not None:
            parts.append(lstm(text, self.w, "text_summary_net.lstm.")[-1])
        if speaker is not None:
            parts.append(speaker)
        both = dense(np.tanh(dense(np.concatenate(parts), self.w, "post_encoder_mlp.net.0")), self.w,
                     "post_encoder_mlp.net.2")
        mean, deviation = np.split(both, 2)
        return {"style": mean, "deviation": softplus(deviation), "reference": frames[-1], "frames": frames}


class CapacitronText(Capacitron):
    text = True


class CapacitronTextSpeaker(Capacitron):
    text = speaker = True


class Espnet(King):
    """Biases on q, k, v and an output projection; scores over the width of a head."""

    name, prefix, bias, early = "espnet-gst", "tts.gst.", False, False

    def conv(self, i):
        return f"ref_enc.convs.{3 * i}."

    def bn(self, i):
        return f"ref_enc.convs.{3 * i + 1}."

    def make(self):
        units, self.heads, each = self.size(3, 9), 4, self.size(2, 5)
        self.add("ref_enc.gru.", recurrent(self.random, "gru", units, self.make_stack()))
        self.embedding = self.heads * each
        query, token = (self.embedding,) * 2 if self.early else (units, each)
        if self.early:
            self.add("stl.projection.", linear(self.random, query, units))
        self.w["stl.gst_embs"] = draw(self.random, self.size(2, 9), token, fan=1)
        for part, inside in (("q", query), ("k", token), ("v", token), ("out", self.embedding)):
            self.add(f"stl.mha.linear_{part}.", linear(self.random, self.embedding, inside))

    def run(self, x):
        x = self.stack(x)
        steps = x.reshape(x.shape[1], -1) if self.early else self.flat(x)  # early: the buffer [C, T, F] read as T rows
        frames = gru(steps, self.w, "ref_enc.gru.")
        query = dense(frames[-1], self.w, "stl.projection") if self.early else frames[-1]
        tokens, at = np.tanh(self.w["stl.gst_embs"]), "stl.mha.linear_"
        style, weights = attend(dense(query[None], self.w, at + "q"), dense(tokens, self.w, at + "k"),
                                dense(tokens, self.w, at + "v"), self.heads, np.sqrt(self.embedding / self.heads))
        return {"style": dense(style[0], self.w, at + "out"), "token_weights": weights[:, 0], "reference": frames[-1],
                "frames": frames}


class EspnetEarly(Espnet):
    bias = early = True


class Nemo(Family):
    """ReLU, then layer norm over channels; flattened mel-major; torch.nn.MultiheadAttention."""

    name, prefix = "nemo-gst", "state_dict.fastpitch.speaker_encoder.gst_module."

    def make(self):
        before, width = 1, self.bins
        for i in range(6):
            # a layer norm over two or three channels that nearly agree multiplies roundings by hundreds
            channels, at = self.size(8, 14), f"reference_encoder.layers.{i}."
            self.w[at + "conv.weight"] = draw(self.random, channels, before, 3, 3)
            self.w[at + "conv.bias"] = draw(self.random, channels)
            self.norm(at + "norm.", channels, ("weight", "bias"))
            before, width = channels, -(-width // 2)
        self.heads, each = self.size(1, 5), self.size(2, 5)
        units = self.heads * each
        self.add("reference_encoder.gru.", recurrent(self.random, "gru", units, before * width))
        self.w["style_attention.tokens"] = draw(self.random, self.size(2, 9), each, fan=1)
        for letter, inside in (("q", units), ("k", each), ("v", each)):
            self.w[f"style_attention.mha.{letter}_proj_weight"] = draw(self.random, units, inside)
        self.w["style_attention.mha.in_proj_bias"] = draw(self.random, 3 * units)
        self.add("style_attention.mha.out_proj.", linear(self.random, units, units))

    def run(self, x):
        x = np.asarray(x, np.float64)[None]
        for i in range(6):
            at = f"reference_encoder.layers.{i}."
            x = conv2d(x, self.w[at + "conv.weight"], 2, [1, 1], [1, 1]) + self.w[at + "conv.bias"][:, None, None]
            x = standardise(np.maximum(x, 0), 0, 1e-5)
            x = x * self.w[at + "norm.weight"][:, None, None] + self.w[at + "norm.bias"][:, None, None]
        frames = gru(x.transpose(1, 2, 0).reshape(x.shape[1], -1), self.w, "reference_encoder.gru.")
        tokens, at = np.tanh(self.w["style_attention.tokens"]), "style_attention.mha."
        q, k, v = (inside @ self.w[f"{at}{letter}_proj_weight"].T + bias for inside, letter, bias in
                   zip((frames[-1:], tokens, tokens), "qkv", np.split(self.w[at + "in_proj_bias"], 3)))
        style, weights = attend(q, k, v, self.heads, np.sqrt(q.shape[1] / self.heads))
        return {"style": dense(style[0], self.w, at + "out_proj"), "token_weights": weights[:, 0],
                "reference": frames[-1], "frames": frames}


class MelStyle(Family):
    """Linears with Mish, gated convolutions with residuals, attention over sqrt(model width), the mean over time."""

    name, prefix, clips = "stylespeech", "model.style_encoder.", (1, 2, 3, 40)

    def make(self):
        hidden, style = 2 * self.size(2, 6), self.size(3, 9)
        self.add("spectral.0.fc.", linear(self.random, hidden, self.bins))
        self.add("spectral.3.fc.", linear(self.random, hidden, hidden))
        for i in range(2):
            self.w[f"temporal.{i}.conv1.conv.weight"] = draw(self.random, 2 * hidden, hidden, 5)
            self.w[f"temporal.{i}.conv1.conv.bias"] = draw(self.random, 2 * hidden)
        for part in ("w_qs", "w_ks", "w_vs", "fc"):
            self.add(f"slf_attn.{part}.", linear(self.random, hidden, hidden))
        self.add("fc.fc.", linear(self.random, style, hidden))

    def run(self, x):
        for part in ("spectral.0.fc", "spectral.3.fc"):
            x = mish(dense(x, self.w, part))
        for i in range(2):
            a, b = np.split(conv1d(x, self.w, f"temporal.{i}.conv1.conv", 1, 2), 2, axis=1)
            x = x + a * sigmoid(b)
        q, k, v = (dense(x, self.w, f"slf_attn.{part}") for part in ("w_qs", "w_ks", "w_vs"))
        y, weights = attend(q, k, v, 2, np.sqrt(x.shape[1]))
        frames = dense(x + dense(y, self.w, "slf_attn.fc"), self.w, "fc.fc")
        return {"style": frames.mean(0), "frames": frames, "attention": weights}


class GptSovits(MelStyle):
    """The same over a linear spectrum of 704 bins."""

    name, prefix, bins = "gpt-sovits", "weight.ref_enc.", 704


class AdaSpeech(Family):
    """Convolutions of stride 3, ReLU, layer norm over channels, the mean over time."""

    name, prefix, clips = "adaspeech", "model.utterance_encoder.conv.", (1, 2, 3, 10, 61)

    def make(self):
        before = self.bins
        for i in range(2):
            channels = self.size(3, 12)
            self.w[f"{i}.0.weight"], self.w[f"{i}.0.bias"] = draw(self.random, channels, before, 5), draw(self.random, channels)
            self.norm(f"{i}.2.layer_norm.", channels, ("weight", "bias"))
            before = channels

    def run(self, x):
        for i in range(2):
            x = standardise(np.maximum(conv1d(x, self.w, f"{i}.0", 3, 2), 0), 1, 1e-12)
            x = x * self.w[f"{i}.2.layer_norm.weight"] + self.w[f"{i}.2.layer_norm.bias"]
        return {"style": x.mean(0), "frames": x}


class TensorFlow(Family):
    """SAME padding, kernels HWIO, a GRU that resets before the product, a dense layer, additive attention."""

    name, prefix, attention, has_dense, heads = "tf1-gst", "model/inference/", "additive", True, 4

    def make(self):
        before, width = 1, self.bins
        for i in range(6):
            channels, at = self.size(2, 7), f"ref_encoder/conv2d_{i}/"
            self.w[at + "conv2d/kernel"] = draw(self.random, channels, before, 3, 3).transpose(2, 3, 1, 0)
            self.w[at + "conv2d/bias"] = draw(self.random, channels)
            self.norm(at + "batch_normalization/", channels, ("gamma", "beta", "moving_mean", "moving_variance"))
            before, width = channels, -(-width // 2)
        units, inside = self.size(3, 9), before * width
        for part, columns in (("gates", 2 * units), ("candidate", units)):
            self.w[f"ref_encoder/rnn/gru_cell/{part}/kernel"] = draw(self.random, columns, inside + units).T
            self.w[f"ref_encoder/rnn/gru_cell/{part}/bias"] = draw(self.random, columns)
        if self.has_dense:
            columns = self.size(3, 9)
            self.w["ref_encoder/dense/kernel"] = draw(self.random, columns, units).T
            self.w["ref_encoder/dense/bias"] = draw(self.random, columns)
            units = columns
        if self.attention:
            self.make_attention(units)

    def make_attention(self, query):
        each, token, at = self.size(2, 6), self.size(2, 6), "Multihead-attention/"
        self.w["style_tokens"] = draw(self.random, self.size(2, 9), token, fan=1)
        for name, inside in (("conv1d", query), ("conv1d_1", token)):
            self.w[f"{at}{name}/kernel"] = draw(self.random, each * self.heads, inside).T[None]
            self.w[f"{at}{name}/bias"] = draw(self.random, each * self.heads)
        if self.attention != "dot":
            self.w[at + "attention_v"] = draw(self.random, each, fan=1)
        if self.attention == "additive":
            self.w[at + "attention_g"] = np.float32([2.5])
            self.w[at + "attention_b"] = draw(self.random, each, fan=1)

    @staticmethod
    def same(n):
        """Zeros before and after one axis for kernel 3 and stride 2."""
        return (0, 1) if n % 2 == 0 else (1, 1)

    def stack(self, x):
        x = np.asarray(x, np.float64)[None]
        for i in range(6):
            at = f"ref_encoder/conv2d_{i}/"
            gamma, beta, mean, variance = (self.w[f"{at}batch_normalization/{name}"][:, None, None] for name in
                                           ("gamma", "beta", "moving_mean", "moving_variance"))
            before, after = zip(*(self.same(n) for n in x.shape[1:]))
            x = conv2d(x, self.w[at + "conv2d/kernel"].transpose(3, 2, 0, 1), 2, before, after)
            x = x + self.w[at + "conv2d/bias"][:, None, None]
            x = np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta, 0)
        return x.transpose(1, 2, 0).reshape(x.shape[1], -1)

    def states(self, x):
        at, frames = "ref_encoder/rnn/gru_cell/", []
        h = np.zeros(len(self.w[at + "candidate/bias"]))
        for step in x:
            r, u = np.split(sigmoid(np.concatenate([step, h]) @ self.w[at + "gates/kernel"] + self.w[at + "gates/bias"]), 2)
            c = np.tanh(np.concatenate([step, r * h]) @ self.w[at + "candidate/kernel"] + self.w[at + "candidate/bias"])
            h = u * h + (1 - u) * c
            frames.append(h)
        return np.array(frames)

    def score(self, q, k):
        """One head's scores [K] of its slices q [n] and k [K, n]."""
        at = "Multihead-attention/"
        if self.attention == "dot":
            return k @ q * len(q) ** -0.5
        n, b = self.w[at + "attention_v"], 0
        if self.attention == "additive":
            n, b = self.w[at + "attention_g"] * n / np.sqrt((n * n).sum()), self.w[at + "attention_b"]
        return (n * np.tanh(k + q + b)).sum(1)

    def run(self, x):
        frames = self.states(self.stack(x))
        reference = frames[-1]
        if self.has_dense:
            reference = np.tanh(reference @ self.w["ref_encoder/dense/kernel"] + self.w["ref_encoder/dense/bias"])
        if not self.attention:
            return {"style": reference, "reference": reference, "frames": frames}
        tokens, at = np.tanh(self.w["style_tokens"]), "Multihead-attention/"
        q = reference @ self.w[at + "conv1d/kernel"][0] + self.w[at + "conv1d/bias"]
        k = tokens @ self.w[at + "conv1d_1/kernel"][0] + self.w[at + "conv1d_1/bias"]
        weights = softmax(np.array([self.score(a, b) for a, b in
                                    zip(np.split(q, self.heads), np.split(k, self.heads, axis=1))]))
        return {"style": (weights @ tokens).ravel(), "token_weights": weights, "reference": reference, "frames": frames}


class TensorFlowPlain(TensorFlow):
    """normalize=False: neither g nor b."""

    attention = "plain"


class TensorFlowDot(TensorFlow):
    attention = "dot"


class TensorFlowEightHeads(TensorFlow):
    """acetylSv/GST-tacotron: eight heads, the GRU's state itself is the query."""

    has_dense, heads = False, 8


class TensorFlowNoTokens(TensorFlow):
    """Kyubyong/expressive_tacotron: the dense layer is the style."""

    attention = None


class Delightful(Family):
    """CoordConv1d and five convolutions, leaky ReLU, instance norm; a GRU; tokens asked over the batch."""

    name, prefix, clips = "delightful-tts", "model.acoustic_model.utterance_prosody_encoder.", (17, 40, 83)
    strides, axis = (1, 1, 2, 1, 2, 1), "batch"

    def make(self):
        units = self.make_encoder()
        embedding, tokens, bottleneck = 2 * self.size(2, 6), self.size(2, 9), self.size(3, 9)
        self.add("encoder_prj.", linear(self.random, embedding // 2, units))
        self.w["stl.embed"] = draw(self.random, tokens, embedding, fan=1)
        for part, inside in (("query", embedding // 2), ("key", embedding), ("value", embedding)):
            self.add(f"stl.attention.W_{part}.", linear(self.random, embedding, inside, False))
        self.add("encoder_bottleneck.", linear(self.random, bottleneck, embedding))

    def make_encoder(self):
        before = self.bins + 2
        for i in range(6):
            channels, at = self.size(3, 9), f"encoder.convs.{i}." + ("conv." if i == 0 else "")
            self.w[at + "weight"], self.w[at + "bias"] = draw(self.random, channels, before, 3), draw(self.random, channels)
            if i == 0:  # the class also owns a dead pair
                self.w["encoder.convs.0.weight"] = draw(self.random, channels, self.bins, 3)
                self.w["encoder.convs.0.bias"] = draw(self.random, channels)
            self.norm(f"encoder.norms.{i}.", channels, ("weight", "bias"))
            before = channels
        units = self.size(3, 9)
        self.add("encoder.gru.", recurrent(self.random, "gru", units, before))
        return units

    def states(self, x):
        a = 2 * np.arange(len(x)) / (len(x) - 1) - 1
        x = np.column_stack([x, a, np.abs(a - 0.5)])
        for i, stride in enumerate(self.strides):
            x = conv1d(x, self.w, f"encoder.convs.{i}" + (".conv" if i == 0 else ""), stride, 1)
            x = standardise(np.where(x > 0, x, 0.3 * x), 0, 1e-5)
            x = x * self.w[f"encoder.norms.{i}.weight"] + self.w[f"encoder.norms.{i}.bias"]
        return gru(x, self.w, "encoder.gru.")

    def run(self, x):
        frames = self.states(x)
        query, tokens = dense(frames[-1], self.w, "encoder_prj"), np.tanh(self.w["stl.embed"])
        q, k, v = (dense(inside, self.w, f"stl.attention.W_{part}") for inside, part in
                   ((query, "query"), (tokens, "key"), (tokens, "value")))
        weights = softmax(k @ q / np.sqrt(tokens.shape[1])) if self.axis == "tokens" else np.ones(len(tokens))
        style = dense(weights @ v, self.w, "encoder_bottleneck")
        return {"style": style, "style_norm": standardise(style, 0, 1e-5), "token_weights": weights[None],
                "reference": frames[-1], "frames": frames, "query": query}


class DelightfulIntended(Delightful):
    axis, settings = "tokens", ("--set", "softmax_axis=tokens")


class DelightfulPhoneme(Delightful):
    """Relative attention of text states over the encoder's steps, then a projection to the bottleneck."""

    name, prefix = "delightful-tts-phoneme", "model.acoustic_model.phoneme_prosody_encoder."

    def make(self):
        self.heads, at = self.size(1, 3), "attention.attention."
        units, width = self.make_encoder(), 2 * self.heads * self.size(1, 4)
        self.add("encoder_prj.", linear(self.random, width, units))
        for part, bias in (("query", True), ("key", False), ("value", False), ("pos", False), ("out", True)):
            self.add(f"{at}{part}_proj.", linear(self.random, width, width, bias))
        for part in ("u_bias", "v_bias"):
            self.w[at + part] = draw(self.random, self.heads, width // self.heads)
        self.add("encoder_bottleneck.", linear(self.random, 4, width))
        self.bound["text"] = draw(self.random, self.size(1, 30), width, fan=1)

    def run(self, x, text):
        frames, at = self.states(x), "attention.attention."
        steps = dense(frames, self.w, "encoder_prj")
        width = steps.shape[1]
        rate = np.exp(np.arange(0, width, 2) * -(np.log(10000) / width))
        position = np.zeros_like(steps)
        position[:, 0::2] = np.sin(np.arange(len(steps))[:, None] * rate)
        position[:, 1::2] = np.cos(np.arange(len(steps))[:, None] * rate)
        q, k, v, p = (dense(inside, self.w, f"{at}{part}_proj").reshape(len(inside), self.heads, -1).transpose(1, 0, 2)
                      for inside, part in ((text, "query"), (steps, "key"), (steps, "value"), (position, "pos")))
        content = (q + self.w[at + "u_bias"][:, None]) @ k.transpose(0, 2, 1)
        there = (q + self.w[at + "v_bias"][:, None]) @ p.transpose(0, 2, 1)
        weights = softmax((content + self.shift(there)) / np.sqrt(width))
        y = dense((weights @ v).transpose(1, 0, 2).reshape(len(text), -1), self.w, at + "out_proj")
        return {"style": dense(y, self.w, "encoder_bottleneck"), "attention": weights, "reference": frames[-1],
                "frames": frames}

    @staticmethod
    def shift(x):
        """A zero column in front, read on as if it were not there: out[f] = padded[f + Tq] of the flat array."""
        heads, queries, keys = x.shape
        padded = np.concatenate([np.zeros((heads, queries, 1)), x], axis=2).reshape(heads, -1)
        return padded[:, queries:].reshape(heads, queries, keys)


FAMILIES = [CoquiSpeaker, Capacitron, CapacitronText, CapacitronTextSpeaker, Espnet, EspnetEarly, Nemo, MelStyle, GptSovits,
            AdaSpeech, TensorFlow, TensorFlowPlain, TensorFlowDot, TensorFlowEightHeads, TensorFlowNoTokens, Delightful,
            DelightfulIntended, DelightfulPhoneme]
