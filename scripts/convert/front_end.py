"""The front-end keys of models/README.md, in its order: what --set may override and what a manifest may hold."""
from .errors import ConvertError


def _integer(minimum):
    def parse(text):
        value = int(text)
        if value < minimum:
            raise ValueError
        return value
    parse.expected = f"an integer of at least {minimum}"
    return parse


def _number(text):
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError
    return int(value) if value == int(value) and abs(value) < 1e15 else value


_number.expected = "a number"


def _none_or(parse):
    def either(text):
        return "none" if text.lower() in ("none", "null") else parse(text)
    either.expected = f"none or {parse.expected}"
    return either


def boolean(text):
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words[text.lower()]


boolean.expected = "true or false"


def choice(*names):
    def parse(text):
        if text not in names:
            raise ValueError
        return text
    parse.expected = "one of " + ", ".join(names)
    return parse


def _steps(text):
    steps = [word.strip() for word in text.strip("[]").split(",")]
    if sorted(steps) != sorted(DEFAULT_ORDER):
        raise ValueError
    return steps


DEFAULT_ORDER = ["cut", "trim", "level", "pre_emphasis", "clip", "pad"]
_steps.expected = "these six, comma separated: " + ",".join(DEFAULT_ORDER)


def text_value(text):
    if not text:
        raise ValueError
    return text


text_value.expected = "a name"

COUNT, POSITIVE, NUMBER, MAYBE_NUMBER = _integer(0), _integer(1), _number, _none_or(_number)

# key -> how its value is read
KEYS = {
    "sample_rate": _integer(1000), "channels": choice("mean", "first", "error"), "resample": choice("convert", "error"),
    "input_gain": NUMBER, "order": _steps, "cut_head_ms": NUMBER, "cut_tail_ms": NUMBER, "trim": MAYBE_NUMBER,
    "trim_frame_length": POSITIVE, "trim_hop_length": POSITIVE, "trim_padding": choice("constant", "reflect"),
    "level": choice("none", "peak", "rms", "min_max", "soft_peak"), "level_target": NUMBER, "pre_emphasis": NUMBER,
    "clip": boolean, "pad_samples": COUNT, "feature": choice("mel", "linear"), "n_fft": _integer(16),
    "hop_length": POSITIVE, "win_length": _none_or(POSITIVE),
    "window": choice("hann", "hamming", "blackman", "rectangular"), "window_periodic": boolean,
    "padding": choice("center", "hifigan", "none"), "pad_mode": choice("reflect", "constant"), "power": NUMBER,
    "magnitude_eps": NUMBER, "magnitude_eps_rule": choice("add", "clamp"), "first_bin": COUNT,
    "n_bins": _none_or(POSITIVE), "n_mels": POSITIVE, "fmin": NUMBER, "fmax": MAYBE_NUMBER,
    "mel_scale": choice("slaney", "htk"), "mel_norm": choice("slaney", "none"),
    "mel_sample_rate": MAYBE_NUMBER, "log": choice("none", "ln", "log10"), "log_gain": NUMBER, "log_floor": NUMBER,
    "log_floor_rule": choice("clamp", "add"), "log_ceiling": MAYBE_NUMBER, "range_ref": NUMBER,
    "range_min": MAYBE_NUMBER, "range_max": NUMBER, "range_symmetric": boolean, "mean": NUMBER, "std": NUMBER,
    "mean_tensor": text_value, "std_tensor": text_value, "clip_low": MAYBE_NUMBER, "clip_high": MAYBE_NUMBER,
    "last_frame": choice("keep", "drop", "drop_if_exact"), "frame_multiple": POSITIVE, "frame_pad_value": NUMBER,
}


def parse_value(key, text, parse, where="--set"):
    try:
        return parse(text)
    except (ValueError, KeyError, OverflowError):
        raise ConvertError(f"{where} {key}={text}: expected {parse.expected}") from None


def n_features(front_end):
    """Width of the features that this front end makes."""
    if front_end.get("feature", "mel") == "mel":
        return front_end.get("n_mels", 80)
    bins = front_end["n_fft"] // 2 + 1 - front_end.get("first_bin", 0)
    wanted = front_end.get("n_bins", "none")
    return bins if wanted == "none" else wanted


def ordered(front_end):
    return {key: front_end[key] for key in KEYS if key in front_end}
