"""What is drawn of the eigenvectors' mass by group: a table of shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import eigenvalue_name
from landscape.results import Floats, Localization

BASELINES = {"coordinates": ("random", "vector"), "interactions": ("inter-", "actions")}  # headings, in two lines
GAP = 0.35  # between the vectors and the baselines, in columns
LIGHT = 0.43  # of the colour scale: from here on black is read more easily on it than white, either at 4.5:1 or better
ELSEWHERE = "everything else"
WORTH_A_ROW = 1e-3  # of a vector's mass


@dataclass(frozen=True)
class Table:
    """Shares, groups from top to bottom, vectors and then baselines from left to right."""

    by: str
    rows: tuple[str, ...]  # (R,) groups; any text
    columns: tuple[str, ...]  # (C,) the vectors' eigenvalues, then the baselines
    headings: tuple[tuple[str, str], ...]  # (C,) the same in two lines, with the vectors' errors
    values: Floats  # (R, C) NaN where unknown
    errors: Floats  # (C,) of each column; NaN for baselines
    vectors: int  # how many columns are vectors

    @property
    def places(self) -> Floats:
        """(C,) where the columns stand; the baselines a little apart."""
        columns = np.arange(len(self.columns))
        return columns + GAP * (columns >= self.vectors) * (self.vectors > 0)

    @property
    def parts(self) -> dict[str, slice]:
        """The columns of the eigenvectors and those of the baselines, as far as there are any."""
        parts = {"eigenvectors": slice(0, self.vectors), "baselines": slice(self.vectors, len(self.columns))}
        return {name: part for name, part in parts.items() if part.start < part.stop}

    @property
    def label(self) -> str:
        """What the cells hold."""
        return f"mass by {self.by} (%)"

    @property
    def high(self) -> float:
        """The top of the colour scale."""
        return float(np.nanmax(self.values, initial=0.0)) or 1.0


def table(shares: Localization) -> Table:
    """The shares with their baselines, and a row for what lies in none of the groups where that is worth it."""
    baselines = {name: values for name, values in shares.baselines.items() if len(values) == len(shares.groups)}
    vectors = len(shares.values)
    values = np.vstack([shares.values, *baselines.values()]).T if baselines else shares.values.T  # (G, C)
    rest = 1 - values.sum(0)
    rows = shares.groups
    if (rest > WORTH_A_ROW).any():
        rows, values = (*rows, ELSEWHERE), np.vstack([values, np.maximum(rest, 0)])
    names = [eigenvalue_name(rank) for rank in range(1, vectors + 1)]
    beside = [BASELINES.get(name, (name, "")) for name in baselines]
    offs = [f"±{cell(error) if math.isfinite(error) else '?'}" for error in shares.errors.tolist()]
    return Table(
        by=shares.by,
        rows=tuple(rows),
        columns=(*names, *(" ".join(heading).strip().replace("- ", "") for heading in beside)),
        headings=(*zip(names, offs, strict=True), *beside),
        values=values,
        errors=np.concatenate([shares.errors, np.full(len(baselines), np.nan)]),
        vectors=vectors,
    )


def ink(fraction: float) -> str:
    """The colour of text on the colour scale's colour at 0 to 1."""
    return "#000000" if fraction > LIGHT else "#ffffff"


def cell(share: float) -> str:
    """A share in per cent, short enough for a cell."""
    if not math.isfinite(share):
        return "–"
    per_cent = 100 * share
    return f"{per_cent:.0f}" if per_cent >= 9.95 or per_cent == 0 else f"{per_cent:.1f}" if per_cent >= 0.05 else "<0.1"
