"""DelightfulTTS utterance-level prosody encoder of voicesmith, tts-framework and Coqui."""
from .. import king
from ..delightful import REPOSITORY, config, encoder, front_end, linear
from ..family import Family
from ..front_end import choice
from ..settings import Parameter


def build(view, settings, graph):
    graph.front_end = front_end(view, settings)
    axis = settings.choose("softmax_axis")
    units = linear(graph, view, "encoder_prj", encoder(graph, view))
    units = king.tokens(graph, view, settings, "stl.embed", "stl.attention.", units,
                        softmax_axis=None if axis == "tokens" else axis)
    linear(graph, view, "encoder_bottleneck", units)
    graph.layer("norm", "layer_norm", affine=False)
    king.outputs(graph, style="encoder_bottleneck")
    graph.output("style_norm", "norm", "style with the parameter-free norm that the acoustic model adds")
    graph.output("query", "encoder_prj", "what the tokens are asked with")


FAMILY = Family(
    "delightful-tts", "dunky11/voicesmith, nickovchinnikov/tts-framework, coqui-ai/TTS",
    "utterance-level prosody encoder of DelightfulTTS",
    ["encoder.convs.0.conv.weight", "encoder.norms.0.weight", "encoder_prj.weight", "stl.embed",
     "encoder_bottleneck.weight"], build, rank=3,
    parameters={
        "repository": REPOSITORY,
        "softmax_axis": Parameter(choice("tokens", "batch"), "batch",
                                  "as published: with one clip every weight is 1 and style does not follow the audio; "
                                  "tokens is the intended axis"),
    }, config=config)
