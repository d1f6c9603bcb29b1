"""``python -m landscape`` and ``torchrun -m landscape``: the same as the command ``landscape``."""

from landscape.cli import main

if __name__ == "__main__":
    main(prog_name="landscape")
