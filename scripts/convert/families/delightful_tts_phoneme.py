"""DelightfulTTS phoneme-level prosody encoder: the text states ask the reference's steps. Needs the input `text`."""
from ..delightful import REPOSITORY, config, encoder, front_end, linear
from ..family import Family

PARTS = {"query": "query_proj", "key": "key_proj", "value": "value_proj", "position": "pos_proj", "out": "out_proj"}


def attention(graph, view, width):
    at = "attention.attention."
    heads, each = graph.tensor(at + "u_bias", view[at + "u_bias"], (None, None)).shape
    graph.tensor(at + "v_bias", view[at + "v_bias"], (heads, each))
    for part, name in PARTS.items():
        graph.tensor(f"{at}{name}.weight", view[f"{at}{name}.weight"], (width, width))
        if part in ("query", "out"):
            graph.tensor(f"{at}{name}.bias", view[f"{at}{name}.bias"], (width,))
    graph.layer("attention", "conformer_multi_headed_self_attention", inputs={"query": "text", "key": "encoder_prj"},
                heads=heads, weights={"": at, **{f"{part}.": f"{at}{name}." for part, name in PARTS.items()}})


def build(view, settings, graph):
    graph.front_end = front_end(view, settings)
    encoder(graph, view)
    width = linear(graph, view, "encoder_prj", view.shape("encoder.gru.weight_hh_l0")[1], "gru.frames")
    graph.inputs["text"] = {"shape": ["T", width]}
    attention(graph, view, width)
    linear(graph, view, "encoder_bottleneck", width)
    graph.output("style", "encoder_bottleneck", "prosody of each text step")
    graph.output("attention", "attention.attention", "attention maps, [heads, text steps, reference steps]")
    graph.output("reference", "gru", "the reference encoder's last state")
    graph.output("frames", "gru.frames", "all states of the reference encoder")


FAMILY = Family(
    "delightful-tts-phoneme", "dunky11/voicesmith, nickovchinnikov/tts-framework, coqui-ai/TTS",
    "phoneme-level prosody encoder of DelightfulTTS; needs --bind text=",
    ["encoder.convs.0.conv.weight", "encoder.norms.0.weight", "encoder_prj.weight",
     "attention.attention.query_proj.weight", "encoder_bottleneck.weight"], build, rank=3,
    parameters={"repository": REPOSITORY}, config=config)
