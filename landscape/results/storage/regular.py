"""Only regular files are read: reading a device may never end, and opening a pipe waits for whoever writes to it."""

from __future__ import annotations

import stat
from pathlib import Path

from landscape.results.display.printable import printable


def check_regular(path: str | Path, remedy: str = "name the files in it") -> None:
    """Refuse what is not a regular file, before it is opened.

    Args:
        path: A file, or a link to one.
        remedy: What to do with a folder.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: The system refuses the path, because it is too long or because a folder in it may not be read.
        ValueError: It is a folder, a pipe or a device.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise ValueError(f"{printable(path)} is a folder; {remedy}")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{printable(path)} is a pipe or a device, not a regular file; save its content to a file")
