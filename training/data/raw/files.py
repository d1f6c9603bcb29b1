"""Opening raw files: gzipped or not, as numbered lines of text, with errors that say where."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_GZIP = b"\x1f\x8b"


def is_packed(path: Path) -> bool:
    """Whether a file is gzipped, whatever its name."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def open_raw(path: Path) -> IO[bytes]:
    """Open a file for reading its bytes, unpacked if it is gzipped."""
    return gzip.open(path) if is_packed(path) else path.open("rb")  # type: ignore[return-value]  # GzipFile reads as IO does


def read_bytes(path: Path, size: int = -1) -> bytes:
    """The first ``size`` bytes of a file, unpacked if it is gzipped; all by default.

    Raises:
        ValueError: The gzip file is damaged or ends early.
    """
    with open_raw(path) as file:
        try:
            return file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise ValueError(f"{path} is a damaged or truncated gzip file ({problem}); get it again") from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers from 1, line ends included, a byte order mark left out.

    Raises:
        ValueError: The file is binary, a line is not UTF-8, or a gzip file is damaged or ends early.
    """
    number = 0
    with open_raw(path) as file:
        try:
            for number, line in enumerate(file, start=1):
                text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).decode()
                if "\0" in text:
                    raise ValueError(f"{path}, line {number}: the file is binary; expected text")
                yield number, text
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {number}: not UTF-8 text") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise ValueError(
                f"{path} is a damaged or truncated gzip file, after line {number} ({problem}); get it again"
            ) from None
