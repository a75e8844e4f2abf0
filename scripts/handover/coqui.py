#!/usr/bin/env python3
"""A stylet vector or mix into Coqui TTS.

    stylet extract -m MODEL -w token_weights clip.wav -o clip.jsonl
    scripts/handover/coqui.py dictionary clip.jsonl              {"0": 0.12, ...}: gst_style_input_weights, or --gst_style
    scripts/handover/coqui.py command '{"3": 0.8, "5": -0.2}'    the `stylet mix` line with the same result

Coqui's dictionary gives every head the same weight, so the one of a clip is the mean over its heads and cannot be
exact; how far apart the heads are is said on stderr. The exact way is the vector, from Python:

    vector = stylet_vectors.one("style.npy")
    coqui.use_vector(tts.synthesizer.tts_model, vector)          any style_wav then gives this style
"""
import json
import sys

import numpy as np

import stylet_vectors


def dictionary(weights):
    """{"token": weight} of token weights [heads, tokens]."""
    return {str(k): round(float(w), 6) for k, w in enumerate(np.mean(weights, axis=0))}


def command(weights):
    """The arguments of `stylet mix` for a dictionary."""
    return [part for token, weight in weights.items() for part in ("--token", f"{int(token)}={float(weight)!r}")]


def use_vector(model, vector):
    """Makes the model's GST layer give the vector, [1, 1, E], whatever it hears."""
    import torch
    style = torch.tensor(np.asarray(vector, np.float32)).reshape(1, 1, -1)
    model.gst_layer.forward = lambda *args, **kwargs: style.to(next(model.parameters()).device)


def main(args):
    if len(args) not in (2, 3) or args[0] not in ("dictionary", "command"):
        raise SystemExit(__doc__)
    if args[0] == "command":
        print("stylet mix", *command(json.loads(args[1])))
        return
    weights = stylet_vectors.one(*args[1:], output="token_weights")
    print(json.dumps(dictionary(weights)))
    print(f"heads differ from their mean by at most {np.abs(weights - np.mean(weights, axis=0)).max():.3f}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
