"""The reference encoder of the DelightfulTTS repositories: a CoordConv1d, five more convolutions, a GRU of 32 units."""
from .errors import ConvertError
from .front_end import choice
from .king import gru
from .settings import Parameter

PUBLISHED = {
    "sample_rate": 22050, "level": "peak", "n_fft": 1024, "hop_length": 256, "win_length": 1024, "padding": "hifigan",
    "pad_mode": "reflect", "magnitude_eps": 1e-9, "fmin": 20, "fmax": 11025, "log": "ln", "log_floor": 1e-5,
    "last_frame": "drop_if_exact",
}
COQUI = {**PUBLISHED, "level": "none", "magnitude_eps": 1e-6, "fmin": 0, "fmax": 8000, "last_frame": "keep"}
FRONT_ENDS = {"voicesmith": PUBLISHED, "tts-framework": PUBLISHED, "coqui": COQUI}
SOURCES = {"voicesmith": "dunky11/voicesmith", "tts-framework": "nickovchinnikov/tts-framework",
           "coqui": "coqui-ai/TTS"}
NOTES = {
    "level": "voicesmith and tts-framework scale to the peak (their flag is on by default)",
    "last_frame": "the pitch track cuts the last frame of clips of a whole number of hops",
}
REPOSITORY = Parameter(choice(*FRONT_ENDS), None, "from the outer names: whose front end it is")
AUDIO_KEYS = {"sample_rate": "sample_rate", "fft_size": "n_fft", "hop_length": "hop_length",
              "win_length": "win_length", "num_mels": "n_mels", "mel_fmin": "fmin", "mel_fmax": "fmax"}
STRIDES = (1, 1, 2, 1, 2, 1)


def config(tree):
    """Coqui's configuration; the others keep theirs in their code."""
    audio = tree.get("audio") if isinstance(tree.get("audio"), dict) else {}
    return {ours: audio[theirs] for theirs, ours in AUDIO_KEYS.items() if audio.get(theirs) is not None}


def front_end(view, settings):
    """The repositories wrap the same names differently: gen., state_dict.acoustic_model., model.acoustic_model."""
    guess = "voicesmith"
    if view.prefix.startswith(("state_dict.acoustic_model.", "acoustic_model.")):
        guess = "tts-framework"
    elif view.prefix.startswith("model.acoustic_model."):
        guess = "coqui"
    name = settings.given.get("repository", guess)
    if "repository" not in settings.given:
        settings.assume("repository", name, REPOSITORY.why)
    mels = view.shape("encoder.convs.0.conv.weight")[1] - 2
    published = {"n_mels": mels, **FRONT_ENDS[name]}
    found = settings.front_end(published, f"published by {SOURCES[name]}",
                               {k: v for k, v in NOTES.items() if published[k] == PUBLISHED[k]})
    if found["n_mels"] != mels:
        raise ConvertError(f"n_mels={found['n_mels']}: the tensor shapes say {mels}")
    return found


def encoder(graph, view):
    """To the GRU's last state, layer `gru`; all its steps are `gru.frames`. Returns its units. The CoordConv layer also
    holds a dead pair convs.0.weight and convs.0.bias: the live one is convs.0.conv."""
    count = view.count("encoder.norms.{}.weight")
    if count != len(STRIDES):
        raise ConvertError(f"'{view.prefix}encoder.norms' has {count} layers; expected {len(STRIDES)}")
    channels = view.shape("encoder.convs.0.conv.weight")[1]
    for i, stride in enumerate(STRIDES):
        conv, norm = f"encoder.convs.{i}." + ("conv." if i == 0 else ""), f"encoder.norms.{i}."
        channels = graph.tensor(conv + "weight", view[conv + "weight"], (None, channels, 3)).shape[0]
        for name in (conv + "bias", norm + "weight", norm + "bias"):
            graph.tensor(name, view[name], (channels,))
        graph.layer(f"conv{i}", "conv1d", channels=channels, kernel=3, stride=stride, padding=1,
                    coordinates="time_radius" if i == 0 else None, activation="leaky_relu", slope=0.3,
                    norm="instance", order="activation_norm", weights={"": conv, "norm.": norm})
    return gru(graph, view, "encoder.gru.", channels)


def linear(graph, view, name, width, source=None):
    """torch.nn.Linear under the name of its tensors; returns its width."""
    units = graph.tensor(name + ".weight", view[name + ".weight"], (None, width)).shape[0]
    graph.tensor(name + ".bias", view[name + ".bias"], (units,))
    graph.layer(name, "linear", input=source, units=units)
    return units
