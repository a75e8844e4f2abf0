"""NVIDIA/mellotron: the tensors of GST-Tacotron, trained on [mels, frames] memory that was read as [frames, mels]."""
from .. import king
from ..family import Family
from ..front_end import COUNT, choice
from ..settings import Parameter
from .gst_tacotron import ANCHORS, WITHOUT

FRONT_END = {
    "sample_rate": 22050, "n_fft": 1024, "hop_length": 256, "win_length": 1024, "pad_mode": "reflect",
    "n_mels": 80, "fmin": 0, "fmax": 8000, "log": "ln", "log_floor": 1e-5,
}


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by NVIDIA/mellotron")
    layout = settings.choose("layout")
    units = king.encoder(graph, view, graph.front_end["n_mels"], layout=layout)
    king.tokens(graph, view, settings, "stl.embed", "stl.attention.", units)
    king.outputs(graph)


FAMILY = Family(
    "mellotron", "NVIDIA/mellotron", "GST of Mellotron, mel-major as its weights were trained", ANCHORS, build,
    without=WITHOUT,
    parameters={
        "heads": Parameter(COUNT, None, "from the shapes"),
        "layout": Parameter(choice("time_major", "mel_major"), "mel_major",
                            "published weights were trained on [mels, frames] memory read as [frames, mels]; "
                            "time_major is the intended order"),
    })
