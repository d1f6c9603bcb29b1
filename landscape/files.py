"""Files on disk: each is written beside its place and renamed, so that none is ever half there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from landscape.results.plain import to_plain


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of ``path`` only when the block ends without an error.

    The file is flushed to disk before it is renamed: after a crash, the old file or the new one is there, whole.

    Raises:
        FileNotFoundError: The folder of ``path`` does not exist.
        OSError: The folder cannot be written to, or the disk is full; ``path`` is as it was.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} of {path.name} does not exist; create it first")
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes private files; results are as public as any other
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic(path) as file:
        file.write(text.encode())


def write_json(path: str | Path, values: Any) -> None:
    """Write ``values`` as indented JSON, atomically; see ``to_plain`` for what JSON lacks."""
    write_text(path, json.dumps(to_plain(values), indent=2) + "\n")
