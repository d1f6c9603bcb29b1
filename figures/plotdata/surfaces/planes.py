"""The geometry of a plane: names of its axes, a ball around the centre, and the quadratic model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.plotdata.scales import Heights
from landscape.figures.style import GREEK_ALPHA, GREEK_BETA, GREEK_LAMBDA, number, percent, shortened
from landscape.results import Floats, QuadraticRadius, Surface

AROUND = 181  # points of a closed curve


@dataclass(frozen=True)
class Coordinate:
    """One axis of a plane."""

    symbol: str
    label: str  # with what it runs along; any text


def coordinates(surface: Surface, *, longest: int = 20) -> tuple[Coordinate, Coordinate]:
    """Return the axes by the kind of plane in the metadata: α and β, or t and β for a path between two points.

    Names of models beyond ``longest`` characters are shortened.
    """
    plane = surface.metadata.get("plane", {})
    kind = plane.get("kind")
    symbols = (GREEK_ALPHA, GREEK_BETA)
    if kind == "toward":
        first, *others = (shortened(name, longest) for name in plane["names"])
        symbols = ("t", GREEK_BETA) if len(others) == 1 else symbols
        along = [f", from {first} to {other}" for other in others]
    elif kind == "trajectory":
        along = [f", principal component {rank} ({percent(share)})" for rank, share in enumerate(plane["shares"], 1)]
    elif kind == "eigen":
        along = [
            f" along eigenvector {number(rank)} ({GREEK_LAMBDA} = {number(value, 3)})"
            for rank, value in zip(plane["numbers"], plane["eigenvalues"], strict=True)
        ]
    else:
        along = [f" along {'random ' if kind == 'random' else ''}direction {rank}" for rank in (1, 2)]
    named = [Coordinate(symbol, symbol + text) for symbol, text in zip(symbols, along, strict=False)]
    return named[0], named[1] if len(named) > 1 else Coordinate(GREEK_BETA, GREEK_BETA)


def ball(surface: Surface, rho: float) -> Floats:
    """Return the boundary of ‖αx + βy‖ ≤ ρ as (N, 2) in (α, β): a closed ellipse, or the two ends on a line.

    Raises:
        ValueError: ρ is not a positive number, the lengths of the directions or the cosine between them are not in the
            metadata, or the directions are parallel.
    """
    if not (math.isfinite(rho) and rho > 0):
        raise ValueError(f"rho={rho} must be a positive number")
    norms = surface.metadata.get("direction_norms")
    if not norms or not all(norms):
        raise ValueError('the lengths of the directions are missing in the surface\'s metadata["direction_norms"]')
    if len(norms) == 1:
        return np.array([[-rho / norms[0], 0.0], [rho / norms[0], 0.0]])
    cosine = surface.metadata.get("cosine")
    if cosine is None:
        raise ValueError('the angle between the directions is missing in the surface\'s metadata["cosine"]')
    product = cosine * norms[0] * norms[1]
    gram = np.array([[norms[0] ** 2, product], [product, norms[1] ** 2]])
    if not abs(cosine) < 1:
        raise ValueError("the two directions are parallel: no ellipse bounds the ball in their plane")
    angles = np.linspace(0, 2 * np.pi, AROUND)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    return np.asarray(rho * np.linalg.solve(np.linalg.cholesky(gram).T, circle).T)


def require_quadratic(surface: Surface) -> QuadraticRadius:
    """Return the quadratic model of the surface.

    Raises:
        ValueError: The surface has none.
    """
    if surface.quadratic is None:
        raise ValueError("the surface carries no quadratic model; draw it with quadratic=False")
    return surface.quadratic


def quadratic_heights(surface: Surface, heights: Heights) -> Floats:
    """Return the heights (B, A) of L + gᵀp + ½ pᵀHp, p = (α, β), on the scale of ``heights``; NaN without logarithm."""
    model = require_quadratic(surface)
    a, b = np.meshgrid(surface.alphas, surface.betas)
    gradient, hessian = model.gradient, model.hessian
    curved = hessian[0, 0] * a * a + (hessian[0, 1] + hessian[1, 0]) * a * b + hessian[1, 1] * b * b
    loss = surface.centre + gradient[0] * a + gradient[1] * b + curved / 2
    return np.log10(loss, out=np.full_like(loss, np.nan), where=loss > 0) if heights.log else np.asarray(loss)


def quadratic_reach(surface: Surface) -> Floats:
    """Return the closed line (N, 2) on which the loss departs from its quadratic model; NaN where it does not."""
    model = require_quadratic(surface)
    radii = np.where(np.isfinite(model.radii), model.radii, np.nan)
    points = radii[:, None] * np.stack([np.cos(model.angles), np.sin(model.angles)], 1)
    return np.concatenate([points, points[:1]])
