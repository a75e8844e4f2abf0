"""Turns published checkpoints into the model folders of models/README.md; families/ holds one file per family."""
