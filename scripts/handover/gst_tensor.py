#!/usr/bin/env python3
"""A stylet vector as the style tensor [1, 1, E] of Mellotron and GST-Tacotron.

    stylet mix -m MODEL --token 3=0.8 -o style.npy
    scripts/handover/gst_tensor.py style.npy style.pt [ID]

    style = torch.load("style.pt")
    model.gst.forward = lambda *args: style.to(device)     Mellotron: then call model.inference(...) as ever
    model.encoder.gst.forward = lambda *args: style        GST-Tacotron forks keep the layer under other names
"""
import sys

import stylet_vectors
import torch_file


def main(args):
    if len(args) not in (2, 3):
        raise SystemExit(__doc__)
    torch_file.save(stylet_vectors.one(args[0], *args[2:]).reshape(1, 1, -1), args[1])


if __name__ == "__main__":
    main(sys.argv[1:])
