"""A number that matters, and words that several results share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from landscape.figures.style import number
from landscape.results import QuadraticRadius


@dataclass(frozen=True)
class Fact:
    """One number that matters, with what one must know to read it."""

    label: str
    value: str
    note: str


def quadratic_fact(quadratic: QuadraticRadius, *, plane: str) -> Fact:
    """How far the quadratic model of the loss reaches in a plane."""
    label = "Quadratic model holds to"
    off = f"where the loss is off by {quadratic.share:.0%} of the model's rise, {plane}"
    finite = quadratic.distances[_finite(quadratic)]
    if len(finite):
        return Fact(label, f"distance {number(float(finite.min()), 3)}", off)
    if math.isnan(quadratic.smallest):
        return Fact(label, "unknown", "no ray has a radius")
    return Fact(label, f"r = {number(float(quadratic.extents.min()), 3)} at least", f"as far as was tried, {plane}")


def _finite(quadratic: QuadraticRadius):
    return [math.isfinite(radius) for radius in quadratic.radii.tolist()]


def counted(count: int, noun: str) -> str:
    """A number of things: 1 point, 2 points."""
    return f"{number(count)} {plural(count, noun)}"


def plural(count: int, noun: str) -> str:
    """The noun for so many things."""
    return noun if count == 1 else f"{noun}s"
