"""What lies beside a result: the history of the model's training, and results of another kind."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from landscape.results import Curvature, Surface
from landscape.results.storage import load_curvature

SAME = ("checkpoint", "data", "objective")  # in the metadata of results that belong together
SECTIONS = ("spectrum", "trace", "sharpness", "blocks", "checks")


def history_of(run: Path) -> list[dict[str, Any]]:
    """A run's history, numbers as numbers; empty where there is none."""
    path = run / "history.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: _number(value) for name, value in row.items()} for row in csv.DictReader(file)]


def curvature_beside(surface: Surface, path: Path) -> Curvature | None:
    """The curvature of the same checkpoint and loss from the folder that a surface is in; None where there is none.

    Of several it is one of the Hessian if any is, the one with most in it, and of those the newest.
    """
    found = []
    for each in sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            curvature = load_curvature(each)
        except (ValueError, OSError):  # something else, which nobody asked for
            continue
        if all(surface.metadata.get(key) and surface.metadata[key] == curvature.metadata.get(key) for key in SAME):
            found.append(curvature)
    return max(found, key=_fullness, default=None)


def _fullness(curvature: Curvature) -> tuple[bool, int]:
    return curvature.operator == "hessian", sum(getattr(curvature, name) is not None for name in SECTIONS)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
