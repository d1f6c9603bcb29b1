"""Losses of others as losses of an objective: criteria of torch, models of the Transformers library."""
