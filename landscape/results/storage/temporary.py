"""Temporary files: each is named after the process that writes it, so that those of dead processes are removed."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from landscape.owner import host, is_dead

NAME = 40  # characters of a file's name that its temporary file's name has, too
ENDING, JOURNAL = ".part", ".journal"
OWNED = re.compile(r"\..*\.([0-9a-f]{8})-([0-9]{1,10})\.[a-z0-9_]{8}" + re.escape(ENDING), re.DOTALL)


def create_temporary(path: Path) -> tuple[int, Path]:
    """Make a temporary file beside ``path``, and remove those of dead processes from its folder.

    Returns:
        The open file, as a number, and its path: ``.NAME.HOST-PROCESS.RANDOM.part``.

    Raises:
        OSError: The file cannot be made.
    """
    remove_dead(path.parent)
    # A name may be as long as the file system allows: only its beginning leaves room for what is added here.
    prefix = f".{path.name[:NAME]}.{host()}-{os.getpid()}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=ENDING, dir=path.parent)
    return handle, Path(name)


def remove_dead(folder: Path) -> None:
    """Remove the temporary files of processes of this host that have ended, unless a journal names them."""
    try:
        names = os.listdir(folder)
    except OSError:  # it may be written to and not listed
        return
    dead = [name for name in names if (owner := OWNED.fullmatch(name)) and is_dead(owner[1], int(owner[2]))]
    if not dead:
        return
    journals = ""
    for name in names:
        if name.startswith(".") and name.endswith(JOURNAL):
            try:
                journals += (folder / name).read_text(errors="replace")
            except FileNotFoundError:  # finished since; its files are in their places
                continue
            except OSError:  # what it names is not known
                return
    for name in dead:
        if json.dumps(name) not in journals:
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError:  # somebody else's, in a folder for all
                continue
