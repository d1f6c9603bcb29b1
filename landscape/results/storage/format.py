"""What all result files have in common: the number of their format, the names of fields, and how reading fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular

FORMAT = 3  # raised when an older reader could misread a newer file
OLD_NAMES = {"band": "radial_profile", "path": "trajectory", "shares": "localization"}  # of fields, in format 2
LARGEST_JSON = 1 << 27  # bytes: Python's objects take some ten times as many


class ForeignFileError(ValueError):
    """An undamaged file of another kind, or of a newer version."""


@contextmanager
def reading(
    path: str | Path, kind: str, remedy: str = "delete it to compute it again, or give another"
) -> Iterator[IO[bytes]]:
    """Open a regular file; whatever is wrong with its content becomes an error of one line that ends with ``remedy``.

    Raises:
        ValueError: The block raised an error, or ``path`` is a folder, a pipe or a device.
        OSError: The file cannot be opened.
    """
    check_regular(path, f"name the {kind} file in it")
    with Path(path).open("rb") as file:
        try:
            yield file
        except ForeignFileError:
            raise
        except Exception as problem:  # damaged bytes make the readers of zip, NumPy and JSON raise errors of many kinds
            reason = printable(" ".join(str(problem).split()) or type(problem).__name__, 300)
            raise ValueError(f"{printable(path)} is damaged or is not a {kind} file ({reason}); {remedy}") from None


def read_json(file: IO[bytes]) -> Any:
    """Return what a file of JSON holds.

    Raises:
        ValueError: It is too large or no JSON, or an object has a name twice.
    """
    content = file.read(LARGEST_JSON + 1)
    if len(content) > LARGEST_JSON:
        raise ValueError(f"it has more than {LARGEST_JSON >> 20} MiB")
    return parse_json(content)


def parse_json(content: str | bytes) -> Any:
    """Return the value that JSON describes.

    Raises:
        ValueError: It is no JSON, or an object has a name twice.
    """
    return json.loads(content, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise ValueError(f"{printable(twice, 60)} is there twice")
    return found


def current_fields(stored: Any, path: str | Path, kind: str) -> dict[str, Any]:
    """Give the stored fields of a result their names of today, and return them.

    Raises:
        ForeignFileError: They are those of another kind of result, or of a newer version.
        ValueError: They are no result's.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"it holds no object but a {type(stored).__name__}")
    if type(stored.get("kind")) is not str:
        raise ValueError("kind is missing or not a text")
    if stored["kind"] != kind:
        raise ForeignFileError(f"{printable(path)} does not hold a {kind}; give a file that `landscape {kind}` wrote")
    if type(stored.get("format")) is not int or stored["format"] < 1:
        raise ValueError("format is missing or not a whole number from 1")
    if stored["format"] > FORMAT:
        raise ForeignFileError(
            f"{printable(path)} was written by a newer version (format {printable(stored['format'], 20)}); "
            "upgrade to read it"
        )
    if twice := [old for old, new in OLD_NAMES.items() if old in stored and new in stored]:
        raise ValueError(f"{twice[0]} is there under its new name, too")
    for old, new in OLD_NAMES.items():
        if old in stored:
            stored[new] = stored.pop(old)
    return stored
