"""Evaluation: ranks of held-out items, metrics of them, and baselines."""
