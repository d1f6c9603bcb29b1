"""Losses: the next item's, the contrastive one, and those of pre-training."""
