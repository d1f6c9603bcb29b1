"""Files on disk: written atomically, and named in errors about them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from landscape.results.display.printable import printable
from landscape.results.storage.serialization import to_plain
from landscape.results.storage.temporary import create_temporary

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# The set of files that ``transactions.together`` gathers: each file's place, and the temporary file with its content.
GATHERED: ContextVar[dict[Path, Path] | None] = ContextVar("GATHERED", default=None)


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new binary file that replaces ``path`` only when the block ends without an error.

    The file is flushed to disk before it is renamed: after a crash, the old file or the new one is complete. Within
    ``transactions.together`` it is renamed when that ends.

    Raises:
        FileNotFoundError: The folder of ``path`` does not exist.
        OSError: The folder cannot be written to, the disk is full, or ``path`` is a folder or a device, which is
            left as it was.
    """
    path, gathered = Path(path), GATHERED.get()
    _check_replaceable(path)
    with _temporary(path) as (file, temporary):
        yield file
    try:
        if gathered is None:
            os.replace(temporary, path)
        else:
            earlier = gathered.pop(path, None)
            gathered[path] = temporary
            if earlier is not None:
                earlier.unlink(missing_ok=True)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_beside(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a temporary file beside ``path``, flushed to disk and as public as any other; return its path.

    Raises:
        OSError: It cannot be written; the error names ``path``.
    """
    with _temporary(path) as (file, temporary):
        write(file)
    return temporary


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    handle, temporary = create_temporary(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, temporary
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes private files; results are as public as any other
    except BaseException as problem:
        temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno in FULL and problem.filename is None:
            problem.filename = str(path)  # which the system leaves out
        raise


def check_writable(path: str | Path) -> None:
    """Check that ``atomic`` could write this file, before its content is computed for hours.

    Raises:
        FileNotFoundError: Its folder does not exist.
        OSError: Its folder cannot be written to, or something that is not a regular file has its name.
    """
    path = Path(path)
    _check_replaceable(path)
    try:
        handle, temporary = create_temporary(path)  # permissions do not tell: the disk may be mounted to be read only
    except OSError as problem:
        raise type(problem)(
            f"the folder {path.parent} of {path.name} cannot be written to ({problem.strerror}); choose another"
        ) from None
    os.close(handle)
    temporary.unlink(missing_ok=True)


def _check_replaceable(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} of {path.name} does not exist; create it first")
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file that could be replaced; choose another name")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {path.parent} of {path.name} cannot be written to; choose another")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically; what UTF-8 lacks becomes a question mark."""
    with atomic(path) as file:
        file.write(text.encode(errors="replace"))


def write_json(path: str | Path, values: Any) -> None:
    """Write ``values`` as indented JSON, atomically; see ``to_plain`` for values that JSON lacks."""
    write_text(path, json.dumps(to_plain(values), indent=2) + "\n")


def format_error(problem: BaseException) -> str:
    """Return what is wrong in one line.

    >>> format_error(FileNotFoundError(2, "No such file or directory", "a.pt"))
    'a.pt: No such file or directory'
    >>> format_error(FileNotFoundError(2, "No such file or directory", "a line\\nend"))
    'a line\\\\nend: No such file or directory'
    """
    if isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        return f"{printable(problem.filename)}: {problem.strerror}"
    return " ".join(str(problem).split()) or type(problem).__name__


@contextmanager
def errors_about(path: str | Path) -> Iterator[None]:
    """Name the file that is worked on in errors that do not name it.

    Raises:
        ValueError: The block raised a ValueError, an OSError or a MemoryError.
    """
    try:
        yield
    except (ValueError, OSError, MemoryError) as problem:
        message = format_error(problem)
        raise ValueError(message if str(path) in message else f"{path}: {message}") from problem
