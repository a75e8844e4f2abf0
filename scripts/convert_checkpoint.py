#!/usr/bin/env python3
"""Turns a PyTorch, safetensors or npz checkpoint into a stylet model folder. --help says how."""
import sys

sys.dont_write_bytecode = True

from convert.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
