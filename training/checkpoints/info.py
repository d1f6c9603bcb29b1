"""What is in a file, whichever kind it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landscape.results.storage import curvature_values, load_curvature, load_surface, surface_values
from landscape.training.checkpoints.checkpoint import describe, load_checkpoint


def describe_file(path: str | Path) -> dict[str, Any]:
    """What is in a checkpoint or a result file, but for weights and arrays; errors as their readers raise them."""
    suffix = Path(path).suffix
    if suffix == ".npz":
        return surface_values(load_surface(path))
    if suffix == ".json":
        return curvature_values(load_curvature(path))
    return describe(load_checkpoint(path))
