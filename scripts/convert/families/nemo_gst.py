"""NVIDIA/NeMo GST (FastPitch): ReLU before a layer norm over channels, mel-major flatten, then torch's attention as
released, or linears of its own in the draft (branch fastpitch_gst, speaker_modules.py)."""
from .. import king
from ..errors import ConvertError
from ..family import Family
from ..front_end import COUNT
from ..names import prefixes_of
from ..settings import Parameter

FRONT_END = {
    "sample_rate": 44100, "n_fft": 2048, "hop_length": 512, "win_length": 2048, "window_periodic": False,
    "pad_mode": "reflect", "n_mels": 80, "fmin": 0, "fmax": "none", "log": "ln", "log_floor": 1e-5,
    "log_floor_rule": "add",
}
NOTES = {"window_periodic": "NeMo builds its Hann window with periodic=False"}
PREPROCESSOR_KEYS = {"sample_rate": "sample_rate", "n_fft": "n_fft", "features": "n_mels", "lowfreq": "fmin",
                     "highfreq": "fmax", "n_window_size": "win_length", "n_window_stride": "hop_length",
                     "preemph": "pre_emphasis", "mag_power": "power", "log_zero_guard_value": "log_floor",
                     "log_zero_guard_type": "log_floor_rule", "mel_norm": "mel_norm"}


def config(tree):
    section = tree.get("model") if isinstance(tree.get("model"), dict) else tree
    preprocessor = section.get("preprocessor") or tree.get("preprocessor") or {}
    found = {ours: preprocessor[theirs] for theirs, ours in PREPROCESSOR_KEYS.items()
             if isinstance(preprocessor.get(theirs), (int, float, str)) and "$" not in str(preprocessor[theirs])}
    if preprocessor.get("log") is False:
        found["log"] = "none"
    rate = preprocessor.get("sample_rate")
    for seconds, ours in (("window_size", "win_length"), ("window_stride", "hop_length")):
        if isinstance(preprocessor.get(seconds), (int, float)) and isinstance(rate, (int, float)):
            found.setdefault(ours, int(preprocessor[seconds] * rate))
    return found


def attention(graph, view, settings, query_width):
    """torch.nn.MultiheadAttention with keys of another width: in_proj_bias holds q, k and v in this order."""
    count, width = graph.tensor("style_attention.tokens", view["style_attention.tokens"], (None, None)).shape
    mha = "style_attention.mha."
    units = view.shape(mha + "q_proj_weight")[0]
    biases = mha + "in_proj_bias" in view
    weights = {"tokens": "style_attention.tokens"}
    for i, (part, letter) in enumerate((("query", "q"), ("key", "k"), ("value", "v"))):
        weights[part + ".weight"] = f"{mha}{letter}_proj_weight"
        graph.tensor(f"{mha}{letter}_proj_weight", view[f"{mha}{letter}_proj_weight"],
                     (units, query_width if letter == "q" else width))
        if biases:
            if view.shape(mha + "in_proj_bias") != (3 * units,):
                raise ConvertError(f"tensor '{view.prefix}{mha}in_proj_bias': expected {3 * units} values")
            weights[part + ".bias"] = f"{mha}{letter}_proj_bias"
            graph.tensor(f"{mha}{letter}_proj_bias", view[mha + "in_proj_bias"].rows(i * units, (i + 1) * units))
    out = mha + "out_proj.weight" in view
    out_bias = mha + "out_proj.bias" in view
    if out:
        weights["out."] = mha + "out_proj."
        graph.tensor(mha + "out_proj.weight", view[mha + "out_proj.weight"], (units, units))
    if out_bias:
        graph.tensor(mha + "out_proj.bias", view[mha + "out_proj.bias"], (units,))
    graph.layer("stl", "style_token_attention", tokens=count, token_width=width, units=units,
                heads=king.heads_of(settings, units, width), query_bias=biases, key_bias=biases, value_bias=biases,
                out=units if out else None, out_bias=out_bias if out else None, scale="head_width", weights=weights)


def draft_attention(graph, view, settings, query_width):
    """Three linears with biases, nothing behind the heads."""
    count, width = graph.tensor("style_attention.tokens", view["style_attention.tokens"], (None, None)).shape
    units = view.shape("style_attention.q_linear.weight")[0]
    weights = {"tokens": "style_attention.tokens"}
    for part, into in (("query", query_width), ("key", width), ("value", width)):
        at = weights[part + "."] = f"style_attention.{part[0]}_linear."
        graph.tensor(at + "weight", view[at + "weight"], (units, into))
        graph.tensor(at + "bias", view[at + "bias"], (units,))
    graph.layer("stl", "style_token_attention", tokens=count, token_width=width, units=units,
                heads=king.heads_of(settings, units, width), query_bias=True, key_bias=True, value_bias=True,
                scale="head_width", weights=weights)


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "the 44.1 kHz configuration of NVIDIA/NeMo", NOTES)
    draft = DRAFT[0] in view
    if draft:
        where = king.places(view, "reference_encoder.conv.conv2d_{}.conv.", "reference_encoder.conv.layer_norm_{}.", first=1)
    else:
        where = king.places(view, "reference_encoder.layers.{}.conv.", "reference_encoder.layers.{}.norm.")
    units = king.encoder(graph, view, graph.front_end["n_mels"], where, gru_at="reference_encoder.gru.",
                         flat="mel_major", norm_kind="layer", order="activation_norm")
    (draft_attention if draft else attention)(graph, view, settings, units)
    king.outputs(graph)


RELEASED = ["style_attention.tokens", "reference_encoder.layers.0.conv.weight", "reference_encoder.layers.0.norm.weight",
            "reference_encoder.gru.weight_ih_l0", "style_attention.mha.q_proj_weight"]
DRAFT = ["style_attention.q_linear.weight", "style_attention.tokens", "reference_encoder.conv.conv2d_1.conv.weight",
         "reference_encoder.conv.layer_norm_1.weight", "reference_encoder.gru.weight_ih_l0"]


FAMILY = Family(
    "nemo-gst", "NVIDIA/NeMo", "GST of NeMo's FastPitch",
    RELEASED, build, parameters={"heads": Parameter(COUNT, None, "from the shapes")}, config=config,
    find=lambda tensors: prefixes_of(tensors, RELEASED) + prefixes_of(tensors, DRAFT))
