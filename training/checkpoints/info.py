"""What is in a file, whichever kind it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landscape.results.kinds import file_kind
from landscape.training.checkpoints.checkpoint import describe, load_checkpoint


def describe_file(path: str | Path) -> dict[str, Any]:
    """Return what a checkpoint or a result file holds, without weights and arrays.

    Raises:
        ValueError: The file is damaged, or neither a checkpoint nor a result.
        OSError: It cannot be read.
    """
    kind = file_kind(path)
    return describe(load_checkpoint(path)) if kind is None else kind.values(kind.load(path))
