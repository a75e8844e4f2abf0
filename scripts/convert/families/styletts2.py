"""yl4579/StyleTTS2: two stacks of spectral-norm residual blocks over mel images, acoustic and prosodic style."""
from ..errors import ConvertError
from ..family import Family

FRONT_END = {
    "sample_rate": 24000, "trim": 30, "trim_padding": "constant", "n_fft": 2048, "hop_length": 300, "win_length": 1200,
    "pad_mode": "reflect", "power": 2, "n_mels": 80, "fmin": 0, "fmax": 8000, "mel_scale": "htk", "mel_norm": "none",
    "mel_sample_rate": 16000, "log": "ln", "log_floor": 1e-5, "log_floor_rule": "add", "mean": -4, "std": 4,
}
NOTES = {
    "trim": "librosa.effects.trim as at inference; none switches it off",
    "trim_padding": "librosa 0.9 and later pads zeros; reflect is librosa before",
    "mel_sample_rate": "the filter bank is designed for 16000 Hz, torchaudio's default that was never overridden; "
                       "24000 is the intended one",
}
ENCODERS = (("acoustic", "style_encoder."), ("prosodic", "predictor_encoder."))
SLOPE, HALF_POWER = 0.2, 0.7071067811865476  # (shortcut + residual) / sqrt(2)


def config(tree):
    section = tree.get("preprocess_params") if isinstance(tree.get("preprocess_params"), dict) else {}
    spectrum = section.get("spect_params") if isinstance(section.get("spect_params"), dict) else {}
    found = {key: spectrum[key] for key in ("n_fft", "win_length", "hop_length") if spectrum.get(key) is not None}
    return {**found, **({"sample_rate": section["sr"]} if section.get("sr") else {})}


class Stack:
    """One encoder. Images here are [mel, time] in torch, so kernels are transposed to [time, frequency]."""

    def __init__(self, graph, view, name):
        self.graph, self.view, self.name = graph, view, name

    def conv(self, layer, tensors, inside, **more):
        at, groups = f"{self.name}.{tensors}.", more.get("groups", 1)
        weight = self.view[tensors + ".weight"]
        if len(weight.shape) != 4 or weight.shape[1] * groups != inside:
            raise ConvertError(f"tensor '{self.view.prefix}{tensors}.weight' has shape {list(weight.shape)}; "
                               f"expected {inside} input channels")
        channels = self.graph.tensor(at + "weight", weight.transposed(0, 1, 3, 2)).shape[0]
        has_bias = tensors + ".bias" in self.view
        if has_bias:
            self.graph.tensor(at + "bias", self.view[tensors + ".bias"], (channels,))
        self.graph.layer(f"{self.name}_{layer}", "conv2d", channels=channels, kernel=weight.shape[2],
                         bias=None if has_bias else False, weights=at, **more)
        return channels

    def leaky(self, layer, source=None):
        self.graph.layer(f"{self.name}_{layer}", "activation", kind="leaky_relu", slope=SLOPE, input=source)

    def block(self, i, before, channels):
        """LeakyReLU, conv, depthwise half, LeakyReLU, conv; the shortcut is a 1x1 conv and an average pool."""
        at, name = f"shared.{i}.", f"{self.name}_block{i}"
        self.leaky(f"block{i}_a", before)
        self.conv(f"block{i}_conv1", at + "conv1", channels, padding=1)
        self.conv(f"block{i}_half", at + "downsample_res.conv", channels, padding=1, stride=2, groups=channels)
        self.leaky(f"block{i}_b")
        wide = self.conv(f"block{i}_conv2", at + "conv2", channels, padding=1)
        source = before
        if at + "conv1x1.weight" in self.view:
            self.conv(f"block{i}_match", at + "conv1x1", channels, input=before)
            source = f"{name}_match"
        self.graph.layer(f"{name}_pool", "average_pool", odd_frames="repeat", input=source)
        self.graph.layer(f"{name}_sum", "residual", inputs=[f"{name}_pool", f"{name}_conv2"])
        self.graph.layer(name, "scale", factor=HALF_POWER)
        return name, wide

    def build(self):
        channels = self.conv("conv", "shared.0", 1, padding=1, input="image")
        before, blocks = f"{self.name}_conv", self.view.count_from(1, "shared.{}.conv1.weight")
        for i in range(1, blocks + 1):
            before, channels = self.block(i, before, channels)
        self.leaky("last_a", before)
        channels = self.conv("last", f"shared.{blocks + 2}", channels)
        self.graph.layer(f"{self.name}_pool", "pool")
        self.leaky("last_b")
        width = self.graph.tensor(f"{self.name}.unshared.weight", self.view["unshared.weight"], (None, channels)).shape[0]
        self.graph.tensor(f"{self.name}.unshared.bias", self.view["unshared.bias"], (width,))
        self.graph.layer(self.name, "linear", units=width, weights=f"{self.name}.unshared.")


def build(view, settings, graph):
    graph.front_end = settings.front_end(FRONT_END, "published by yl4579/StyleTTS2", NOTES)
    graph.layer("image", "image")
    for name, at in ENCODERS:
        Stack(graph, view.below(at + ("module." if f"{at}module.unshared.weight" in view else "")), name).build()
    graph.layer("style", "concat", inputs=[name for name, _ in ENCODERS])
    graph.output("style", "style", "acoustic and prosodic style side by side")
    for name, _ in ENCODERS:
        graph.output(name, name, f"{name} style")


def find(tensors):
    """The part before `style_encoder.` where both encoders stand, with or without DataParallel's `module.`."""
    found = set()
    for name in tensors:
        for middle in ("style_encoder.", "style_encoder.module."):
            if name.endswith(middle + "shared.0.weight"):
                prefix = name[:-len(middle + "shared.0.weight")]
                other = prefix + middle.replace("style_encoder", "predictor_encoder")
                if other + "shared.0.weight" in tensors and other + "unshared.weight" in tensors:
                    found.add(prefix)
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


FAMILY = Family(
    "styletts2", "yl4579/StyleTTS2", "acoustic and prosodic style encoders of StyleTTS 2",
    ["style_encoder.shared.0.weight", "predictor_encoder.shared.0.weight"], build, config=config, find=find)
