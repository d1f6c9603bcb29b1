"""Opening raw files: regular ones only, gzipped or not, as bytes or lines of text, with errors that say where."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular

BLOCK = 1 << 20  # bytes that are read at once
MAX_LINE = 1 << 24  # characters of one line
MAX_UNPACKED = 1 << 30  # bytes that a gzip file may unpack to, whatever its own size
MAX_RATIO = 200  # how many times its own size a gzip file may unpack to; text reaches 5 to 30

_GZIP = b"\x1f\x8b"
_BOM = "\ufeff"
_OTHER_KINDS = (  # how files of other kinds begin, and what can be done with them
    (b"PK\x03\x04", "is a zip archive or an Excel file; unpack it, or save it as CSV"),
    (b"BZh", "is packed with bzip2; unpack it (bunzip2)"),
    (b"\xfd7zXZ", "is packed with xz; unpack it (unxz)"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it (unzstd)"),
    (b"7z\xbc\xaf", "is a 7z archive; unpack it"),
    (b"ARROW1", "is an Arrow (Feather) file; save it as Parquet or CSV"),
    (b"\x89HDF", "is an HDF5 file; save its table as Parquet or CSV"),
    (b"SQLite format 3", "is an SQLite database; export its table as CSV"),
    (b"\xff\xfe", "is UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text; save it as UTF-8"),
)


def is_packed(path: Path) -> bool:
    """Return whether a regular file is gzipped, whatever its name."""
    check_regular(path)
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def read_start(path: Path, size: int) -> bytes:
    """Return the first ``size`` bytes of a file, unpacked if it is gzipped.

    Raises:
        ValueError: The gzip file is damaged or ends early, or it is not a regular file.
    """
    with _open(path) as file:
        try:
            return file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise ValueError(_damaged(path, 0, problem)) from None


def check_kind(path: Path, start: bytes) -> None:
    """Refuse files of kinds that have no reader here, with what can be done about it.

    Raises:
        ValueError: ``start``, the file's first bytes, is that of an archive, a database, or text in UTF-16.
    """
    for magic, remedy in _OTHER_KINDS:
        if start.startswith(magic):
            raise ValueError(f"{printable(path)} {remedy}")


def lines(path: Path) -> Iterator[str]:
    r"""Return the lines of a text file; they end with ``\n``, ``\r\n`` or ``\r``, which is part of them.

    The file is read block by block. A byte order mark at its start is left out.

    Raises:
        ValueError: The file is binary or not UTF-8 (the message gives the line), a line is too long, or a gzip file is
            damaged, ends early, or unpacks to far more than text does.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    number, rest, first = 0, "", True
    try:
        for block in _blocks(path):
            try:
                text = rest + decoder.decode(block)
            except UnicodeDecodeError as problem:
                before = rest + problem.object[: problem.start].decode()
                raise ValueError(
                    f"{printable(path)}, line {number + len(_split(before + 'x'))}: not UTF-8 text; save it as UTF-8"
                ) from None
            if first:
                text, first = text.removeprefix(_BOM), False
            if "\0" in text:
                line = number + len(_split(text[: text.index("\0") + 1]))
                raise ValueError(f"{printable(path)}, line {line}: the file is binary; expected text")
            split = _split(text)
            # What does not end with \n may go on in the next block, and \r may be half of \r\n.
            rest = split.pop() if split and not split[-1].endswith("\n") else ""
            if len(rest) > MAX_LINE:
                raise ValueError(f"{printable(path)}, line {number + len(split) + 1} has over {MAX_LINE:,} characters")
            number += len(split)
            yield from split
        if decoder.getstate()[0]:
            raise ValueError(
                f"{printable(path)}, line {number + 1}: ends within a character of UTF-8; the file is truncated"
            )
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise ValueError(_damaged(path, number, problem)) from None
    if rest:
        yield from _split(rest)


def line_breaks(text: str) -> int:
    r"""Return how many line ends there are in ``text``; ``\r\n`` is one."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _split(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))  # str.splitlines knows more line ends than files have


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if is_packed(path) else path.open("rb")  # type: ignore[return-value]  # GzipFile reads as IO does


def _blocks(path: Path) -> Iterator[bytes]:
    total, limit = 0, max(MAX_UNPACKED, MAX_RATIO * path.stat().st_size)
    with _open(path) as file:
        while block := file.read(BLOCK):
            total += len(block)
            if total > limit:
                raise ValueError(
                    f"{printable(path)} unpacks to over {limit:,} bytes, as text hardly does; if it is right, unpack it"
                )
            yield block


def _damaged(path: Path, number: int, problem: BaseException) -> str:
    where = f", after line {number}" if number else ""
    return f"{printable(path)} is a damaged or truncated gzip file{where} ({printable(problem)}); get it again"
