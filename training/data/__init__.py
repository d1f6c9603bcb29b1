"""Data sets: files, downloads, the built-in set, and the splits."""
