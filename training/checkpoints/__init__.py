"""Checkpoints: storing, loading, describing and importing them."""
