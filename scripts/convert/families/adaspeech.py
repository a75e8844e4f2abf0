"""rishikksh20/AdaSpeech utterance encoder: two strided convolutions, the mean over time."""
from ..family import Family
from .mellotron import FRONT_END as TACOTRON2

FRONT_END = {**TACOTRON2, "channels": "first", "resample": "error"}
NOTES = {
    "channels": "the repository takes the first channel",
    "resample": "the repository refuses other sample rates; convert resamples",
}
EPS = 1e-12


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by rishikksh20/AdaSpeech", NOTES)
    channels = graph.front_end["n_mels"]
    for i in range(view.count("utterance_encoder.conv.{}.0.weight")):
        conv, norm = f"utterance_encoder.conv.{i}.0.", f"utterance_encoder.conv.{i}.2.layer_norm."
        channels, _, kernel = graph.tensor(conv + "weight", view[conv + "weight"], (None, channels, None)).shape
        for name in (conv + "bias", norm + "weight", norm + "bias"):
            graph.tensor(name, view[name], (channels,))
        last = graph.layer(f"conv{i}", "conv1d", channels=channels, kernel=kernel, stride=3, padding=(kernel - 1) // 2,
                           activation="relu", norm="layer", norm_eps=EPS, order="activation_norm",
                           weights={"": conv, "norm.": norm})
    graph.layer("style", "pool")
    graph.output("style", "style", "utterance vector, the mean over time")
    graph.output("frames", last, "the steps of which style is the mean")


FAMILY = Family(
    "adaspeech", "rishikksh20/AdaSpeech", "utterance-level acoustic encoder of AdaSpeech",
    ["utterance_encoder.conv.0.0.weight", "utterance_encoder.conv.0.2.layer_norm.weight"], build, rank=3)
