"""``python -m landscape`` and ``torchrun -m landscape``: the same as the command ``landscape``."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the commands of this installation.

    ``models`` and ``training`` are common names: with ``-m``, the working directory comes first on the path, and a
    folder of that name in it would be imported in place of ours.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from cli import main as commands

    commands(prog_name="landscape")


if __name__ == "__main__":
    main()
