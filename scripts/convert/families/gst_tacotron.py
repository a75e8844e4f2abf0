"""KinglittleQ/GST-Tacotron: six strided convolutions with batch norm, a GRU, style tokens of E / heads."""
from .. import king
from ..family import Family
from ..front_end import COUNT, choice
from ..settings import Parameter

FRONT_END = {
    "sample_rate": 16000, "trim": 60, "trim_padding": "reflect", "pre_emphasis": 0.97,
    "n_fft": 1024, "hop_length": 200, "win_length": 800, "pad_mode": "reflect", "n_mels": 80,
    "log": "log10", "log_gain": 20, "log_floor": 1e-5, "range_ref": 20, "range_min": -100,
    "clip_low": 1e-8, "clip_high": 1, "frame_multiple": 5, "frame_pad_value": 0,
}
NOTES = {
    "trim": "librosa.effects.trim with its defaults comes first; none switches it off",
    "trim_padding": "the pinned librosa 0.6 reflects at the ends; constant is librosa 0.9 and later",
    "pad_mode": "the pinned librosa 0.6 reflects at the ends; constant is librosa 0.9 and later",
    "frame_multiple": "the encoder sees zero frames up to a multiple of r = 5; 1 adds none",
}
ANCHORS = ["stl.embed", "encoder.convs.0.weight", "encoder.bns.0.running_mean", "encoder.gru.weight_ih_l0",
           "stl.attention.W_query.weight", "stl.attention.W_key.weight", "stl.attention.W_value.weight"]
# A CoordConv layer has these: other families, with the same names else.
WITHOUT = ["encoder.convs.0.conv.weight", "encoder_prj.weight"]


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by KinglittleQ/GST-Tacotron", NOTES)
    layout = settings.choose("layout")
    units = king.encoder(graph, view, graph.front_end["n_mels"], layout=layout)
    king.tokens(graph, view, settings, "stl.embed", "stl.attention.", units)
    king.outputs(graph)


FAMILY = Family(
    "gst-tacotron", "KinglittleQ/GST-Tacotron", "GST reference encoder and style tokens", ANCHORS, build,
    without=WITHOUT,
    parameters={
        "heads": Parameter(COUNT, None, "from the shapes"),
        "layout": Parameter(choice("time_major", "mel_major"), "time_major",
                            "mel rows over time as published; forks that feed [mels, frames] memory need mel_major"),
    })
