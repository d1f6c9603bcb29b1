"""A user's own model, loss and data, described by a Python file with a function that returns an ``Objective``."""
