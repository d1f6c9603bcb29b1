"""What a command may write: the rule that every command keeps.

1. The files that a command writes at its end change together or not at all, also when the disk is full:
   ``transactions.write_together`` and ``transactions.together``.
2. Nothing is replaced that the command did not write itself, unless ``--overwrite`` says so: ``refuse_existing`` and
   ``refuse_foreign``. A result gives way to one of the same checkpoint only: ``kinds.check_place``.
3. No output is one of the inputs, under whatever name: ``refuse_inputs``.
4. A folder that was made for files which then are not written is removed again: ``made_folder``.
5. Temporary files of processes that have died are removed by whoever writes next to them: ``temporary``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular

# What the pages and pictures that are written here hold, and hardly any other file; all of it plain text in the file.
PAGE = b"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
PICTURE = b"Matplotlib"
SIGNS = {".html": PAGE} | dict.fromkeys((".png", ".pdf", ".svg", ".gif", ".mp4", ".webm"), PICTURE)


def refuse_existing(outputs: Iterable[Path], remedy: str) -> None:
    """Refuse to replace a file that is there.

    Raises:
        FileExistsError: One of ``outputs`` exists, be it a link that leads nowhere; ``remedy`` ends the message.
    """
    for path in outputs:
        if os.path.lexists(path):
            raise FileExistsError(f"{printable(path)} exists; {remedy}")


def refuse_foreign(outputs: Iterable[Path], own: Callable[[Path], bool], what: str) -> None:
    """Refuse to replace a file that is there and was not written by the command itself; an empty file may be.

    Args:
        outputs: What is to be written.
        own: Whether the command wrote a file. A ValueError means that it did not.
        what: What it would have written, with an article.

    Raises:
        FileExistsError: One of ``outputs`` holds something else, or is a link that leads nowhere.
        OSError: It cannot be read.
    """
    for path in outputs:
        if not os.path.lexists(path):
            continue
        with suppress(ValueError, FileNotFoundError):
            check_regular(path)
            if path.stat().st_size == 0 or own(path):
                continue
        if not os.path.lexists(path):  # another process that replaces it has moved it aside since
            continue
        raise FileExistsError(
            f"{printable(path)} exists and is not {what} that this command wrote; remove it or choose another name"
        )


def is_drawn(path: Path) -> bool:
    """Whether a file is a page or a picture that was written here, by what it holds."""
    return SIGNS[path.suffix.lower()] in path.read_bytes()


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[str | Path]) -> None:
    """Refuse outputs that are one of the inputs, under whatever name; inputs that do not exist are none.

    Raises:
        ValueError: One of ``outputs`` and one of ``inputs`` are the same file.
    """
    identities = {identity: path for path in map(Path, inputs) if (identity := _identity(path))}
    for path in outputs:
        if (identity := _identity(path)) and (same := identities.get(identity)):
            raise ValueError(
                f"{printable(path)} would replace the input {printable(same)}; choose another name or folder"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # it does not exist; or its name holds a zero byte
        return None
    return status.st_dev, status.st_ino


@contextmanager
def made_folder(folder: Path, *, of_no_worth: Iterable[str] = ()) -> Iterator[None]:
    """Make a folder and those above it; an error removes those that were made and in which nothing was written.

    Args:
        folder: The folder.
        of_no_worth: Names of files in it that go with it, such as that of a lock.

    Raises:
        OSError: It cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            if missing and not {*os.listdir(folder)} - {*of_no_worth}:
                for name in of_no_worth:
                    (folder / name).unlink(missing_ok=True)
        for one in missing:  # the innermost first
            with suppress(OSError):  # it holds something, or was not made
                one.rmdir()
        raise
