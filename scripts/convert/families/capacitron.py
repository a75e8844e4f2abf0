"""coqui-ai/TTS Capacitron: GST's convolutions with padding 2, an LSTM, and the mean of a posterior."""
from .. import king
from ..errors import ConvertError
from ..family import Family
from . import coqui_gst

FRONT_END = {"sample_rate": 24000, "fmin": 80, "fmax": 12000, "log_gain": 25, "trim": 60}
MLP = ("post_encoder_mlp.net.0.", "post_encoder_mlp.net.2.")


def lstm(graph, view, prefix, name, width, source=None):
    """torch.nn.LSTM of one layer, its last hidden state. Returns its units."""
    units = view.shape(prefix + "weight_hh_l0")[1]
    if prefix + "weight_ih_l1" in view or prefix + "weight_ih_l0_reverse" in view:
        raise ConvertError(f"'{view.prefix}{prefix}': expected an LSTM of one layer and one direction")
    for part, shape in (("weight_ih", (4 * units, width)), ("weight_hh", (4 * units, units)),
                        ("bias_ih", (4 * units,)), ("bias_hh", (4 * units,))):
        graph.tensor(f"{prefix}{part}_l0", view[f"{prefix}{part}_l0"], shape)
    graph.layer(name, "lstm", units=units, input=source, weights=prefix)
    return units


def conditions(graph, view, units, width):
    """Further parts of the posterior's input: the summary of the text, then a speaker vector. Returns their names."""
    parts, rest = ["lstm"], width - units
    if "text_summary_net.lstm.weight_ih_l0" in view:
        text = view.shape("text_summary_net.lstm.weight_ih_l0")[1]
        graph.inputs["text"] = {"shape": ["T", text]}
        rest -= lstm(graph, view, "text_summary_net.lstm.", "text_summary", text, "text")
        parts.append("text_summary")
    if rest < 0:
        raise ConvertError(f"tensor '{view.prefix}{MLP[0]}weight' takes {width} inputs; expected at least {width - rest}")
    if rest > 0:
        graph.inputs["speaker"] = {"shape": [rest]}
        parts.append("speaker")
    return parts


def build(view, settings, graph):
    graph.front_end = coqui_gst.published_front_end(settings, FRONT_END, "Capacitron recipe of coqui-ai/TTS")
    channels, bins = king.conv_stack(graph, view, graph.front_end["n_mels"], king.places(view), padding=2)
    king.check_gru_input(view, "encoder.recurrence.weight_ih_l0", channels, bins, graph.front_end)
    king.flatten(graph)
    units = lstm(graph, view, "encoder.recurrence.", "lstm", channels * bins)
    width = view.shape(MLP[0] + "weight")[1]
    parts = conditions(graph, view, units, width)
    if len(parts) > 1:
        graph.layer("condition", "concat", inputs=parts)
    for name, at, activation in (("hidden", MLP[0], "tanh"), ("posterior", MLP[1], None)):
        width = graph.tensor(at + "weight", view[at + "weight"], (None, width)).shape[0]
        graph.tensor(at + "bias", view[at + "bias"], (width,))
        graph.layer(name, "linear", units=width, activation=activation, weights=at)
    graph.layer("mean", "slice", width=width // 2)
    graph.layer("second_half", "slice", input="posterior", start=width // 2, width=width // 2)
    graph.layer("deviation", "activation", kind="softplus")
    graph.output("style", "mean", "mean of the posterior")
    graph.output("deviation", "deviation", "standard deviation of the posterior")
    graph.output("reference", "lstm", "the reference encoder's last state")
    graph.output("frames", "lstm.frames", "all states of the reference encoder")


FAMILY = Family(
    "capacitron", "coqui-ai/TTS", "Capacitron's variational reference encoder",
    ["post_encoder_mlp.net.0.weight", "post_encoder_mlp.net.2.weight", "encoder.convs.0.weight",
     "encoder.recurrence.weight_ih_l0"], build, config=coqui_gst.config,
    embedded=lambda checkpoint: coqui_gst.config(checkpoint.embedded("config") or {}))
