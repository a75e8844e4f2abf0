"""Where each value comes from: --set before --config before the checkpoint before the family's published default."""
from .errors import ConvertError, nearest
from .front_end import KEYS, boolean, choice, parse_value, text_value

# Keys that every family takes, beside its own and the front end's: how to read them, default, meaning.
COMMON = {
    "prefix": (text_value, None, "outer part of the tensor names, where the family's tensors stand twice"),
    "name": (text_value, None, "the model's name; default: the checkpoint's file name"),
    "dtype": (choice("keep", "f32"), "keep", "keep: half precision stays; f32: everything is widened"),
    "fold_batch_norm": (boolean, False, "batch norms go into the weights of their convolutions"),
}


class Parameter:
    """One family key of --set: how to read it, its published default, and why that is the default."""

    def __init__(self, parse, default, why):
        self.parse, self.default, self.why = parse, default, why


class Settings:
    """Values by key for one family; remembers which were assumed."""

    def __init__(self, family, given, config=None, embedded=None):
        self.family, self.assumed = family, []
        self.given = {key: self._parse(key, text, "--set") for key, text in given.items()}
        read = {**(embedded or {}), **(config or {})}
        self.config = {key: self._parse(key, _shown(value), "configuration") for key, value in read.items()}

    def _parse(self, key, text, where):
        known = {**KEYS, **{k: v[0] for k, v in COMMON.items()},
                 **{k: p.parse for k, p in self.family.parameters.items()}}
        if key not in known:
            raise ConvertError(f"{where} {key}: unknown for {self.family.name}{nearest(key, known)}")
        return parse_value(key, str(text), known[key], where)

    def common(self, key):
        return self.given.get(key, COMMON[key][1])

    def choose(self, key):
        """A family parameter; its published default is recorded as assumed."""
        parameter = self.family.parameters[key]
        if key in self.given:
            return self.given[key]
        if key in self.config:
            return self.config[key]
        self.assume(key, parameter.default, parameter.why)
        return parameter.default

    def resolve(self, key, from_shapes, allowed=None):
        """A family parameter that the shapes tell: given values must agree unless `allowed` says otherwise."""
        value = self.given.get(key, self.config.get(key, from_shapes))
        if value != from_shapes and not (allowed and allowed(value)):
            raise ConvertError(f"{key}={value}: the tensor shapes say {from_shapes}")
        return value

    def assume(self, key, value, why):
        self.assumed.append(f"{key}={_shown(value)}: {why}")

    def front_end(self, published, why, notes=None):
        """The published front end with what was configured and given; `notes` explains single keys."""
        notes = notes or {}
        result = {**published}
        for key, value in {**self.config, **self.given}.items():
            if key in KEYS:
                result[key] = value
        open_keys = [k for k in published if k not in self.given and k not in self.config]
        plain = [f"{k}={_shown(published[k])}" for k in open_keys if k not in notes]
        if plain:
            self.assumed.append(f"front end {' '.join(plain)}: {why}")
        for key in open_keys:
            if key in notes:
                self.assume(key, _shown(published[key]), notes[key])
        return result


def _shown(value):
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else value


def parse_pairs(pairs):
    given = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConvertError(f"--set {pair}: expected key=value")
        if key in given:
            raise ConvertError(f"--set {key}: given twice")
        given[key] = value.strip()
    return given
