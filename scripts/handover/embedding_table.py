#!/usr/bin/env python3
"""utt2embedding.pt and spk2embedding.pt, as CosyVoice and its kin read them: {id: list of floats}.

    stylet extract --files-from corpus.jsonl -o style.npz
    scripts/handover/embedding_table.py style.npz FOLDER [utt2spk]

utt2spk is Kaldi's file, a clip and its speaker on a line. A speaker's embedding is the mean of its clips.
"""
import pathlib
import sys

import numpy as np

import stylet_vectors
import torch_file


def by_speaker(vectors, utt2spk):
    """{speaker: mean vector}; a clip without a speaker is refused."""
    missing = sorted(set(vectors) - set(utt2spk))
    if missing:
        raise SystemExit(f"no speaker for {len(missing)} clips, the first is '{missing[0]}'")
    groups = {}
    for clip, vector in vectors.items():
        groups.setdefault(utt2spk[clip], []).append(np.float64(vector))
    return {speaker: np.mean(rows, axis=0) for speaker, rows in groups.items()}


def main(args):
    if len(args) not in (2, 3):
        raise SystemExit(__doc__)
    vectors, folder = stylet_vectors.read(args[0]), pathlib.Path(args[1])
    tables = {"utt2embedding.pt": vectors}
    if len(args) == 3:
        lines = pathlib.Path(args[2]).read_text().splitlines()
        tables["spk2embedding.pt"] = by_speaker(vectors, dict(line.split(None, 1) for line in lines if line.strip()))
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        torch_file.save({key: np.float32(v).tolist() for key, v in table.items()}, folder / name)


if __name__ == "__main__":
    main(sys.argv[1:])
