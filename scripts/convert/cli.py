"""The command: arguments in, a model folder out, every refusal one line on stderr with exit code 2."""
import argparse
import os
import re
import sys

from .checkpoint import open_checkpoint
from .config_file import read_config
from .errors import READ_ERRORS, ConvertError, nearest, reason
from .families import FAMILIES
from .fold import fold
from .graph import Graph, check_and_widen, fold_batch_norms
from .model_folder import check_target, manifest_of, write_folder
from .names import View
from .settings import COMMON, Settings, parse_pairs

EXAMPLES = """examples:
  convert_checkpoint.py gst.pt --family gst-tacotron -o models/gst
  convert_checkpoint.py checkpoint.pth -o models/tone                    recognised by its tensors
  convert_checkpoint.py mellotron.pt --family mellotron --set layout=time_major -o models/m
  convert_checkpoint.py model.pth --config config.json -o models/coqui

--set takes the family's own keys (--list-families), every front-end key of models/README.md, and prefix, name,
dtype=keep|f32, fold_batch_norm=true|false. What had to be assumed is printed and recorded in the manifest.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ConvertError(f"{message}; see --help")


def arguments(argv):
    parser = _Parser(prog="convert_checkpoint.py", description="Turns a checkpoint into a stylet model folder.",
                     epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?", metavar="CKPT", help="torch, safetensors or npz file; NAME of a TensorFlow checkpoint NAME.index")
    parser.add_argument("-o", "--output", metavar="DIR", help="the model folder to write")
    parser.add_argument("--family", metavar="NAME", help="instead of recognising it by names and shapes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="instead of the published value")
    parser.add_argument("--config", metavar="FILE", help="the repository's own JSON or YAML configuration")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing model folder")
    parser.add_argument("--list-families", action="store_true", help="print the families and their keys of --set")
    return parser.parse_args(argv)


def list_families():
    for family in FAMILIES:
        print(f"{family.name:24s}{family.description} ({family.source})")
        for key, parameter in family.parameters.items():
            default = "" if parameter.default is None else f" (default {str(parameter.default).lower()})"
            print(f"    --set {key}={parameter.parse.expected}{default}")
    print("every family, beside the front-end keys of models/README.md:")
    for key, (parse, _, meaning) in COMMON.items():
        print(f"    --set {key}={parse.expected}: {meaning}")


def choose_family(name, tensors):
    """(family, prefixes at which it stands). Several candidates are never guessed from."""
    if name is not None:
        known = {family.name: family for family in FAMILIES}
        if name not in known:
            raise ConvertError(f"--family {name}: unknown{nearest(name, known)}")
        prefixes = known[name].recognise(tensors)
        if not prefixes:
            wanted = ", ".join(known[name].anchors)
            raise ConvertError(f"the checkpoint does not look like {name}; expected tensors {wanted} under one prefix")
        return known[name], prefixes
    found = [(family, family.recognise(tensors)) for family in FAMILIES]
    found = [(family, prefixes) for family, prefixes in found if prefixes]
    if not found:
        raise ConvertError(f"the {len(tensors)} tensors of the checkpoint fit no known family; known are "
                           + ", ".join(family.name for family in FAMILIES))
    if len(found) > 1:
        raise ConvertError("the tensors fit several families: " + ", ".join(family.name for family, _ in found)
                           + "; choose one with --family")
    return found[0]


def choose_prefix(family, prefixes, wanted):
    if wanted is not None:
        if wanted not in prefixes:
            raise ConvertError(f"--set prefix={wanted}: expected one of " + ", ".join(repr(p) for p in prefixes))
        return wanted
    if len(prefixes) > 1:
        raise ConvertError(f"{family.name} stands in the checkpoint more than once, under "
                           + ", ".join(repr(p) for p in prefixes) + "; choose one with --set prefix=")
    return prefixes[0]


def model_name(settings, path):
    given = settings.common("name")
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", os.path.basename(path).partition(".")[0]).strip("-.")
    return given or stem or settings.family.name


def provenance_of(checkpoint, family, view, settings, graph):
    folded = sorted(name[len(view.prefix):] for name in view.folded if name.startswith(view.prefix)
                    and name[len(view.prefix):] in graph.tensors)
    record = {"file": os.path.basename(checkpoint.path), "sha256": checkpoint.sha256(), "family": family.name,
              "source": family.source, "prefix": view.prefix}
    if folded:
        record["folded"] = {kind: [name for name in folded if view.folded[view.prefix + name] == kind]
                            for kind in sorted({view.folded[view.prefix + name] for name in folded})}
    return {**record, "set": {k: v for k, v in settings.given.items() if k not in ("name", "prefix")},
            "assumed": settings.assumed}


def configuration(family, path):
    if family.config is None:
        raise ConvertError(f"--config {path}: {family.name} has no configuration file that is read here")
    try:
        found = family.config(read_config(path))
    except READ_ERRORS as error:
        raise ConvertError(f"configuration '{path}' is not one of {family.source} ({reason(error)})") from None
    if not found:
        raise ConvertError(f"configuration '{path}' holds no value that {family.name} takes")
    return found


def convert(options):
    """Converts and returns (manifest, what was assumed)."""
    check_target(options.output, options.overwrite)
    given = parse_pairs(options.set)
    checkpoint = open_checkpoint(options.checkpoint)
    tensors, folded = fold(checkpoint.tensors)
    family, prefixes = choose_family(options.family, tensors)
    config = configuration(family, options.config) if options.config else None
    embedded = family.embedded(checkpoint) if family.embedded else None
    settings, graph = Settings(family, given, config, embedded), Graph()
    prefix = choose_prefix(family, prefixes, settings.common("prefix"))
    view = View(tensors, prefix, folded)
    family.build(view, settings, graph)
    provenance = provenance_of(checkpoint, family, view, settings, graph)
    if settings.common("fold_batch_norm"):
        fold_batch_norms(graph)
    weights = check_and_widen(graph.tensors, settings.common("dtype"))
    manifest = write_folder(options.output, weights, lambda entry: manifest_of(
        graph, model_name(settings, options.checkpoint), family.description, family.name, provenance, entry))
    return manifest, settings.assumed


def say(text):
    print(f"convert_checkpoint: {text}", file=sys.stderr)


def main(argv=None):
    try:
        options = arguments(argv)
        if options.list_families:
            list_families()
            return 0
        if not options.checkpoint or not options.output:
            raise ConvertError("expected CKPT and -o DIR; see --help")
        manifest, assumed = convert(options)
    except ConvertError as error:
        say(str(error))
        return 2
    except OSError as error:
        say(f"'{error.filename or 'output'}' cannot be written: {(error.strerror or str(error)).lower()}")
        return 75
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        return 130
    for line in assumed:
        say(f"assumed {line}")
    say(f"wrote {options.output}: {manifest['family']}, {len(manifest['weights'][0]['tensors'])} tensors")
    return 0
