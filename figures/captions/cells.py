"""A number of a model as a cell of a table: what there is to sort by, and the text with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from landscape.figures.entries import ModelEntry
from landscape.figures.style import give_or_take
from landscape.results import Curvature, Surface

MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """A number of a model."""

    value: float = math.nan  # to sort by
    text: str = MISSING  # with its uncertainty


CellOf = Callable[[ModelEntry], Cell]


def cell(value: float, error: float = math.nan) -> Cell:
    """Return a number with its error, which is left out if it is zero or unknown; NaN is missing."""
    return Cell(value, give_or_take(value, error)) if not math.isnan(value) else Cell()


def of_curvature(function: Callable[[Curvature], Cell]) -> CellOf:
    """Return a function of a model from one of its curvature; without a curvature the cell is missing."""
    return lambda model: Cell() if model.curvature is None else function(model.curvature)


def of_surface(function: Callable[[Surface], Cell]) -> CellOf:
    """Return a function of a model from one of its surface; without a surface the cell is missing."""
    return lambda model: Cell() if model.surface is None else function(model.surface)
