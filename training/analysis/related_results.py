"""What lies beside a result: the history of the model's training, and results of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landscape.results import Curvature, Surface
from landscape.results.kinds import CURVATURE
from landscape.training.loop.history import read_history
from landscape.training.loop.run_folder import RunFolder

SAME = ("checkpoint", "data", "objective")  # in the metadata of results that belong together
SECTIONS = ("spectrum", "trace", "sharpness", "blocks", "checks")


def history_of(run: Path) -> list[dict[str, Any]]:
    """Return a run's history, numbers as numbers; an empty list if it has none. Errors as of ``read_history``."""
    return read_history(RunFolder(run).history)


def curvature_beside(surface: Surface, path: Path) -> Curvature | None:
    """Return the curvature of the same checkpoint and loss from the folder that a surface is in; None if there is none.

    Of several, one of the Hessian is preferred, then the one with the most sections, then the newest.
    """
    candidates = []
    files = path.parent.glob(f"*{CURVATURE.suffix}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            curvature = CURVATURE.load(file)
        except (ValueError, OSError):  # another JSON file
            continue
        if all(surface.metadata.get(key) and surface.metadata[key] == curvature.metadata.get(key) for key in SAME):
            candidates.append(curvature)
    return max(candidates, key=_completeness, default=None)


def surface_and_curvature(result: Surface | Curvature, path: Path) -> tuple[Surface | None, Curvature | None]:
    """Return a result from ``path`` with the related one of the other kind, in the order surface, curvature."""
    if isinstance(result, Surface):
        return result, curvature_beside(result, path)
    return None, result


def _completeness(curvature: Curvature) -> tuple[bool, int]:
    return curvature.operator == "hessian", sum(getattr(curvature, name) is not None for name in SECTIONS)
