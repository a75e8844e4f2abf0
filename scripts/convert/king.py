"""The lineage of KinglittleQ's GST: a stack of strided 2-D convolutions, a GRU, style tokens."""
from .errors import ConvertError


def places(view, conv="encoder.convs.{}.", norm="encoder.bns.{}.", step=1, norm_step=0, first=0):
    """Prefixes (convolution, norm) of layer 0, 1, ...; in one torch Sequential indices go in steps."""
    found, at = [], first
    while conv.format(at) + "weight" in view:
        found.append((conv.format(at), norm.format(at + norm_step) if norm else None))
        at += step
    if not found:
        raise ConvertError(f"tensor '{view.prefix}{conv.format(first)}weight' is missing in the checkpoint")
    return found


def conv_stack(graph, view, bins, where, norm_kind="batch", order=None, norm_eps=None, layout="time_major", padding=1):
    """Image and convolutions 3x3, stride 2, channels from the shapes. Returns (channels, bins) at the end."""
    graph.layer("image", "image", layout=None if layout == "time_major" else layout)
    channels = 1
    for i, (conv_at, norm_at) in enumerate(where):
        channels = graph.tensor(conv_at + "weight", view[conv_at + "weight"], (None, channels, 3, 3)).shape[0]
        has_bias = conv_at + "bias" in view
        if has_bias:
            graph.tensor(conv_at + "bias", view[conv_at + "bias"], (channels,))
        weights = conv_at
        if norm_kind:
            weights = {"": conv_at, "norm.": norm_at}
            for part in ("weight", "bias") + (("running_mean", "running_var") if norm_kind == "batch" else ()):
                graph.tensor(norm_at + part, view[norm_at + part], (channels,))
        graph.layer(f"conv{i}", "conv2d", channels=channels, kernel=3, stride=2, padding=padding,
                    bias=None if has_bias else False, norm=norm_kind, norm_eps=norm_eps, activation="relu", order=order,
                    weights=weights)
        bins = (bins + 2 * padding - 3) // 2 + 1
    return channels, bins


def gru(graph, view, prefix, width, name="gru"):
    """torch.nn.GRU, its last state. Returns its units."""
    units = view.shape(prefix + "weight_hh_l0")[1]
    layers = view.count(prefix + "weight_hh_l{}")
    if prefix + "weight_ih_l0_reverse" in view:
        raise ConvertError(f"tensor '{view.prefix}{prefix}weight_ih_l0_reverse': expected a GRU of one direction")
    for i in range(layers):
        for part, shape in (("weight_ih", (3 * units, width if i == 0 else units)), ("weight_hh", (3 * units, units)),
                            ("bias_ih", (3 * units,)), ("bias_hh", (3 * units,))):
            graph.tensor(f"{prefix}{part}_l{i}", view[f"{prefix}{part}_l{i}"], shape)
    graph.layer(name, "gru", units=units, layers=layers if layers > 1 else None, weights=prefix)
    return units


def check_gru_input(view, name, channels, bins, front_end):
    """Says in terms of the front end what a GRU of another width would need."""
    width = view.shape(name)[1]
    if width != channels * bins:
        key = "n_mels" if front_end.get("feature", "mel") == "mel" else "n_fft"
        raise ConvertError(f"tensor '{view.prefix}{name}' takes {width} inputs; the front end leads to {channels} "
                           f"channels of {bins} bins. Expected {width // channels} bins: set {key}")


def flatten(graph, order="channel_major"):
    graph.layer("flat", "flatten", order=None if order == "channel_major" else order)


def encoder(graph, view, bins, where=None, gru_at="encoder.gru.", flat="channel_major", **stack):
    """Convolutions, flatten and GRU; returns the GRU's units."""
    channels, bins = conv_stack(graph, view, bins, where or places(view), **stack)
    check_gru_input(view, gru_at + "weight_ih_l0", channels, bins, graph.front_end)
    flatten(graph, flat)
    return gru(graph, view, gru_at, channels * bins)


def heads_of(settings, units, token_width):
    """Heads are contiguous slices of `units`; every published model has token_width = units / heads."""
    from_shapes = units // token_width if units % token_width == 0 else 1
    return settings.resolve("heads", from_shapes, allowed=lambda heads: 0 < heads <= units and units % heads == 0)


def tokens(graph, view, settings, embed, attention, query_width, softmax_axis=None, speaker=False):
    """Style tokens without biases and output projection: scores over sqrt(token width), softmax over tokens. speaker:
    what the query is wider than the encoder's state is a speaker vector behind it, a graph input."""
    if speaker and view.shape(attention + "W_query.weight")[1] > query_width:
        extra = view.shape(attention + "W_query.weight")[1] - query_width
        graph.inputs["speaker"] = {"shape": [extra]}
        graph.layer("query", "concat", inputs=[graph.layers[-1]["name"], "speaker"])
        query_width += extra
    count, width = graph.tensor(embed, view[embed], (None, None)).shape
    units = view.shape(attention + "W_query.weight")[0]
    graph.tensor(attention + "W_query.weight", view[attention + "W_query.weight"], (units, query_width))
    for part in ("W_key.weight", "W_value.weight"):
        graph.tensor(attention + part, view[attention + part], (units, width))
    graph.layer("stl", "style_token_attention", tokens=count, token_width=width, units=units,
                heads=heads_of(settings, units, width), softmax_axis=softmax_axis,
                weights={"tokens": embed, "query.": attention + "W_query.", "key.": attention + "W_key.",
                         "value.": attention + "W_value."})
    return units


def outputs(graph, style="stl", attention="stl.attention", reference="gru", frames="gru.frames"):
    graph.output("style", style, "style embedding")
    if attention:
        graph.output("token_weights", attention, "softmax weights, [heads, tokens]")
    graph.output("reference", reference, "the reference encoder's last state, before the tokens" if attention else
                 "the reference encoder's last state")
    graph.output("frames", frames, "all states of the reference encoder")
