#!/usr/bin/env python3
"""A stylet vector as OpenVoice's `se` tensor [1, 256, 1], for ToneColorConverter.convert(src_se=..., tgt_se=...).

    stylet extract -m openvoice-model speaker.wav -o speaker.npy
    scripts/handover/openvoice.py speaker.npy tgt_se.pth [ID]
"""
import sys

import stylet_vectors
import torch_file


def main(args):
    if len(args) not in (2, 3):
        raise SystemExit(__doc__)
    torch_file.save(stylet_vectors.one(args[0], *args[2:]).reshape(1, -1, 1), args[1])


if __name__ == "__main__":
    main(sys.argv[1:])
