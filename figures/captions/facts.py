"""One number with what a reader must know about it, and words that several results share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import number
from landscape.results import QuadraticRadius


@dataclass(frozen=True)
class Fact:
    """A number with a note on how it is known."""

    label: str
    value: str
    note: str


def quadratic_fact(quadratic: QuadraticRadius, *, plane: str) -> Fact:
    """Describe how far the quadratic model of the loss reaches in a plane."""
    label = "Quadratic model holds to"
    departs = f"where the loss is off by {quadratic.share:.0%} of the model's rise, {plane}"
    finite = quadratic.distances[np.isfinite(quadratic.radii)]
    if len(finite):
        return Fact(label, f"distance {number(float(finite.min()), 3)}", departs)
    if math.isnan(quadratic.smallest):
        return Fact(label, "unknown", "no ray has a radius")
    return Fact(label, f"at least r = {number(float(quadratic.extents.min()), 3)}", f"the largest r tried, {plane}")


def counted(count: int, noun: str) -> str:
    """Return a number of things: 1 point, 2 points."""
    return f"{number(count)} {plural(count, noun)}"


def plural(count: int, noun: str) -> str:
    """Return the noun for a number of things."""
    return noun if count == 1 else f"{noun}s"
