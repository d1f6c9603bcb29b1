"""How far the quadratic model of a loss reaches in a plane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.geometry.derivative_checks import NOISE_POINTS, SIGMAS, checked_direction, loss_noise, size_of
from landscape.objectives.objective import Objective
from landscape.results import Floats, QuadraticRadius

DOUBLINGS = 10  # from the smallest radius tried first to the largest
HALVINGS = 48  # of a radius, at most
BISECTIONS = 6  # of a radius known to a factor of two: it is then known to 0.6 %
PARALLEL = 1e-10  # squared sine of the angle between two directions that make no plane


def quadratic_radius(
    objective: Objective[Any],
    x: Tensor | Floats,
    y: Tensor | Floats,
    *,
    gradient: Tensor | None = None,
    hessian: Floats | None = None,
    rays: int = 8,
    share: float = 0.1,
    extent: float | None = None,
) -> QuadraticRadius:
    """Where the loss in the plane of two directions departs from L + gᵀδ + ½ δᵀHδ.

    Along each ray δ(r) = r (cos φ · x + sin φ · y) the quadratic rises by q(r) = gᵀδ + ½ δᵀHδ. It has been departed
    from where |L(θ + δ) - L(θ) - q(r)| exceeds both ``share`` times the largest |q| between θ and there, and
    ``SIGMAS`` times the rounding noise of the two values. The largest |q| on the way, rather than |q(r)|: a ray that
    goes down and up again crosses its own height, where any error at all would be more than a tenth of the rise. The
    quadratic's rise, rather than the loss's: it is known between the points evaluated; at a departure the two differ
    by no more than ``share``.

    The radius is doubled from ``extent``/1024 to the first departure (one narrower than that stays unseen), or halved
    until there is none, and then bisected: it is off by at most 0.6 %. A loss that is not finite departs.

    Args:
        objective: The loss.
        x: The first direction (n,).
        y: The second (n,), not necessarily orthogonal.
        gradient: ∇L(θ) (n,), if it is known.
        hessian: (2, 2) of the loss in the plane's coordinates, if it is known, and diag(λ₁, λ₂) for unit eigenvectors
            x and y; otherwise two products find it.
        rays: How many, evenly over the full circle from x on.
        share: Of the rise.
        extent: The largest radius to try, in the plane's coordinates; by default as far as ‖δ‖ = ‖θ‖.

    Raises:
        ValueError: A direction is zero or has another size, or another argument is out of range.
    """
    if rays < 1:
        raise ValueError(f"rays={rays} must be at least 1")
    for name, value in (("share", share), ("extent", extent)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name}={value} must be a positive number")
    plane = torch.stack([checked_direction(objective, x, "x"), checked_direction(objective, y, "y")])  # (2, n)
    slopes = (plane.double() @ (gradient if gradient is not None else objective.gradient()).double()).cpu().numpy()
    products = 0 if hessian is not None else 2
    curvatures = np.asarray(hessian, dtype=np.float64) if hessian is not None else _plane_hessian(objective, plane)
    if curvatures.shape != (2, 2):
        raise ValueError(f"hessian has shape {curvatures.shape}; the plane's has (2, 2)")
    angles = 2 * math.pi * np.arange(rays) / rays
    units = np.stack([np.cos(angles), np.sin(angles)], 1)  # (A, 2)
    gram = (plane.double() @ plane.double().T).cpu().numpy()
    lengths = np.sqrt(np.einsum("ai,ij,aj->a", units, gram, units))  # (A,) ‖δ‖ of r = 1
    if not np.linalg.det(gram) > PARALLEL * gram[0, 0] * gram[1, 1]:
        raise ValueError("x and y are parallel; a plane needs two directions")
    extents = np.full(rays, extent, dtype=np.float64) if extent is not None else size_of(objective) / lengths
    search = _Rays(objective, plane, units, units @ slopes, np.einsum("ai,ij,aj->a", units, curvatures, units), share)
    radii = _bisected(search, extents) if math.isfinite(search.loss) else np.full(rays, math.nan)
    return QuadraticRadius(
        angles=angles,
        radii=radii,
        distances=radii * lengths,
        extents=extents,
        share=share,
        gradient=slopes,
        hessian=curvatures,
        noise=search.noise,
        evaluations=search.evaluations,
        products=products,
    )


@dataclass
class _Rays:
    """The loss beside its quadratic along rays."""

    objective: Objective[Any]
    plane: Tensor  # (2, n)
    units: Floats  # (A, 2) cos φ and sin φ
    slopes: Floats  # (A,)
    curvatures: Floats  # (A,)
    share: float

    def __post_init__(self) -> None:
        self.loss = float(self.objective.along(self.plane, np.zeros((1, 2)))[0])
        self.noise = loss_noise(self.objective, self.plane.sum(0))
        self.evaluations = 1 + NOISE_POINTS

    def departs(self, rays: NDArray[np.intp], radii: Floats) -> NDArray[np.bool_]:
        """Whether each of the rays (a,), at its radius (a,), is beyond the departure."""
        losses = self.objective.along(self.plane, radii[:, None] * self.units[rays])
        self.evaluations += len(losses)
        slopes, curvatures = self.slopes[rays], self.curvatures[rays]
        rises = slopes * radii + curvatures / 2 * radii**2
        with np.errstate(divide="ignore", invalid="ignore"):
            vertices = -slopes / curvatures  # where the quadratic turns
        turned = (vertices > 0) & (vertices < radii)
        largest = np.maximum(np.abs(rises), np.where(turned, np.abs(slopes * vertices / 2), 0))
        unit = torch.finfo(self.plane.dtype).eps / 2
        noises = np.sqrt(2 * self.noise**2 + unit**2 * (losses**2 + self.loss**2))
        with np.errstate(invalid="ignore"):
            within = np.abs(losses - self.loss - rises) <= np.maximum(self.share * largest, SIGMAS * noises)
        return ~(within & np.isfinite(losses))


def _bisected(search: _Rays, extents: Floats) -> Floats:
    """The radius of the first departure on each ray (A,); inf where there is none."""
    inside, outside = np.zeros_like(extents), np.full_like(extents, math.inf)
    for doubling in range(DOUBLINGS + 1):
        rays = np.flatnonzero(np.isinf(outside))
        radii = extents[rays] * 2.0 ** (doubling - DOUBLINGS)
        departs = search.departs(rays, radii)
        outside[rays[departs]], inside[rays[~departs]] = radii[departs], radii[~departs]
    for _ in range(HALVINGS):
        rays = np.flatnonzero((inside == 0) & (outside > 0))
        radii = outside[rays] / 2
        departs = search.departs(rays, radii)
        outside[rays[departs]], inside[rays[~departs]] = radii[departs], radii[~departs]
    for _ in range(BISECTIONS):
        rays = np.flatnonzero(np.isfinite(outside) & (inside > 0))
        radii = np.sqrt(inside[rays] * outside[rays])
        departs = search.departs(rays, radii)
        outside[rays[departs]], inside[rays[~departs]] = radii[departs], radii[~departs]
    return np.where(np.isinf(outside), math.inf, np.sqrt(inside * outside))


def _plane_hessian(objective: Objective[Any], plane: Tensor) -> Floats:
    """xᵀHx, xᵀHy, yᵀHy as a symmetric matrix (2, 2), from two products."""
    found: Floats = (plane.double() @ objective.hvp(plane).double().T).cpu().numpy()
    return (found + found.T) / 2
