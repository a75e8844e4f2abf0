"""coqui-ai/TTS GST (Tacotron, Tacotron 2), front end of its AudioProcessor."""
from .. import king
from ..family import Family
from ..front_end import COUNT, choice
from ..settings import Parameter

FRONT_END = {
    "sample_rate": 22050, "cut_head_ms": 10, "cut_tail_ms": 10, "trim": 45, "trim_frame_length": 1024,
    "trim_hop_length": 256, "trim_padding": "constant", "level": "none", "pre_emphasis": 0, "n_fft": 1024,
    "hop_length": 256, "win_length": 1024, "pad_mode": "reflect", "n_mels": 80, "fmin": 0, "fmax": "none",
    "log": "log10", "log_gain": 20, "log_floor": 1e-8,
    "range_ref": 20, "range_min": -100, "range_max": 4, "range_symmetric": True, "clip_low": -4, "clip_high": 4,
}
NOTES = {
    "trim": "do_trim_silence with trim_db 45 is the configuration's default; none switches it off with the cuts",
    "cut_head_ms": "do_trim_silence drops 10 ms of the head first",
    "cut_tail_ms": "do_trim_silence drops 10 ms of the tail first",
    "trim_padding": "librosa 0.9 and later pads zeros; reflect is librosa before",
    "pad_mode": "stft_pad_mode of the configuration; reflect is its default",
}
AUDIO_KEYS = {"sample_rate": "sample_rate", "fft_size": "n_fft", "hop_length": "hop_length",
              "win_length": "win_length", "num_mels": "n_mels", "mel_fmin": "fmin", "mel_fmax": "fmax",
              "preemphasis": "pre_emphasis", "spec_gain": "log_gain", "stft_pad_mode": "pad_mode"}


def from_audio_config(audio):
    """Front-end keys of an AudioProcessor configuration (the section `audio`)."""
    have = lambda key: audio.get(key) is not None  # noqa: E731
    found = {ours: audio[theirs] for theirs, ours in AUDIO_KEYS.items() if have(theirs) or theirs == "mel_fmax"
             and theirs in audio}
    rate = audio.get("sample_rate") or FRONT_END["sample_rate"]
    for length, milliseconds in (("win_length", "frame_length_ms"), ("hop_length", "frame_shift_ms")):
        if have(milliseconds):
            found[length] = int(audio[milliseconds] / 1000 * rate)
    if have("log_func"):
        found["log"] = "log10" if "log10" in str(audio["log_func"]) else "ln"
    if audio.get("do_amp_to_db_mel") is False:
        found["log"] = "none"
    if have("do_trim_silence"):
        found["trim"] = audio.get("trim_db", 45) if audio["do_trim_silence"] else None
    elif have("trim_db"):
        found["trim"] = audio["trim_db"]
    if audio.get("do_sound_norm"):
        found.update(level="peak", level_target=0.95)
    if audio.get("do_rms_norm"):
        found.update(level="rms", level_target=audio.get("db_level", -27))
    found.update(_normalisation(audio))
    return found


def _normalisation(audio):
    """signal_norm: dB over a reference into a range, symmetric or not, clipped or not."""
    if audio.get("signal_norm") is False:
        return {"range_min": None, "range_max": 1, "range_symmetric": False, "clip_low": None, "clip_high": None}
    top = audio.get("max_norm", 4.0) if audio.get("max_norm") is not None else 4.0
    symmetric = audio.get("symmetric_norm") is not False
    found = {"range_max": top, "range_symmetric": symmetric}
    for theirs, ours in (("ref_level_db", "range_ref"), ("min_level_db", "range_min")):
        if audio.get(theirs) is not None:
            found[ours] = audio[theirs]
    clipped = audio.get("clip_norm") is not False
    found["clip_low"] = (-top if symmetric else 0) if clipped else None
    found["clip_high"] = top if clipped else None
    return found


def config(tree):
    found = from_audio_config(tree["audio"]) if isinstance(tree.get("audio"), dict) else {}
    gst = tree.get("gst") if isinstance(tree.get("gst"), dict) else {}
    heads = gst.get("gst_num_heads")
    return {**found, "heads": heads} if heads else found


def published_front_end(settings, others=None, why="default configuration of coqui-ai/TTS"):
    """Trimming frames follow window and hop, and without trimming nothing is cut. others: a recipe's own values."""
    front = settings.front_end({**FRONT_END, **(others or {})}, why, NOTES)
    for key, follows in (("trim_frame_length", "win_length"), ("trim_hop_length", "hop_length")):
        if key not in settings.given and front[follows] != "none":
            front[key] = front[follows]
    if front["trim"] == "none":
        for key in ("trim", "trim_frame_length", "trim_hop_length", "trim_padding", "cut_head_ms", "cut_tail_ms"):
            if key not in settings.given:
                front.pop(key)
        settings.assumed = [line for line in settings.assumed if not line.startswith(("cut_", "trim_padding"))]
    if front.get("range_min") == "none":
        for key in ("range_ref", "range_min", "range_max", "range_symmetric"):
            front.pop(key)
    return {key: value for key, value in front.items() if not (key.startswith("clip_") and value == "none")}


def build(view, settings, graph):
    graph.front_end = published_front_end(settings)
    layout = settings.choose("layout")
    units = king.encoder(graph, view, graph.front_end["n_mels"], gru_at="encoder.recurrence.",
                         layout=layout)
    king.tokens(graph, view, settings, "style_token_layer.style_tokens", "style_token_layer.attention.", units,
                speaker=True)
    king.outputs(graph)


FAMILY = Family(
    "coqui-gst", "coqui-ai/TTS", "GST of Coqui (Mozilla) Tacotron models",
    ["style_token_layer.style_tokens", "encoder.convs.0.weight", "encoder.bns.0.running_mean",
     "encoder.recurrence.weight_ih_l0", "style_token_layer.attention.W_query.weight"], build,
    parameters={
        "heads": Parameter(COUNT, None, "from the shapes"),
        "layout": Parameter(choice("time_major", "mel_major"), "time_major",
                            "as trained; the tool's own style-wav path feeds mel_major memory"),
    },
    config=config, embedded=lambda checkpoint: config(checkpoint.embedded("config") or {}))
