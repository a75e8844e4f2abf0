"""Vectors that `stylet extract` and `stylet mix` wrote: {id: float32 array} of a .npy, .npz or .jsonl file. Needs numpy only."""
import json
import pathlib

import numpy as np


def read(path, output="style"):
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        with np.load(path) as file:
            rows = file[output]
            ids = [str(i) for i in file["ids"]] if "ids" in file.files else [str(i) for i in range(len(rows))]
            return dict(zip(ids, rows))
    if path.suffix == ".npy":
        rows = np.load(path)
        if rows.ndim == 1:
            return {path.stem: rows}
        names = path.with_name(path.name + ".ids.txt")
        ids = names.read_text().splitlines() if names.exists() else [str(i) for i in range(len(rows))]
        return dict(zip(ids, rows))
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {r["id"]: np.float32(r[output]) for r in records if r.get("status", "ok") == "ok"}


def one(path, name=None, output="style"):
    """The vector called name, or the only one there is."""
    found = read(path, output)
    if name is None and len(found) != 1:
        raise SystemExit(f"{path} has {len(found)} vectors; name one of them: {', '.join(list(found)[:5])} ...")
    if name is not None and name not in found:
        raise SystemExit(f"{path} has no vector '{name}'")
    return found[name] if name is not None else next(iter(found.values()))
