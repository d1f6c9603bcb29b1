"""Sets of files that belong together: replaced in one step, so that no reader finds a mixture of old and new.

The last file of a set is its main one, which readers open first. New files are written beside the old ones and
flushed; a journal then names them, which is the point of no return; old files move aside, the main one first; new files
take their places, the main one last. An error before or during that restores the old set. A process that is killed
leaves the old set, the new one, or no main file and the journal, with which ``finish_interrupted`` completes the new
set; the next ``write_together`` of the set does so, too.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from landscape.results.files import FULL, NAME, check_writable
from landscape.results.printable import printable

Write = Callable[[IO[bytes]], object]

_NEW, _OLD, _JOURNAL = ".new", ".old", ".journal"


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
    folder = main.parent
    if any(path.parent != folder for path in files) or files[main] is None:
        raise ValueError("a set of files lies in one folder, and its main file is written")
    for path in files:
        check_writable(path)
    with _locked(folder):
        _finish(main)
        if not replace:
            refuse_existing(files, "it is not replaced")
        _sweep(files)
        _write_set(files, main)


def finish_interrupted(main: str | Path) -> bool:
    """Complete the set of files whose writing was interrupted after its journal was complete; True if there was one.

    Raises:
        ValueError: There is a journal, but it is damaged or files that it names are missing.
        OSError: The folder cannot be written to.
    """
    main = Path(main)
    if not _beside(main, _JOURNAL).is_file():
        return False
    with _locked(main.parent):
        return _finish(main)


def _finish(main: Path) -> bool:
    journal = _beside(main, _JOURNAL)
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


def refuse_existing(outputs: Iterable[Path], remedy: str) -> None:
    """Refuse to replace a file that is there.

    Raises:
        FileExistsError: One of ``outputs`` exists, be it a link that leads nowhere; ``remedy`` ends the message.
    """
    for path in outputs:
        if os.path.lexists(path):
            raise FileExistsError(f"{printable(path)} exists; {remedy}")


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[str | Path]) -> None:
    """Refuse outputs that are one of the inputs, under whatever name.

    Raises:
        ValueError: One of ``outputs`` and one of ``inputs`` are the same file.
    """
    identities = {}
    for path in map(Path, inputs):
        status = path.stat()
        identities[status.st_dev, status.st_ino] = path
    for path in outputs:
        try:
            status = path.stat()
        except OSError:  # it does not exist
            continue
        if same := identities.get((status.st_dev, status.st_ino)):
            raise ValueError(
                f"{printable(path)} would replace the input {printable(same)}; choose another name or folder"
            )


def _write_set(files: Mapping[Path, Write | None], main: Path) -> None:
    beside: dict[Path, Path | None] = {}
    journal = _beside(main, _JOURNAL)
    try:
        for path, write in files.items():
            beside[path] = None if write is None else _write_beside(path, write)
        names = {path.name: new.name if new else None for path, new in beside.items()}
        os.replace(_write_beside(main, lambda file: file.write(json.dumps(names).encode())), journal)
        _flush(main.parent)
        _exchange(beside, main)
    except BaseException:
        for left in (journal, *filter(None, beside.values())):
            left.unlink(missing_ok=True)
        raise
    _clean(main.parent, journal, files)


def _exchange(beside: Mapping[Path, Path | None], main: Path) -> None:
    """Put new files in the places of old ones; an error restores the old ones."""
    try:
        for path in (main, *(path for path in beside if path != main)):
            _aside(path)
        for path, new in beside.items():
            if new is not None:
                os.replace(new, path)
        _flush(main.parent)
    except BaseException:
        for path, new in beside.items():
            if new is not None and not os.path.lexists(new):  # it is in its place
                os.replace(path, new)
        for path in beside:  # the main file last
            if os.path.lexists(old := _beside(path, _OLD)):
                os.replace(old, path)
        raise


def _aside(path: Path) -> None:
    if os.path.lexists(path):
        os.replace(path, _beside(path, _OLD))


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}{ending}")


def _write_beside(path: Path, write: Write) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:NAME]}.", suffix=_NEW, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # mkstemp makes private files
    except BaseException as problem:
        Path(name).unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno in FULL and problem.filename is None:
            problem.filename = str(path)
        raise
    return Path(name)


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
        prefix = f".{path.name[:NAME]}."
        for left in path.parent.iterdir():
            middle = left.name.removeprefix(prefix).removesuffix(_NEW)
            if left.name == f"{prefix}{middle}{_NEW}" and len(middle) == 8:  # as mkstemp names it
                left.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change sets of files in a folder; others wait."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


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
