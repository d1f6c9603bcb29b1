"""Losses and metrics on planes and lines through a point of the parameter space."""
