"""Writes the model folder: weights.safetensors and manifest.json, complete under its name or not at all."""
import hashlib
import json
import os
import shutil
import tempfile

from .errors import ConvertError
from .front_end import ordered
from .safetensors import write_safetensors

WEIGHTS = "weights.safetensors"
MAX_WIDTH = 118  # of a line of the manifest


def manifest_of(graph, name, description, family, provenance, weights):
    """The manifest, its keys in the order of models/README.md."""
    manifest = {"format": "stylet", "version": 1, "name": name, "description": description, "family": family,
                "provenance": provenance, "front_end": ordered(graph.front_end)}
    if graph.inputs:
        manifest["inputs"] = graph.inputs
    manifest.update(weights=[weights], layers=graph.layers, outputs=graph.outputs)
    return manifest


def to_json(value, indent=0, in_list=False):
    """JSON with two spaces of indent. What fits on a line stands on one; flat objects and entries of lists are filled
    like text, a key of a long object gets its own line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (indent and indent + len(line) <= MAX_WIDTH):
        return line
    inner = indent + 2
    if isinstance(value, list):
        rows = [" " * inner + to_json(v, inner, True) for v in value]
        return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"
    items = [f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()]
    flat = in_list or not any(isinstance(v, (dict, list)) for v in value.values())
    if indent and flat and all(inner + len(item) <= MAX_WIDTH for item in items):
        return _filled(items, inner, in_list, indent)
    rows = [f"{' ' * inner}{json.dumps(k, ensure_ascii=False)}: {to_json(v, inner)}" for k, v in value.items()]
    return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"


def _filled(items, inner, in_list, indent):
    lines = [items[0]]
    for item in items[1:]:
        if inner + len(lines[-1]) + len(item) + 3 <= MAX_WIDTH:
            lines[-1] += ", " + item
        else:
            lines.append(item)
    if in_list:
        return "{" + (",\n" + " " * (indent + 1)).join(lines) + "}"
    return "{\n" + ",\n".join(" " * inner + line for line in lines) + "\n" + " " * indent + "}"


def weights_entry(path, tensors):
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    entries = {name: {"dtype": tensors[name].dtype, "shape": list(tensors[name].shape)} for name in sorted(tensors)}
    return {"file": WEIGHTS, "sha256": digest, "tensors": entries}


def check_target(folder, overwrite):
    """Refuses early what could not be written at the end."""
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder) or os.path.islink(folder):
        raise ConvertError(f"'{folder}' exists and is not a folder")
    names = os.listdir(folder)
    if names and not overwrite:
        raise ConvertError(f"'{folder}' exists; give --overwrite to replace it")
    if names and "manifest.json" not in names:
        raise ConvertError(f"'{folder}' exists and is not a model folder; it is not overwritten")


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_folder(folder, tensors, make_manifest):
    """Builds the folder beside its place and renames it there. make_manifest(weights entry) gives the manifest."""
    target = os.path.abspath(folder)
    parent, name = os.path.split(target)
    os.makedirs(parent, exist_ok=True)
    work = tempfile.mkdtemp(prefix=f".{name}.", dir=parent)
    try:
        new = os.path.join(work, "new")
        os.mkdir(new)
        weights = os.path.join(new, WEIGHTS)
        write_safetensors(weights, tensors)
        manifest = make_manifest(weights_entry(weights, tensors))
        with open(os.path.join(new, "manifest.json"), "x", encoding="utf-8") as file:
            file.write(to_json(manifest) + "\n")
        for path in (weights, os.path.join(new, "manifest.json"), new):
            _sync(path)
        if os.path.lexists(target):
            os.rename(target, os.path.join(work, "old"))
        os.rename(new, target)
        _sync(parent)
    finally:
        if os.path.isdir(os.path.join(work, "old")) and not os.path.lexists(target):
            os.rename(os.path.join(work, "old"), target)
        shutil.rmtree(work, ignore_errors=True)
    return manifest
