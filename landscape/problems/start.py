"""Files to start a problem from; they run as they are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from landscape.choices import one_of
from landscape.results.display.printable import printable
from landscape.results.storage.files import check_writable, write_text
from landscape.results.storage.outputs import refuse_existing

LIKE = ("huggingface", "vision", "recommender")
SUFFIX = ".py.txt"  # they are written for a user's folder, and are no modules of this package


def start_text(like: str) -> str:
    """Return the text of a file to start from.

    Raises:
        ValueError: ``like`` is none of ``LIKE``.
    """
    name = one_of(like, LIKE, "--like")
    return files(__package__).joinpath("templates", f"{name}{SUFFIX}").read_text(encoding="utf-8")


def write_start(path: str | Path, like: str) -> Path:
    """Write a file to start from.

    Raises:
        FileExistsError: There is a file of that name.
        ValueError: The name does not end in ``.py``, or ``like`` is none of ``LIKE``.
        OSError: It cannot be written.
    """
    path, text = Path(path), start_text(like)
    if path.suffix != ".py":
        raise ValueError(f"{printable(path)} must be a file that ends in .py")
    check_writable(path)
    refuse_existing([path], "choose another name, or remove it")
    write_text(path, text.replace("problem.py", path.name).replace("problem.pt", f"{path.stem}.pt"))
    return path
