"""myshell-ai/OpenVoice tone colour: layer norm over the linear spectrum, six weight-norm convolutions, a GRU."""
from .. import king
from ..errors import ConvertError
from ..family import Family

FRONT_END = {
    "sample_rate": 22050, "feature": "linear", "n_fft": 1024, "hop_length": 256, "win_length": 1024,
    "padding": "hifigan", "pad_mode": "reflect", "magnitude_eps": 1e-6, "log": "none",
}
DATA_KEYS = {"sampling_rate": "sample_rate", "filter_length": "n_fft", "hop_length": "hop_length",
             "win_length": "win_length"}


def config(tree):
    data = tree.get("data") if isinstance(tree.get("data"), dict) else {}
    return {ours: data[theirs] for theirs, ours in DATA_KEYS.items() if data.get(theirs) is not None}


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by myshell-ai/OpenVoice")
    bins = graph.front_end["n_fft"] // 2 + 1
    if "layernorm.weight" in view:
        found = view.shape("layernorm.weight")
        if found != (bins,):
            raise ConvertError(f"tensor '{view.prefix}layernorm.weight' has shape {list(found)}; "
                               f"n_fft={graph.front_end['n_fft']} leads to [{bins}]")
        graph.take(view, "layernorm.weight", "layernorm.bias", shape=(bins,))
        graph.layer("layernorm", "layer_norm")
    units = king.encoder(graph, view, bins, king.places(view, "convs.{}.", None), gru_at="gru.", norm_kind=None)
    width = graph.tensor("proj.weight", view["proj.weight"], (None, units)).shape[0]
    graph.tensor("proj.bias", view["proj.bias"], (width,))
    graph.layer("proj", "linear", units=width)
    king.outputs(graph, style="proj", attention=None)
    graph.outputs["style"]["description"] = "tone colour embedding"


FAMILY = Family(
    "openvoice", "myshell-ai/OpenVoice", "tone colour reference encoder of OpenVoice",
    ["proj.weight", "proj.bias", "convs.0.weight", "gru.weight_ih_l0", "gru.weight_hh_l0"], build,
    without=["bns.0.weight", "norms.0.weight", "convs.1.running_mean"], config=config)
