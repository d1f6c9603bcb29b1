"""The commands, one file each: a command parses its options, calls the library once, and prints.

Heavy imports are inside the functions, so that ``--help`` answers at once.
"""
