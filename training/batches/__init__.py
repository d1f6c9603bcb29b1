"""Batches: packed rows, negatives, masked instances and augmented views."""
