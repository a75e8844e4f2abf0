"""MelStyleEncoder, of StyleSpeech and, over another spectrum, of GPT-SoVITS."""
HEADS = 2
ANCHORS = ["spectral.0.fc.weight", "spectral.3.fc.weight", "temporal.0.conv1.conv.weight", "slf_attn.w_qs.weight",
           "slf_attn.fc.weight", "fc.fc.weight"]


def _linear(graph, view, name, tensors, width, **more):
    units = graph.tensor(tensors + "weight", view[tensors + "weight"], (None, width)).shape[0]
    graph.tensor(tensors + "bias", view[tensors + "bias"], (units,))
    graph.layer(name, "linear", units=units, weights=tensors, **more)
    return units


def build(graph, view, settings, bins):
    width = _linear(graph, view, "spectral0", "spectral.0.fc.", bins, activation="mish")
    width = _linear(graph, view, "spectral1", "spectral.3.fc.", width, activation="mish")
    before = "spectral1"
    for i in range(view.count("temporal.{}.conv1.conv.weight")):
        at = f"temporal.{i}.conv1.conv."
        kernel = view.shape(at + "weight")[-1]
        graph.tensor(at + "weight", view[at + "weight"], (2 * width, width, kernel))
        graph.tensor(at + "bias", view[at + "bias"], (2 * width,))
        graph.layer(f"conv{i}", "conv1d", channels=2 * width, kernel=kernel, padding=kernel // 2, weights=at)
        graph.layer(f"gate{i}", "glu")
        before = graph.layer(f"temporal{i}", "residual", inputs=[before, f"gate{i}"])
    weights = {"query.": "slf_attn.w_qs.", "key.": "slf_attn.w_ks.", "value.": "slf_attn.w_vs.", "out.": "slf_attn.fc."}
    for name in weights.values():
        graph.tensor(name + "weight", view[name + "weight"], (width, width))
        graph.tensor(name + "bias", view[name + "bias"], (width,))
    heads = settings.choose("heads")
    graph.layer("attention", "multi_head_attention", units=width, heads=heads, query_bias=True, key_bias=True,
                value_bias=True, out=width, scale="units", weights=weights)
    graph.layer("attended", "residual", inputs=[before, "attention"])
    _linear(graph, view, "fc", "fc.fc.", width)
    graph.layer("style", "pool")
    graph.output("style", "style", "style vector, the mean over time")
    graph.output("frames", "fc", "the steps of which style is the mean")
    graph.output("attention", "attention.attention", "attention maps, [heads, steps, steps]")
