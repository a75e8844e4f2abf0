"""KevinMIN95/StyleSpeech: MelStyleEncoder over log10 mels at 16 kHz."""
from .. import mel_style
from ..errors import ConvertError
from ..family import Family
from ..front_end import COUNT
from ..settings import Parameter

FRONT_END = {
    "sample_rate": 16000, "clip": True, "n_fft": 1024, "hop_length": 256, "win_length": 1024, "pad_mode": "reflect",
    "fmin": 0, "fmax": 8000, "log": "log10", "log_floor": 1e-5,
}
CONFIG_KEYS = {"sampling_rate": "sample_rate", "filter_length": "n_fft", "hop_length": "hop_length",
               "win_length": "win_length", "n_mel_channels": "n_mels", "mel_fmin": "fmin", "mel_fmax": "fmax"}
MOST_MELS = 256  # more columns are a spectrum: GPT-SoVITS


def config(tree):
    return {ours: tree[theirs] for theirs, ours in CONFIG_KEYS.items() if tree.get(theirs) is not None}


def build(view, settings, graph):
    mels = view.shape("spectral.0.fc.weight")[1]
    graph.front_end = settings.front_end({"n_mels": mels, **FRONT_END}, "published by KevinMIN95/StyleSpeech")
    if graph.front_end["n_mels"] != mels:
        raise ConvertError(f"n_mels={graph.front_end['n_mels']}: the tensor shapes say {mels}")
    mel_style.build(graph, view, settings, mels)


FAMILY = Family(
    "stylespeech", "KevinMIN95/StyleSpeech", "MelStyleEncoder of StyleSpeech", mel_style.ANCHORS, build, rank=2,
    parameters={"heads": Parameter(COUNT, mel_style.HEADS, "the shapes do not tell; as published")}, config=config,
    accepts=lambda view: view.shape("spectral.0.fc.weight")[1] <= MOST_MELS)
