"""Configurations: options, methods, and what training and analyses are set by. No torch or numpy is imported here."""
