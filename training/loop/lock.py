"""Locks that one process at a time holds, and which tell the others who that is.

The system releases a lock when its process ends, however that happens. A file system that several machines share may
not notice that one of them has failed: then the user has to say so, by deleting the lock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from landscape.owner import host, is_dead
from landscape.results.display.printable import printable
from landscape.results.storage.files import write_text
from landscape.results.storage.regular import check_regular

LONGEST = 300  # characters of what is read about a holder


class HeldError(ValueError):
    """Another process holds a lock; the text names it, as far as it is known."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock."""

    lock: Path
    process: int
    machine: str
    owner: str  # ``landscape.owner.host()`` of the machine
    since: str

    def __str__(self) -> str:
        where = "" if self.owner == host() else f" on {self.machine}; if that has failed, delete {self.lock}"
        return f"process {self.process}, since {self.since}{where}"


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold a lock for the time of a block.

    Raises:
        HeldError: Another process holds it.
        OSError: It cannot be made.
    """
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise HeldError(str(holder(lock) or "another process")) from None
    try:
        with suppress(OSError):  # nothing but a text for others is missing then
            write_text(
                _told(lock), f"{os.getpid()} {host()} {datetime.now(UTC):%Y-%m-%dT%H:%MZ} {socket.gethostname()}"
            )
        yield
    finally:
        with suppress(OSError):
            _told(lock).unlink(missing_ok=True)
        held.release()


def holder(lock: Path) -> Holder | None:
    """Return the process that holds a lock; None where there is none, or none is known."""
    try:
        check_regular(_told(lock))
        process, owner, since, machine = _told(lock).read_text(encoding="utf-8")[:LONGEST].split(maxsplit=3)
        found = Holder(lock, int(process), printable(machine), owner, printable(since))
    except (OSError, ValueError):
        return None
    return None if is_dead(found.owner, found.process) else found


def _told(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}-owner")
