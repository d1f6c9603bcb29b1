"""Figures of planes, lines and paths: maps, surfaces, profiles, barriers."""
