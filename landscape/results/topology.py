"""The minima of a surface, the saddles at which their basins meet, and which of them an error cannot undo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.frames import Tabular
from landscape.results.display.tables import Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Integers

ROWS = 10  # of the table
NONE = -1  # the parent of a minimum whose basin meets no lower one


@dataclass(frozen=True)
class Topology(TableDisplay, Tabular):
    """The merge tree of a surface: minima from the most persistent down, each with the saddle to a lower one.

    The persistence of a minimum is the height of that saddle above it. If the values are off by at most ε, those with
    a persistence above 2ε are there in the true function as well (Cohen-Steiner, Edelsbrunner and Harer 2007, stability
    of persistence diagrams); the others may come from the error.
    """

    points: Floats  # (M, 2) (α, β) of the minima
    heights: Floats  # (M,)
    saddles: Floats  # (M, 2) (α, β) at which the basin meets that of a lower minimum; NaN where it meets none
    saddle_heights: Floats  # (M,) NaN likewise
    parents: Integers  # (M,) which minimum that is; -1 where it meets none
    at_edge: NDArray[np.bool_]  # (M,) whether the minimum is at the edge of the grid, beyond which it may go on falling
    error: float  # ε, of the values; NaN where unknown

    @property
    def persistence(self) -> Floats:
        """(M,) heights of the saddles above the minima; infinite where the basin meets no lower one."""
        return np.where(np.isnan(self.saddle_heights), np.inf, self.saddle_heights - self.heights)

    @property
    def certain(self) -> NDArray[np.bool_]:
        """(M,) which minima an error of ε cannot undo."""
        result: NDArray[np.bool_] = self.persistence > 2 * self.error  # False for NaN
        return result

    def tables(self) -> list[Table]:
        """Return a row for each of the most persistent minima."""
        columns = self.columns()
        rows: list[Row] = [
            (
                place + 1,
                *(columns[name][place].item() for name in ("height", "alpha", "beta", "persistence", "certain")),
            )
            for place in range(min(len(self.heights), ROWS))
        ]
        return [Table("Minima", ("", "loss", "α", "β", "persistence", "certain"), rows)]

    def columns(self) -> dict[str, Any]:
        """Return a row for each minimum; ``merges_into`` counts them from 1, and is 0 where there is none."""
        return {
            "alpha": self.points[:, 0],
            "beta": self.points[:, 1],
            "height": self.heights,
            "persistence": self.persistence,
            "saddle_alpha": self.saddles[:, 0],
            "saddle_beta": self.saddles[:, 1],
            "saddle_height": self.saddle_heights,
            "merges_into": np.where(self.parents == NONE, 0, self.parents + 1),
            "at_edge": self.at_edge,
            "certain": self.certain,
        }

    def __repr__(self) -> str:
        sure = int(self.certain.sum())
        known = f"{sure} certain" if not math.isnan(self.error) else "error unknown"
        return f"Topology({len(self.heights)} {'minimum' if len(self.heights) == 1 else 'minima'}, {known})"


def topology(alphas: Floats, betas: Floats, values: Floats, error: float = 0.0) -> Topology:
    """Compute the merge tree of values on a grid, whose points are joined along rows and columns.

    Points are added from the lowest up. One that touches no earlier point is a minimum; one that touches several basins
    is the saddle at which all but the lowest end (the 0-dimensional persistence of the lower-star filtration, as of a
    cubical complex). What is between the points of the grid is not seen.

    Args:
        alphas: (A,) coordinates.
        betas: (B,).
        values: (B, A); what is not finite is a hole.
        error: By how much the values may be off; NaN where unknown.

    Example:
        >>> found = topology(np.arange(5.0), np.zeros(1), np.array([[3.0, 1.0, 2.0, 0.0, 4.0]]))
        >>> found.heights, found.persistence, found.saddles[1]
        (array([0., 1.]), array([inf,  1.]), array([2., 0.]))
    """
    flat = values.ravel()
    order = np.flatnonzero(np.isfinite(flat))
    order = order[np.argsort(flat[order], kind="stable")]
    rows, columns = values.shape
    basin = [NONE] * len(flat)  # by point: a point nearer to the basin's minimum, or the minimum itself
    ends: dict[int, tuple[int, int]] = {}  # by minimum: the saddle where its basin ends, and a lower minimum

    def lowest(point: int) -> int:
        while basin[point] != point:
            basin[point] = basin[basin[point]]
            point = basin[point]
        return point

    rank = {point: place for place, point in enumerate(order.tolist())}
    for point in order.tolist():
        row, column = divmod(point, columns)
        beside = [point - columns] * (row > 0) + [point + columns] * (row < rows - 1)
        beside += [point - 1] * (column > 0) + [point + 1] * (column < columns - 1)
        basins = sorted({lowest(other) for other in beside if basin[other] != NONE}, key=rank.__getitem__)
        basin[point] = basins[0] if basins else point
        for other in basins[1:]:
            basin[other] = basins[0]
            ends[other] = point, basins[0]
    minima = [point for point in order.tolist() if basin[point] == point or point in ends]
    return _tree(alphas, betas, flat, minima, ends, error)


def _tree(
    alphas: Floats, betas: Floats, flat: Floats, minima: list[int], ends: dict[int, tuple[int, int]], error: float
) -> Topology:
    """The merge tree without minima of no persistence, which are parts of a flat place."""
    persistence = {point: float(flat[ends[point][0]] - flat[point]) if point in ends else math.inf for point in minima}
    kept = sorted((point for point in minima if persistence[point] > 0), key=lambda point: -persistence[point])
    places = {point: place for place, point in enumerate(kept)}

    def parent(point: int) -> int:
        while point in ends:
            point = ends[point][1]
            if point in places:
                return places[point]
        return NONE

    columns, grid = len(alphas), np.array(kept, dtype=np.int64)
    saddles = np.array([ends[point][0] if point in ends else NONE for point in kept], dtype=np.int64)
    meets = saddles != NONE

    def at(points: Integers) -> Floats:
        return np.stack([alphas[points % columns], betas[points // columns]], 1)

    row, column = grid // columns, grid % columns
    edge = [
        (place == 0) | (place == length - 1) for place, length in ((row, len(betas)), (column, columns)) if length > 1
    ]
    return Topology(
        points=at(grid),
        heights=flat[grid],
        saddles=np.where(meets[:, None], at(saddles), np.nan),
        saddle_heights=np.where(meets, flat[saddles], np.nan),
        parents=np.array([parent(point) for point in kept], dtype=np.int64),
        at_edge=np.any(edge, axis=0) if edge else np.zeros(len(kept), bool),
        error=error,
    )
