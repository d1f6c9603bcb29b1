"""The training loop: its stages, and the folder of a run."""
