"""Weighted mean of checkpoints: `python3 average.py OUTPUT.pt CHECKPOINT.pt SHARE...`; all but the
weights is the last one's."""
import sys

import torch


def main():
    output, *rest = sys.argv[1:]
    shares = [float(v) for v in rest[1::2]]
    saved = [torch.load(path, weights_only=False) for path in rest[::2]]
    out = saved[-1]
    for name, value in out["model"].items():
        if value.is_floating_point():
            out["model"][name] = sum(w * s["model"][name] for w, s in zip(shares, saved))
    torch.save(out, output)


if __name__ == "__main__":
    main()
