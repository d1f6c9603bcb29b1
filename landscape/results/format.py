"""What all result files have in common: the number of their format, the names of fields, and how reading fails."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

FORMAT = 3  # raised when an older reader could misread a newer file
OLD_NAMES = {"band": "radial_profile", "path": "trajectory", "shares": "localization"}  # of fields, in format 2
OBJECTS = ("checkpoint", "data", "objective", "plane", "versions")  # in metadata, if they are there


class ForeignFileError(ValueError):
    """An undamaged file of another kind, or of a newer version."""


@contextmanager
def reading(path: str | Path, kind: str) -> Iterator[bytes]:
    """Yield a file's content; whatever is wrong with it becomes an error of one line.

    Raises:
        ValueError: The block raised an error.
        OSError: The file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        yield content
    except ForeignFileError:
        raise
    except Exception as problem:  # damaged bytes make the readers of zip, NumPy and JSON raise errors of many kinds
        reason = " ".join(str(problem).split())
        raise ValueError(
            f"{path} is damaged or is not a {kind} file ({reason}); delete it to compute it again, or give another"
        ) from None


def current_fields(stored: dict[str, Any], path: str | Path, kind: str) -> dict[str, Any]:
    """Return the stored fields of a result under their names of today.

    Raises:
        ForeignFileError: They are those of another kind of result, or of a newer version.
        TypeError: An entry of the metadata has another type.
    """
    if stored["kind"] != kind:
        raise ForeignFileError(f"{path} does not hold a {kind}; give a file that `landscape {kind}` wrote")
    if stored["format"] > FORMAT:
        raise ForeignFileError(f"{path} was written by a newer version (format {stored['format']}); upgrade to read it")
    for name in OBJECTS:
        if not isinstance(stored["metadata"].get(name, {}), Mapping):
            raise TypeError(f"{name} in its metadata is not an object")
    return {OLD_NAMES.get(name, name): value for name, value in stored.items()}


def read_arrays(content: bytes) -> dict[str, Any]:
    """Return the arrays of an ``.npz`` file by name.

    Raises:
        BadZipFile: It is something else.
    """
    if not is_zipfile(io.BytesIO(content)):
        raise BadZipFile("not an .npz archive")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)
