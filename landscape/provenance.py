"""Where a result comes from: versions and command, as plain values."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from landscape.version import __version__

PACKAGES = ("torch", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Versions of this toolkit, of Python and of the libraries that the numbers depend on."""
    found = {"landscape": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def command() -> str:
    """The command line of this process, for people to repeat."""
    program, *arguments = sys.argv
    return " ".join([Path(program).name, *arguments])


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
