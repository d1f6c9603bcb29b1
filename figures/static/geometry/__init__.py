"""Figures of a curvature and a sharpness."""
