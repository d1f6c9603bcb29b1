"""Optimisation: sharpness-aware minimisation and schedules."""
