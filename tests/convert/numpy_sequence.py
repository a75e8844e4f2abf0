"""The layers of numpy_graph that work on sequences: convolutions over time, recurrence, attention between inputs, and what
joins and splits. float64 numpy from models/README.md alone. Imported by numpy_graph, whose table they enter."""
import numpy as np
from numpy_graph import activate, layer, normalise, norm_then_activation, pair, sigmoid, softmax


def _zeros(spec, n, kernel, stride, dilation):
    if spec.get("padding_rule", "given") == "given":
        return spec.get("padding", 0), spec.get("padding", 0)
    total = max((-(-n // stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def convolve(x, weight, stride=1, zeros=(0, 0), dilation=1, groups=1):
    """torch.nn.Conv1d over [T, D] without a bias."""
    out, inside, kernel = weight.shape
    padded = np.pad(x, (zeros, (0, 0)))
    steps = (len(padded) - dilation * (kernel - 1) - 1) // stride + 1
    y, each = np.zeros((steps, out)), out // groups
    for k in range(kernel):
        rows = padded[k * dilation:k * dilation + (steps - 1) * stride + 1:stride]
        for g in range(groups):
            part = slice(g * each, (g + 1) * each)
            y[:, part] += rows[:, g * inside:(g + 1) * inside] @ weight[part, :, k].T
    return y


@layer("conv1d")
def conv1d(spec, weights, x):
    coordinates = spec.get("coordinates", "none")
    if coordinates != "none":
        a = 2 * np.arange(len(x)) / (len(x) - 1) - 1
        more = [a] if coordinates == "time" else [a, np.sqrt((a - 0.5) ** 2)]
        x = np.column_stack([x, *more])
    kernel, stride, dilation = spec.get("kernel", 3), spec.get("stride", 1), spec.get("dilation", 1)
    y = convolve(x, weights["weight"], stride, _zeros(spec, len(x), kernel, stride, dilation), dilation,
                 spec.get("groups", 1))
    if spec.get("bias", True):
        y = y + weights["bias"]
    return norm_then_activation(spec, weights, y)


def _tensorflow_gru(spec, weights, x):
    units, h, states = spec["units"], np.zeros(spec["units"]), []
    for step in x:
        gates = sigmoid(weights["gates.weight"] @ np.concatenate([step, h]) + weights["gates.bias"])
        r, u = gates[:units], gates[units:]
        c = np.tanh(weights["candidate.weight"] @ np.concatenate([step, r * h]) + weights["candidate.bias"])
        h = u * h + (1 - u) * c
        states.append(h)
    return np.array(states)


def _torch_gru(weights, x, suffix, units):
    back, h, states = weights["weight_hh_" + suffix], np.zeros(units), []
    for step in x @ weights["weight_ih_" + suffix].T + weights["bias_ih_" + suffix]:
        again = back @ h + weights["bias_hh_" + suffix]
        r, z = sigmoid(step[:units] + again[:units]), sigmoid(step[units:2 * units] + again[units:2 * units])
        n = np.tanh(step[2 * units:] + r * again[2 * units:])
        h = (1 - z) * n + z * h
        states.append(h)
    return np.array(states)


def _lstm(weights, x, suffix, units):
    back, h, c, states = weights["weight_hh_" + suffix], np.zeros(units), np.zeros(units), []
    for step in x @ weights["weight_ih_" + suffix].T + weights["bias_ih_" + suffix]:
        i, f, g, o = np.split(step + back @ h + weights["bias_hh_" + suffix], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


def _recurrent(spec, weights, x, run):
    units, last = spec["units"], None
    for i in range(spec.get("layers", 1)):
        forward = run(weights, x, f"l{i}", units)
        if spec.get("bidirectional", spec["type"] == "bilstm"):
            backward = run(weights, x[::-1], f"l{i}_reverse", units)
            x, last = np.column_stack([forward, backward[::-1]]), np.concatenate([forward[-1], backward[-1]])
        else:
            x, last = forward, forward[-1]
    return (x if spec.get("output", "last") == "all" else last), {"frames": x}


@layer("gru")
def gru(spec, weights, x):
    if spec.get("cell", "torch") == "tensorflow":
        states = _tensorflow_gru(spec, weights, x)
        return (states if spec.get("output", "last") == "all" else states[-1]), {"frames": states}
    return _recurrent(spec, weights, x, _torch_gru)


@layer("lstm", "bilstm")
def lstm(spec, weights, x):
    return _recurrent(spec, weights, x, _lstm)


def project(weights, x, part, bias):
    y = x @ weights[part + ".weight"].T
    return y + weights[part + ".bias"] if bias else y


def _inputs(given):
    """query, key and value; a missing key is the query, a missing value the key."""
    if not isinstance(given, dict):
        given = {"query": given}
    key = given.get("key", given["query"])
    return given["query"], key, given.get("value", key)


@layer("multi_head_attention")
def multi_head_attention(spec, weights, given):
    query, key, value = _inputs(given)
    units, heads = spec["units"], spec["heads"]
    scale = {"head_width": units // heads, "units": units, "key_width": key.shape[-1], "none": 1}[
        spec.get("scale", "head_width")]
    q, k, v = (project(weights, x, part, spec.get(part + "_bias", False)) if spec.get(part + "_projection", True) else x
               for x, part in ((query, "query"), (key, "key"), (value, "value")))
    rows, maps = [], []
    for part in np.split(np.arange(units), heads):
        maps.append(softmax(q[:, part] @ k[:, part].T / np.sqrt(scale)))
        rows.append(maps[-1] @ v[:, part])
    y = np.concatenate(rows, axis=1)
    if spec.get("out", 0):
        y = project(weights, y, "out", spec.get("out_bias", True))
    return y, {"attention": np.array(maps)}


def sinusoid(n, width, base):
    """sin and cos side by side, their frequencies rounded to float32 as the published code has them."""
    frequency = np.exp(np.float32(-np.log(base) / width) * np.arange(0, width, 2, dtype="f4")).astype("f8")
    angle = (np.arange(n)[:, None] * frequency).astype("f4").astype("f8")
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(n, width)


def shifted(p):
    """A zero column in front, the buffer read from its Tq-th element on."""
    queries, keys = p.shape
    return np.column_stack([np.zeros(queries), p]).reshape(-1)[queries:].reshape(queries, keys)


@layer("conformer_multi_headed_self_attention")
def conformer_attention(spec, weights, given):
    query, key, value = _inputs(given)
    units, heads = query.shape[1], spec["heads"]
    if spec.get("norm", "none") != "none":
        normed = normalise(query, spec["norm"], weights, "norm.", eps=spec.get("norm_eps", 1e-5))
        key, value, query = (normed if x is query else x for x in (key, value, query))
    q, k, v = (project(weights, x, part, spec.get(part + "_bias", default)) for x, part, default in
               ((query, "query", True), (key, "key", False), (value, "value", False)))
    p = project(weights, sinusoid(len(key), units, spec.get("position_base", 10000)), "position", False)
    scale = units if spec.get("scale", "units") == "units" else units // heads
    rows, maps = [], []
    for h, part in enumerate(np.split(np.arange(units), heads)):
        content = (q[:, part] + weights["u_bias"][h]) @ k[:, part].T
        place = shifted((q[:, part] + weights["v_bias"][h]) @ p[:, part].T)
        maps.append(softmax((content + place) / np.sqrt(scale)))
        rows.append(maps[-1] @ v[:, part])
    y = project(weights, np.concatenate(rows, axis=1), "out", spec.get("out_bias", True))
    return y, {"attention": np.array(maps)}


@layer("glu")
def glu(spec, weights, x):
    a, b = np.split(x, 2, axis=-1)
    gate = {"activation": spec.get("activation", "sigmoid"), "slope": spec.get("slope", 0.01)}
    return a * activate(gate, b) if spec.get("gate", "second") == "second" else activate(gate, a) * b


@layer("pool")
def pool(spec, weights, x):
    flat = x.reshape(-1, x.shape[-1])
    return {"mean": lambda: flat.mean(0), "max": lambda: flat.max(0), "last": lambda: flat[-1]}[
        spec.get("kind", "mean")]()


@layer("average_pool")
def average_pool(spec, weights, x):
    image = x if x.ndim == 3 else x[None]
    if spec.get("odd_frames", "drop") == "repeat" and image.shape[1] % 2:
        image = np.concatenate([image, image[:, -1:]], axis=1)
    (kt, kf), (st, sf) = pair(spec.get("kernel", 2)), pair(spec.get("stride", 2))
    kf, sf = (kf, sf) if x.ndim == 3 else (1, 1)
    frames, bins = (image.shape[1] - kt) // st + 1, (image.shape[0] - kf) // sf + 1
    y = sum(image[f:f + (bins - 1) * sf + 1:sf, t:t + (frames - 1) * st + 1:st] for t in range(kt) for f in range(kf))
    return y / (kt * kf) if x.ndim == 3 else (y / kt)[0]


@layer("residual", "add")
def residual(spec, weights, given):
    return given[0] + spec.get("factor", 1) * sum(given[1:])


@layer("scale")
def scale_(spec, weights, x):
    return spec["factor"] * x


@layer("concat")
def concat(spec, weights, given):
    rank = max(x.ndim for x in given)
    shape = next(x.shape[:-1] for x in given if x.ndim == rank)
    return np.concatenate([np.broadcast_to(x, (*shape, x.shape[-1])) for x in given], axis=-1)


@layer("slice")
def slice_(spec, weights, x):
    start = spec.get("start", 0)
    return x[..., start:start + spec["width"]]
