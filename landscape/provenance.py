"""Where a result comes from: versions, command, device and time, as plain values."""

from __future__ import annotations

import hashlib
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from landscape.version import __version__

PACKAGES = ("torch", "numpy", "scipy")


class _Space(Protocol):
    """The sizes of a parameter space."""

    @property
    def total(self) -> int: ...
    @property
    def active(self) -> int: ...


class _Objective(Protocol):
    """What a result is computed from: an ``Objective``, which this module may not import."""

    @property
    def space(self) -> _Space: ...
    @property
    def device(self) -> Any: ...


def run_metadata(objective: _Objective, started: float) -> dict[str, Any]:
    """Return what is stored with every result: the size of the problem, the device, torch's version, the seconds.

    Args:
        objective: What the result was computed from.
        started: ``time.monotonic()`` at the start.
    """
    import torch  # here, so that results are read without it

    return {
        "parameters": objective.space.total,
        "parameters_taking_part": objective.space.active,
        "device": str(objective.device),
        "torch": torch.__version__,
        "seconds": time.monotonic() - started,
    }


def process_metadata() -> dict[str, Any]:
    """Return what is stored with every result of a command: the command, the versions of libraries, the threads."""
    import torch

    return {"command": command(), "versions": versions(), "threads": torch.get_num_threads()}


def versions() -> dict[str, str]:
    """Return the versions of this toolkit, of Python and of the libraries that the numbers depend on."""
    result = {"landscape": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            result[package] = version(package)
        except PackageNotFoundError:
            continue
    return result


def command() -> str:
    """Return the command line of this process, to repeat it."""
    program, *arguments = sys.argv
    return " ".join([Path(program).name, *arguments])


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
