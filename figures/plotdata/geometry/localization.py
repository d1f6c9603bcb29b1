"""Shares of eigenvectors by group: a table for one model, and one for several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import eigenvalue_name
from landscape.results import Curvature, Floats, Localization
from landscape.results.display.display_names import display_name

BASELINES = {"coordinates": ("random", "vector"), "interactions": ("inter-", "actions")}  # headings, in two lines
GAP = 0.35  # between the vectors and the baselines, in columns
LIGHT = 0.43  # of the colour scale: from here on black text has the better contrast; on both sides it is at least 4.5:1
ELSEWHERE = "everything else"
WORTH_A_ROW = 1e-3  # of a vector: a smaller rest gets no row
CLOSE = 5e-3  # baselines that differ by less are the same


@dataclass(frozen=True)
class LocalizationTable:
    """Shares: groups from top to bottom, vectors and then baselines from left to right."""

    by: str
    rows: tuple[str, ...]  # (R,) groups; any text
    columns: tuple[str, ...]  # (C,) the vectors' eigenvalues, then the baselines
    headings: tuple[tuple[str, str], ...]  # (C,) the same in two lines, with the vectors' errors
    values: Floats  # (R, C) NaN if unknown
    errors: Floats  # (C,) of each column; NaN for baselines
    vectors: int  # how many columns are vectors

    @property
    def places(self) -> Floats:
        """(C,) horizontal places of the columns; there is a gap before the baselines."""
        columns = np.arange(len(self.columns))
        return columns + GAP * (columns >= self.vectors) * (self.vectors > 0)

    @property
    def parts(self) -> dict[str, slice]:
        """The columns of the eigenvectors and those of the baselines, if there are any."""
        parts = {"eigenvectors": slice(0, self.vectors), "baselines": slice(self.vectors, len(self.columns))}
        return {name: part for name, part in parts.items() if part.start < part.stop}

    @property
    def label(self) -> str:
        """The title of the table."""
        return f"share by {self.by} (%)"

    @property
    def high(self) -> float:
        """The top of the colour scale."""
        return float(np.nanmax(self.values, initial=0.0)) or 1.0


def localization_table(localization: Localization) -> LocalizationTable:
    """Return the shares with their baselines, and a row for the coordinates outside of all groups if it matters."""
    groups = localization.groups
    baselines = {name: values for name, values in localization.baselines.items() if len(values) == len(groups)}
    vectors = len(localization.values)
    values = np.vstack([localization.values, *baselines.values()]).T if baselines else localization.values.T  # (G, C)
    rest = 1 - values.sum(0)
    if (rest > WORTH_A_ROW).any():
        groups, values = (*groups, ELSEWHERE), np.vstack([values, np.maximum(rest, 0)])
    names = [eigenvalue_name(rank) for rank in range(1, vectors + 1)]
    errors = [f"±{cell(error) if math.isfinite(error) else '?'}" for error in localization.errors.tolist()]
    return LocalizationTable(
        by=localization.by,
        rows=tuple(groups),
        columns=(*names, *map(display_name, baselines)),
        headings=(*zip(names, errors, strict=True), *(BASELINES.get(name, (name, "")) for name in baselines)),
        values=values,
        errors=np.concatenate([localization.errors, np.full(len(baselines), np.nan)]),
        vectors=vectors,
    )


def ink(fraction: float) -> str:
    """Return the colour of text on the colour scale's colour at 0 to 1."""
    return "#000000" if fraction > LIGHT else "#ffffff"


def cell(share: float) -> str:
    """Format a share in per cent, short enough for a cell.

    >>> cell(0.996), cell(0.0123), cell(0.0004), cell(0.0), cell(math.nan)
    ('100', '1.2', '<0.1', '0', '–')
    """
    if not math.isfinite(share):
        return "–"
    per_cent = 100 * share
    return f"{per_cent:.0f}" if per_cent >= 9.95 or per_cent == 0 else f"{per_cent:.1f}" if per_cent >= 0.05 else "<0.1"


@dataclass(frozen=True)
class FirstEigenvectors:
    """Shares of the first eigenvectors of several models, one column a model."""

    by: str
    groups: tuple[str, ...]  # (G,) any text
    models: tuple[int, ...]  # (M,) which of the models have a column
    values: Floats  # (G, M) shares; NaN if a model has no such group
    errors: Floats  # (M,) by how much each share of a column may be off
    baselines: Mapping[str, Floats]  # name -> (G,), if all models have the same

    @property
    def high(self) -> float:
        """The top of the colour scale."""
        return float(np.nanmax(np.concatenate([self.values.ravel(), *self.baselines.values()]), initial=0.0)) or 1.0


def first_eigenvectors(curvatures: Sequence[Curvature | None]) -> list[FirstEigenvectors]:
    """Return the shares of the first eigenvectors for each grouping (by block, by popularity) of any curvature."""
    groupings: dict[str, dict[int, Localization]] = {}
    for index, curvature in enumerate(curvatures):
        for localization in curvature.localization if curvature is not None else ():
            if len(localization.values):
                groupings.setdefault(localization.by, {})[index] = localization
    return [_first_eigenvectors(by, models) for by, models in groupings.items()]


def _first_eigenvectors(by: str, models: Mapping[int, Localization]) -> FirstEigenvectors:
    groups = tuple(dict.fromkeys(group for localization in models.values() for group in localization.groups))
    values = np.full((len(groups), len(models)), np.nan)
    for column, localization in enumerate(models.values()):
        values[[groups.index(group) for group in localization.groups], column] = localization.values[0]
    first, *others = models.values()
    baselines = {
        name: baseline
        for name, baseline in first.baselines.items()
        if first.groups == groups
        and len(baseline) == len(groups)
        and all(
            other.groups == groups and np.allclose(other.baselines.get(name, np.nan), baseline, atol=CLOSE)
            for other in others
        )
    }
    errors = np.array([localization.errors[0] for localization in models.values()])
    return FirstEigenvectors(by, groups, tuple(models), values, errors, baselines)
