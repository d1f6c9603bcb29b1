"""Sets of files that belong together: replaced in one step, so that no reader finds a mixture of old and new.

The last file of a set is its main one, which readers open first. New files are written beside the old ones and
flushed; a journal then names them, which is the point of no return; old files move aside, the main one first; new files
take their places, the main one last. An error before or during that restores the old set. A process that is killed
leaves the old set, the new one, or no main file and the journal, with which ``finish_interrupted`` completes the new
set; the next writing of the set does so, too. Which files a command may replace at all: ``outputs``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from landscape.results.display.printable import printable
from landscape.results.storage.files import GATHERED, check_writable, write_beside
from landscape.results.storage.outputs import refuse_existing
from landscape.results.storage.temporary import JOURNAL, NAME

Write = Callable[[IO[bytes]], object]

_OLD = ".old"
LONGEST = 240  # bytes of a name to which a dot and an ending can be added


def write_together(files: Mapping[Path, Write | None], *, replace: bool = True) -> None:
    """Write a set of files in one folder in one step.

    Args:
        files: For each file what writes its content, or None to remove it; the last one is the set's main file.
        replace: Whether files that are there may be replaced or removed.

    Raises:
        FileExistsError: A file of the set exists, and ``replace`` is not set.
        OSError: A file cannot be written, or the disk is full; all files are as they were.
    """
    *_, main = files
    if len(_folders(files)) != 1 or files[main] is None:
        raise ValueError("a set of files lies in one folder, and its main file is written")
    for path in files:
        check_writable(path)
    with _locked(files):
        for path in files:
            _finish(path)
        if not replace:
            refuse_existing(files, "it is not replaced")
        _sweep(files)
        _write_set(files)


@contextmanager
def together() -> Iterator[None]:
    """Gather all files that ``atomic`` writes in the block, and put them in their places together at its end.

    The files are a set as in ``write_together``; the last of each folder is its main file. After an error all files
    are as they were. Within another such block it changes nothing: the outer one gathers.

    Raises:
        OSError: A file cannot be put in its place; all files are as they were.
    """
    if GATHERED.get() is not None:
        yield
        return
    gathered: dict[Path, Path] = {}
    token = GATHERED.set(gathered)
    try:
        yield
        with _locked(gathered):
            for path in gathered:
                _finish(path)
            _sweep(gathered)
            _commit(gathered)
    finally:
        GATHERED.reset(token)
        for left in gathered.values():
            left.unlink(missing_ok=True)


def finish_interrupted(main: str | Path) -> bool:
    """Complete the set of files whose writing was interrupted after its journal was complete; True if there was one.

    Raises:
        ValueError: There is a journal, but it is damaged or files that it names are missing.
        OSError: The folder cannot be written to.
    """
    main = Path(main)
    if not _beside(main, JOURNAL).is_file():
        return False
    with _locked([main]):
        return _finish(main)


def _finish(main: Path) -> bool:
    journal = _beside(main, JOURNAL)
    if not journal.is_file():
        return False
    files = _read_journal(journal, main)
    new = files[main]
    if new is not None and new.is_file():  # else all is in place already
        _aside(main)
        for path, other in files.items():
            if other is None:
                _aside(path)
            elif other.is_file():
                _aside(path)
                os.replace(other, path)
        _flush(main.parent)
    _clean(main.parent, journal, files)
    return True


def _write_set(files: Mapping[Path, Write | None]) -> None:
    beside: dict[Path, Path | None] = {}
    try:
        for path, write in files.items():
            beside[path] = None if write is None else write_beside(path, write)
        _commit(beside)
    finally:
        for left in filter(None, beside.values()):
            left.unlink(missing_ok=True)


def _commit(beside: Mapping[Path, Path | None]) -> None:
    """Put new files in the places of old ones; an error restores the old ones.

    Files in several folders are several sets: an error restores all of them; a kill may fall between two of them.
    """
    if len(beside) == 1:
        ((path, new),) = beside.items()
        if new is not None:
            os.replace(new, path)
            _flush(path.parent)
            return
    journals: dict[Path, Path] = {}
    try:
        for main, paths in _folders(beside).items():
            names = {path.name: new.name if (new := beside[path]) else None for path in paths}
            written = write_beside(main, lambda file, names=names: file.write(json.dumps(names).encode()))  # type: ignore[misc]
            journals[written] = _beside(main, JOURNAL)
        for (main, paths), (written, journal) in zip(_folders(beside).items(), journals.items(), strict=True):
            os.replace(written, journal)
            _flush(main.parent)
            for path in (main, *(path for path in paths if path != main)):
                _aside(path)
            for path in paths:
                if (new := beside[path]) is not None:
                    os.replace(new, path)
            _flush(main.parent)
    except BaseException:
        _restore(beside)
        for left in (*journals, *journals.values()):
            left.unlink(missing_ok=True)
        raise
    for journal in journals.values():
        _clean(journal.parent, journal, beside)


def _restore(beside: Mapping[Path, Path | None]) -> None:
    for path, new in beside.items():
        if new is not None and not os.path.lexists(new):  # it is in its place
            os.replace(path, new)
    for path in beside:  # the main file last
        if os.path.lexists(old := _beside(path, _OLD)):
            os.replace(old, path)


def _folders(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """The files of each folder, by its main file, which is the last."""
    folders: dict[str, list[Path]] = {}
    for path in files:
        folders.setdefault(os.path.realpath(path.parent), []).append(path)
    return {paths[-1]: paths for paths in folders.values()}


def _aside(path: Path) -> None:
    if os.path.lexists(path):
        os.replace(path, _beside(path, _OLD))


def _beside(path: Path, ending: str) -> Path:
    name = path.name
    if len(encoded := os.fsencode(name)) > LONGEST:
        name = f"{name[:NAME]}-{hashlib.sha256(encoded).hexdigest()[:16]}"
    return path.with_name(f".{name}{ending}")


def _read_journal(journal: Path, main: Path) -> dict[Path, Path | None]:
    try:
        names = json.loads(journal.read_bytes())
        files: dict[Path, Path | None] = {}
        for name, new in names.items():
            for one in filter(None, (name, new)):
                if Path(one).name != one:  # nothing outside of the folder
                    raise ValueError
            files[main.with_name(name)] = None if new is None else main.with_name(new)
        if [*files][-1] != main or files[main] is None:
            raise ValueError
    except (ValueError, AttributeError, TypeError, IndexError, RecursionError):
        raise ValueError(f"{printable(journal)} is damaged; remove it, and write the files anew") from None
    return files


def _clean(folder: Path, journal: Path, files: Iterable[Path]) -> None:
    journal.unlink(missing_ok=True)
    _flush(folder)
    for path in files:
        _beside(path, _OLD).unlink(missing_ok=True)


def _sweep(files: Iterable[Path]) -> None:
    """Remove what an interrupted writing of these files left; there is no journal any more that names it."""
    for path in files:
        _beside(path, _OLD).unlink(missing_ok=True)


@contextmanager
def _locked(files: Iterable[Path]) -> Iterator[None]:
    """Let one process at a time change sets of files in a folder; others wait."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with ExitStack() as opened:
        for folder in sorted(
            {os.path.realpath(path.parent) for path in files}
        ):  # in one order: no two wait in a circle
            handle = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _flush(folder: Path) -> None:
    """Write the names in a folder to disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES):
            raise
    finally:
        os.close(handle)
