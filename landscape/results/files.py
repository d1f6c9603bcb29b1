"""Files on disk: each is written beside its place and renamed, so that none is ever half there."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from landscape.results.serialization import to_plain

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NAME = 40  # characters of a file's name that the one beside it has, too


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of ``path`` only when the block ends without an error.

    The file is flushed to disk before it is renamed: after a crash, the old file or the new one is there, whole.

    Raises:
        FileNotFoundError: The folder of ``path`` does not exist.
        OSError: The folder cannot be written to, the disk is full, or ``path`` is a folder or a device; it is as it
            was.
    """
    path = Path(path)
    check_writable(path)
    # A name may be as long as the file system allows, with nothing to spare for what is added here.
    handle, beside = tempfile.mkstemp(prefix=f".{path.name[:NAME]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes private files; results are as public as any other
        os.replace(beside, path)
    except BaseException as problem:
        Path(beside).unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno in FULL and problem.filename is None:
            problem.filename = str(path)  # which the system does not tell
        raise


def check_writable(path: str | Path) -> None:
    """Find out whether ``atomic`` could write this file, before hours go into what it is to hold.

    Raises:
        FileNotFoundError: Its folder does not exist.
        OSError: Its folder cannot be written to, or something that is no file has its name.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} of {path.name} does not exist; create it first")
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file that could be replaced; choose another name")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {path.parent} of {path.name} cannot be written to; choose another")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically; what UTF-8 lacks, as names of files may have, becomes a question mark."""
    with atomic(path) as file:
        file.write(text.encode(errors="replace"))


def write_json(path: str | Path, values: Any) -> None:
    """Write ``values`` as indented JSON, atomically; see ``to_plain`` for what JSON lacks."""
    write_text(path, json.dumps(to_plain(values), indent=2) + "\n")
