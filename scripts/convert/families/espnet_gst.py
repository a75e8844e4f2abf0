"""espnet2/tts/gst StyleEncoder, released form and the early one of 2020 (bias, scrambled flatten, wide tokens)."""
from .. import king
from ..errors import ConvertError
from ..family import Family
from ..front_end import COUNT
from ..settings import Parameter

# The VCTK recipe; the class's own default is 16000 Hz, 1024 / 256.
FRONT_END = {
    "sample_rate": 24000, "n_fft": 2048, "hop_length": 300, "win_length": 1200, "pad_mode": "reflect",
    "magnitude_eps": 1e-10, "magnitude_eps_rule": "clamp", "n_mels": 80, "fmin": 80, "fmax": 7600,
    "log": "log10", "log_floor": 1e-10,
}
FEATURE_KEYS = {"fs": "sample_rate", "n_fft": "n_fft", "hop_length": "hop_length", "win_length": "win_length",
                "n_mels": "n_mels", "fmin": "fmin", "fmax": "fmax", "window": "window"}
DEFAULT_HEADS = 4


def config(tree):
    features = tree.get("feats_extract_conf") or {}
    found = {ours: features[theirs] for theirs, ours in FEATURE_KEYS.items() if features.get(theirs) is not None}
    if "n_fft" in features and features.get("win_length") is None:
        found["win_length"] = None
    base = features.get("log_base")
    if "log_base" in features:
        found["log"] = "ln" if base is None else "log10"
        if base not in (None, 10, 10.0):
            raise ConvertError(f"configuration log_base={base}: expected 10 or null")
    heads = (tree.get("tts_conf") or {}).get("gst_heads")
    return {**found, "heads": heads} if heads else found


def normalisation(graph, view, prefix):
    """The buffers of global mean and variance stand beside the model, `normalize.`, outside of its prefix."""
    names = [name for name in view.tensors if name.endswith("normalize.mean") and len(view.tensors[name].shape) == 1]
    shared = [name for name in names if prefix.startswith(name[:-len("normalize.mean")])]
    if not shared:
        return False
    stem = max(shared, key=len)[:-len("mean")]
    for part in ("mean", "std"):
        if stem + part not in view.tensors:
            raise ConvertError(f"tensor '{stem}{part}' is missing in the checkpoint")
        graph.tensor(f"normalize.{part}", view.tensors[stem + part], (graph.front_end["n_mels"],))
        graph.front_end[f"{part}_tensor"] = f"normalize.{part}"
    return True


def attention(graph, view, settings, query_width):
    count, width = graph.tensor("stl.gst_embs", view["stl.gst_embs"], (None, None)).shape
    units = view.shape("stl.mha.linear_q.weight")[0]
    for part, columns in (("q", query_width), ("k", width), ("v", width), ("out", units)):
        graph.tensor(f"stl.mha.linear_{part}.weight", view[f"stl.mha.linear_{part}.weight"], (units, columns))
        graph.tensor(f"stl.mha.linear_{part}.bias", view[f"stl.mha.linear_{part}.bias"], (units,))
    early = "stl.projection.weight" in view
    graph.layer("stl", "style_token_attention", tokens=count, token_width=width, units=units,
                heads=_early_heads(settings, units) if early else king.heads_of(settings, units, width),
                query_bias=True, key_bias=True, value_bias=True, out=units, scale="head_width",
                weights={"tokens": "stl.gst_embs", "query.": "stl.mha.linear_q.", "key.": "stl.mha.linear_k.",
                         "value.": "stl.mha.linear_v.", "out.": "stl.mha.linear_out."})


def _early_heads(settings, units):
    if "heads" not in settings.given and "heads" not in settings.config:
        settings.assume("heads", DEFAULT_HEADS, "tokens as wide as the embedding do not tell; ESPnet's default")
    heads = settings.given.get("heads", settings.config.get("heads", DEFAULT_HEADS))
    if not heads or units % heads:
        raise ConvertError(f"heads={heads}: expected a divisor of {units}")
    return heads


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "VCTK recipe of espnet/espnet")
    if not normalisation(graph, view, view.prefix):
        settings.assume("mean_tensor", "none", "the checkpoint has no normalize.mean and normalize.std")
    early = "stl.projection.weight" in view
    where = king.places(view, "ref_enc.convs.{}.", "ref_enc.convs.{}.", step=3, norm_step=1)
    width = king.encoder(graph, view, graph.front_end["n_mels"], where, gru_at="ref_enc.gru.",
                         flat="channel_time_mel_reinterpreted" if early else "channel_major")
    if early:
        units, _ = graph.tensor("stl.projection.weight", view["stl.projection.weight"], (None, width)).shape
        graph.tensor("stl.projection.bias", view["stl.projection.bias"], (units,))
        width = units
        graph.layer("projection", "linear", units=units, weights="stl.projection.")
    attention(graph, view, settings, width)
    king.outputs(graph)


FAMILY = Family(
    "espnet-gst", "espnet/espnet", "GST StyleEncoder of ESPnet 2 (and PaddleSpeech)",
    ["stl.gst_embs", "ref_enc.convs.0.weight", "ref_enc.convs.1.running_mean", "ref_enc.gru.weight_ih_l0",
     "stl.mha.linear_q.weight"], build,
    parameters={"heads": Parameter(COUNT, None, "from the shapes")}, config=config)
