"""Which process something temporary belongs to, and whether that process still lives."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import tempfile
from functools import cache
from pathlib import Path

FOLDER = re.compile(r"landscape-([0-9a-f]{8})-([0-9]{1,10})-\w{8}")


@cache
def host() -> str:
    """Return eight hexadecimal digits for this machine; a container with process numbers of its own is another one."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        numbers = ""
    return hashlib.sha256(f"{socket.gethostname()}/{numbers}".encode()).hexdigest()[:8]


def is_dead(owner: str, process: int) -> bool:
    """Return whether a process, by its number, is one of this machine that has ended.

    Args:
        owner: The ``host()`` of its machine.
        process: Its number there.

    Returns:
        False where that cannot be known: on another machine, or on Windows.
    """
    if owner != host() or os.name == "nt":  # there, signal 0 ends a process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # another user's process lives; a number too large is none of ours
        return False
    return False


def owned_folder(parent: str | Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """Return a new folder that is removed when the process ends, and remove those of processes that were killed.

    Args:
        parent: Where to make it; the system's folder for temporary files by default.

    Raises:
        OSError: It cannot be made.
    """
    parent = Path(tempfile.gettempdir() if parent is None else parent)
    for name in os.listdir(parent):
        owned = FOLDER.fullmatch(name)
        if owned and is_dead(owned[1], int(owned[2])):
            shutil.rmtree(parent / name, ignore_errors=True)  # somebody else's, in a folder for all
    return tempfile.TemporaryDirectory(prefix=f"landscape-{host()}-{os.getpid()}-", dir=parent)
