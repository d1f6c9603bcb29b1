"""Files of tensors and plain values, as ``torch.save`` writes them: opening somebody's file runs no code from it."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from landscape.results.display.printable import printable
from landscape.results.storage.files import atomic
from landscape.results.storage.regular import check_regular

ZIP = b"PK\x03\x04"  # begins the files of today's torch.save; those of before 2020 are a row of pickles


class ForeignFileError(ValueError):
    """A file that ``torch.save`` may have written, and that holds something else than what is read."""


def save_plain(values: dict[str, Any], path: str | Path) -> None:
    """Write tensors and plain values, atomically."""
    buffer = io.BytesIO()  # written by us: on a full disk torch's own writer hides the reason
    torch.save(values, buffer)
    with atomic(path) as file:
        file.write(buffer.getbuffer())


def load_plain(path: str | Path, what: str) -> dict[str, Any]:
    """Read a file of tensors and plain values that ``torch.save`` wrote, without running code from it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, damaged, or no regular file.
        ForeignFileError: It holds more than tensors and plain values, or something else.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {printable(path)}; `landscape train` writes one")
    check_regular(path, f"give the {what} in it, such as {printable(path / 'checkpoint.pt')}")
    if path.stat().st_size == 0:
        raise ValueError(f"{printable(path)} is empty; the {what} was not written to its end")
    try:
        content = _loaded(path)
    except pickle.UnpicklingError as problem:
        if "Unsupported global" in str(problem):
            raise ForeignFileError(
                f"{printable(path)} is not a {what}: it holds more than tensors and plain values, and is not opened"
            ) from None
        raise ValueError(f"{printable(path)} is damaged or not a {what}") from None
    except Exception as problem:  # damaged bytes make torch, pickle and zip raise errors of many kinds
        reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
        raise ValueError(
            f"{printable(path)} cannot be read, is damaged or not a {what} ({printable(reason, 100)})"
        ) from None
    if not isinstance(content, dict):
        raise ForeignFileError(f"{printable(path)} is not a {what}: it holds a {type(content).__name__}")
    return content


def _loaded(path: Path) -> Any:
    with path.open("rb") as file, warnings.catch_warnings(action="ignore"):  # about foreign pickles, which are refused
        if file.read(len(ZIP)) != ZIP:  # pickles: from memory, where a length in them allocates no more than there is
            file.seek(0)
            return torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)
        with zipfile.ZipFile(file) as archive:
            sizes = sum(member.file_size for member in archive.infolist())
            if sizes > path.stat().st_size:  # torch.save packs nothing: a packed file may expand without end
                raise ValueError(f"its parts take {sizes:,} bytes, more than the file")
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
            if damaged := archive.testzip():  # torch looks at no check sum
                raise ValueError(f"the check sum of {damaged} is wrong")
            return content
