"""Sharpness, extreme eigenvalues and self-checks of a loss at a point."""
