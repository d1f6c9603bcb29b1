"""How far the quadratic model of a loss holds in a plane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.geometry.noise import NOISE_POINTS, SIGMAS, loss_noise, parameter_scale
from landscape.objectives.directions import checked_direction
from landscape.objectives.objective import Objective
from landscape.processes import refuse_slices
from landscape.progress import Progress, silent
from landscape.results import Floats, QuadraticRadius

DOUBLINGS = 10  # from the smallest radius tried first to the largest
HALVINGS = 48  # of a radius, at most
BISECTIONS = 6  # of a radius known to a factor of two: it is then known to 0.6 %
PARALLEL = 1e-10  # squared sine of an angle between two directions below which they span no plane


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
    progress: Progress = silent,
) -> QuadraticRadius:
    """Find where the loss in the plane of two directions departs from L + gᵀδ + ½ δᵀHδ.

    Along each ray δ(r) = r (cos φ · x + sin φ · y) the quadratic rises by q(r) = gᵀδ + ½ δᵀHδ. The loss has departed
    from it where |L(θ + δ) - L(θ) - q(r)| exceeds both ``share`` times the largest |q| between θ and there, and
    ``SIGMAS`` times the rounding noise of the two values. The largest |q| on the way, rather than |q(r)|: a ray that
    goes down and up again crosses its own height, where any error at all would be more than a tenth of the rise. The
    quadratic's rise, rather than the loss's: it is known between the points evaluated; at a departure the two differ
    by no more than ``share``.

    The radius is doubled from ``extent``/1024 to the first departure (one narrower than that is missed), or halved
    until there is none, and then bisected: its error is at most 0.6 %. A loss that is not finite is a departure.

    Args:
        objective: The loss.
        x: The first direction (n,).
        y: The second (n,), not necessarily orthogonal.
        gradient: ∇L(θ) (n,), if it is known.
        hessian: (2, 2) of the loss in the plane's coordinates, if it is known, which is diag(λ₁, λ₂) for unit
            eigenvectors x and y; otherwise two products compute it.
        rays: How many, evenly over the full circle from x on.
        share: Of the rise.
        extent: The largest radius to try, in the plane's coordinates; by default as far as ‖δ‖ = ‖θ‖.
        progress: Called with (rounds of radii done, rounds at most, text).

    Raises:
        ValueError: A direction is zero or has another size, x and y are parallel, or another argument is out of range.

    Example:
        The cubic term of L = θ₁² + θ₂² + θ₁³ is a tenth of the quadratic one at r = 0.1 along θ₁:

        >>> model = torch.nn.Linear(2, 1, bias=False).double()
        >>> _ = torch.nn.init.zeros_(model.weight)
        >>> loss = lambda model, batch: (model.weight.square().sum() + model.weight[0, 0] ** 3, 1)
        >>> result = quadratic_radius(Objective(model, loss, [None]), *torch.eye(2), rays=4)
        >>> result.radii.round(2)
        array([0.1, inf, 0.1, inf])
    """
    refuse_slices(objective.processes, "the radius of the quadratic model")
    _check_arguments(rays, share, extent)
    plane, gram = _plane(objective, x, y)
    slopes = (plane.double() @ (gradient if gradient is not None else objective.gradient()).double()).cpu().numpy()
    curvatures = np.asarray(hessian, dtype=np.float64) if hessian is not None else _plane_hessian(objective, plane)
    if curvatures.shape != (2, 2):
        raise ValueError(f"hessian has shape {curvatures.shape}; the plane's has (2, 2)")
    angles = 2 * math.pi * np.arange(rays) / rays
    units = np.stack([np.cos(angles), np.sin(angles)], 1)  # (A, 2)
    lengths = np.sqrt(np.einsum("ai,ij,aj->a", units, gram, units))  # (A,) ‖δ‖ of r = 1
    extents = np.full(rays, extent, dtype=np.float64) if extent is not None else parameter_scale(objective) / lengths
    search = _Rays(objective, plane, units, units @ slopes, np.einsum("ai,ij,aj->a", units, curvatures, units), share)
    radii = _departures(search, extents, progress) if math.isfinite(search.loss) else np.full(rays, math.nan)
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
        products=0 if hessian is not None else 2,
    )


def _check_arguments(rays: int, share: float, extent: float | None) -> None:
    if rays < 1:
        raise ValueError(f"rays={rays} must be at least 1")
    for name, value in (("share", share), ("extent", extent)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name}={value} must be a positive number")


def _plane(objective: Objective[Any], x: Tensor | Floats, y: Tensor | Floats) -> tuple[Tensor, Floats]:
    """The directions (2, n), and their inner products (2, 2)."""
    plane = torch.stack([checked_direction(objective, x, "x"), checked_direction(objective, y, "y")])
    gram: Floats = (plane.double() @ plane.double().T).cpu().numpy()
    if not np.linalg.det(gram) > PARALLEL * gram[0, 0] * gram[1, 1]:
        raise ValueError("x and y are parallel; a plane needs two directions")
    return plane, gram


def _plane_hessian(objective: Objective[Any], plane: Tensor) -> Floats:
    """xᵀHx, xᵀHy, yᵀHy as a symmetric matrix (2, 2), from two products."""
    products: Floats = (plane.double() @ objective.hvp(plane).double().T).cpu().numpy()
    return (products + products.T) / 2


@dataclass
class _Rays:
    """The loss and its quadratic model along rays."""

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
        """Whether the loss has departed from the quadratic on rays (a,) at radii (a,)."""
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


def _departures(search: _Rays, extents: Floats, progress: Progress) -> Floats:
    """The radius of the first departure on each ray (A,); inf where there is none."""
    inside, outside = np.zeros_like(extents), np.full_like(extents, math.inf)
    rounds = 0

    def test(rays: NDArray[np.intp], radii: Floats) -> None:
        nonlocal rounds
        departed = search.departs(rays, radii)
        outside[rays[departed]], inside[rays[~departed]] = radii[departed], radii[~departed]
        rounds += 1
        progress(rounds, DOUBLINGS + 1 + HALVINGS + BISECTIONS, "rounds for the quadratic model")

    for doubling in range(DOUBLINGS + 1):
        rays = np.flatnonzero(np.isinf(outside))
        test(rays, extents[rays] * 2.0 ** (doubling - DOUBLINGS))
    for _ in range(HALVINGS):
        rays = np.flatnonzero((inside == 0) & (outside > 0))
        test(rays, outside[rays] / 2)
    for _ in range(BISECTIONS):
        rays = np.flatnonzero(np.isfinite(outside) & (inside > 0))
        test(rays, np.sqrt(inside[rays] * outside[rays]))
    return np.where(np.isinf(outside), math.inf, np.sqrt(inside * outside))
