"""syang1993/gst-tacotron and its relatives in TensorFlow 1: SAME padding, a GRU that resets before the product, additive
attention over raw tokens. The variables come from a checkpoint of version 2, or under their own names as .npz or .safetensors."""
from .. import king
from ..errors import ConvertError
from ..family import Family
from ..front_end import COUNT
from ..settings import Parameter

FRONT_END = {
    "sample_rate": 16000, "pre_emphasis": 0.97, "n_fft": 2048, "hop_length": 200, "win_length": 800,
    "pad_mode": "reflect", "n_mels": 80, "log": "log10", "log_gain": 20, "log_floor": 1e-5, "range_ref": 20,
    "range_min": -100, "clip_low": 0, "clip_high": 1,
}
NOTES = {"pad_mode": "librosa before 0.9 reflects at the ends; constant is librosa 0.9 and later"}
ATTENTION, DOT_HEADS = "Multihead-attention/", 4


def convolutions(graph, view, bins):
    """Kernels are HWIO; batch norm with TensorFlow's eps."""
    graph.layer("image", "image")
    channels = 1
    for i in range(view.count("ref_encoder/conv2d_{}/conv2d/kernel")):
        at, name = f"ref_encoder/conv2d_{i}/", f"conv{i}"
        kernel = view[at + "conv2d/kernel"]
        channels = graph.tensor(name + ".weight", kernel.transposed(3, 2, 0, 1), (None, channels, 3, 3)).shape[0]
        graph.tensor(name + ".bias", view[at + "conv2d/bias"], (channels,))
        for ours, theirs in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"),
                             ("running_var", "moving_variance")):
            graph.tensor(f"{name}.norm.{ours}", view[f"{at}batch_normalization/{theirs}"], (channels,))
        graph.layer(name, "conv2d", channels=channels, kernel=3, stride=2, padding_rule="same", norm="batch",
                    norm_eps=1e-3, activation="relu")
        bins = -(-bins // 2)
    graph.layer("flat", "flatten", order="mel_major")
    return channels * bins


def gru(graph, view, width):
    at = "ref_encoder/rnn/gru_cell/"
    units = view.shape(at + "candidate/bias")[0]
    if view.shape(at + "gates/kernel")[0] != width + units:
        raise ConvertError(f"tensor '{view.prefix}{at}gates/kernel' takes {view.shape(at + 'gates/kernel')[0] - units} "
                           f"inputs; the front end leads to {width}: set n_mels")
    for part, columns in (("gates", 2 * units), ("candidate", units)):
        graph.tensor(f"gru.{part}.weight", view[f"{at}{part}/kernel"].transposed(1, 0), (columns, width + units))
        graph.tensor(f"gru.{part}.bias", view[f"{at}{part}/bias"], (columns,))
    graph.layer("gru", "gru", units=units, cell="tensorflow")
    return units


def attention(graph, view, settings, query_width):
    count, width = graph.tensor("stl.tokens", view["style_tokens"], (None, None)).shape
    units = view.shape(ATTENTION + "conv1d/kernel")[2]
    for part, theirs, columns in (("query", "conv1d", query_width), ("key", "conv1d_1", width)):
        kernel = view[f"{ATTENTION}{theirs}/kernel"]
        if kernel.shape != (1, columns, units):
            raise ConvertError(f"tensor '{view.prefix}{ATTENTION}{theirs}/kernel' has shape {list(kernel.shape)}; "
                               f"expected [1, {columns}, {units}]")
        graph.tensor(f"stl.{part}.weight", kernel.reshaped(columns, units).transposed(1, 0))
        graph.tensor(f"stl.{part}.bias", view[f"{ATTENTION}{theirs}/bias"], (units,))
    additive, normalized = ATTENTION + "attention_v" in view, ATTENTION + "attention_g" in view
    if additive:
        each = graph.tensor("stl.v", view[ATTENTION + "attention_v"], (None,)).shape[0]
        heads = settings.resolve("heads", units // each)
        if normalized:
            graph.tensor("stl.g", view[ATTENTION + "attention_g"].reshaped(1))
            graph.tensor("stl.b", view[ATTENTION + "attention_b"], (each,))
    else:
        heads = settings.resolve("heads", DOT_HEADS, allowed=lambda n: n > 0 and units % n == 0)
        if "heads" not in settings.given:
            settings.assume("heads", heads, "dot attention does not tell; the repository's default")
    sizes = {"tokens": count, "token_width": width, "units": units, "heads": heads}
    if additive:
        graph.layer("stl", "additive_attention", **sizes, normalize=None if normalized else False)
    else:
        graph.layer("stl", "style_token_attention", **sizes, scale="head_width", query_bias=True, key_bias=True,
                    value_projection=False)


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by syang1993/gst-tacotron", NOTES)
    last = "gru"
    units = gru(graph, view, convolutions(graph, view, graph.front_end["n_mels"]))
    if "ref_encoder/dense/kernel" in view:
        width = view.shape("ref_encoder/dense/bias")[0]
        graph.tensor("dense.weight", view["ref_encoder/dense/kernel"].transposed(1, 0), (width, units))
        graph.tensor("dense.bias", view["ref_encoder/dense/bias"], (width,))
        last, units = graph.layer("dense", "linear", units=width, activation="tanh"), width
    if "style_tokens" in view:
        attention(graph, view, settings, units)
        king.outputs(graph, reference=last)
    else:
        king.outputs(graph, style=last, attention=None, reference=last)


FAMILY = Family(
    "tf1-gst", "syang1993/gst-tacotron", "GST in TensorFlow 1: a checkpoint's .index, or its variables as .npz or .safetensors",
    ["ref_encoder/conv2d_0/conv2d/kernel", "ref_encoder/rnn/gru_cell/gates/kernel",
     "ref_encoder/rnn/gru_cell/candidate/kernel"], build,
    parameters={"heads": Parameter(COUNT, None, "from the shapes")})
