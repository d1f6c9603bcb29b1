"""The barriers between several models, as a table with colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import give_or_take, number, shortened
from landscape.results import Floats
from landscape.results.curve import BarrierMatrix

TITLE = "barrier on the straight path"
NAME = 24  # characters of a name beside the table


@dataclass(frozen=True)
class BarrierTable:
    """Rows and columns are models; the diagonal is empty."""

    names: tuple[str, ...]  # (M,) any text, shortened
    values: Floats  # (M, M) NaN on the diagonal
    texts: list[list[str]]  # (M, M)
    hovers: list[list[list[str]]]  # (M, M) lines
    high: float  # of the colour scale, from 0


def barrier_table(matrix: BarrierMatrix) -> BarrierTable:
    """Return the heights with their errors."""
    count = len(matrix.names)
    values = np.where(np.eye(count, dtype=bool), np.nan, matrix.heights)

    def hover(i: int, j: int) -> list[str]:
        if i == j:
            return [matrix.names[i], f"loss {number(float(matrix.losses[i]))}"]
        barrier = give_or_take(float(matrix.heights[i, j]), float(matrix.stderr[i, j]) or math.nan, 3)
        return [
            f"{matrix.names[i]} to {matrix.names[j]}",
            f"barrier {barrier} at t = {number(float(matrix.at[i, j]), 2)}",
            f"distance {number(float(matrix.distances[i, j]), 3)}",
        ]

    places = range(count)
    return BarrierTable(
        names=tuple(shortened(name, NAME) for name in matrix.names),
        values=values,
        texts=[["" if i == j else number(float(matrix.heights[i, j]), 3) for j in places] for i in places],
        hovers=[[hover(i, j) for j in places] for i in places],
        high=float(np.nanmax(values, initial=0.0)) or 1.0,
    )
