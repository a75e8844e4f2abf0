"""RVC-Boss/GPT-SoVITS ref_enc: MelStyleEncoder over a linear spectrum; from v2 on over its first 704 bins."""
from .. import mel_style
from ..errors import ConvertError
from ..family import Family
from ..front_end import COUNT, n_features
from ..settings import Parameter
from .openvoice import config
from .stylespeech import MOST_MELS

FRONT_END = {
    "sample_rate": 32000, "level": "soft_peak", "level_target": 2, "feature": "linear", "n_fft": 2048,
    "hop_length": 640, "win_length": 2048, "padding": "hifigan", "pad_mode": "reflect", "magnitude_eps": 1e-8,
    "log": "none",
}


def build(view, settings, graph):
    bins = view.shape("spectral.0.fc.weight")[1]
    front = settings.front_end(FRONT_END, "published by RVC-Boss/GPT-SoVITS")
    if n_features(front) > bins and "n_bins" not in settings.given:
        front["n_bins"] = bins
    if n_features(front) != bins:
        raise ConvertError(f"n_fft={front['n_fft']} leads to {n_features(front)} bins; the tensor shapes say {bins}")
    graph.front_end = front
    mel_style.build(graph, view, settings, bins)


FAMILY = Family(
    "gpt-sovits", "RVC-Boss/GPT-SoVITS", "reference encoder of GPT-SoVITS", mel_style.ANCHORS, build, rank=2,
    parameters={"heads": Parameter(COUNT, mel_style.HEADS, "the shapes do not tell; as published")}, config=config,
    embedded=lambda checkpoint: config(checkpoint.embedded("config") or {}),
    accepts=lambda view: view.shape("spectral.0.fc.weight")[1] > MOST_MELS)
