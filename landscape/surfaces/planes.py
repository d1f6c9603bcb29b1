"""Planes and lines through a point of the parameter space: which directions, and what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.directions import cosine, orthogonalise, random_direction
from landscape.objectives.parameter_space import ParamSpace
from landscape.results import Barrier, EigenPairs, Floats, Mark, Metadata, Surface, Trajectory
from landscape.results.interpolation import interpolant, resample

Interval = tuple[float, float]
BEYOND = 0.5  # how far a plane through other points reaches past them, as a share of their distance
PATH_POINTS = 1001  # between two checkpoints, of an interpolant
MARGIN = 0.15  # around a trajectory, as a share of its size


@dataclass(frozen=True)
class Plane:
    """θ₀ + α·x + β·y, or the line θ₀ + α·x."""

    x: Tensor  # (n,)
    y: Tensor | None  # (n,); None for a line
    extent: float | tuple[Interval, Interval]  # how far it is worth looking
    marks: tuple[Mark, ...] = ()
    trajectory: Trajectory | None = None  # of a training run
    description: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.y is not None:
            self.description["cosine"] = cosine(self.x, self.y)


def random_plane(
    space: ParamSpace,
    params: Tensor,
    seeds: tuple[int, int] | tuple[int] = (0, 1),
    *,
    normalize: str = "filter",
    vectors: str = "zero",
    orthogonal: bool = False,
) -> Plane:
    """Two random directions through ``params`` (n,), or one; see ``random_direction``.

    ``orthogonal`` removes from the second draw its component along the first one. The second direction is then no
    longer scaled filter by filter exactly, but nearly: two draws in many dimensions are nearly orthogonal as it is.
    """
    x, *others = (random_direction(space, params, normalize=normalize, vectors=vectors, seed=seed) for seed in seeds)
    y = others[0] if others else None
    if y is not None and orthogonal:
        length = y.norm()
        y = orthogonalise(y, x)
        y = y * (length / y.norm().clamp_min(torch.finfo(y.dtype).tiny))
    told = {"kind": "random", "seeds": list(seeds), "normalize": normalize, "vectors": vectors}
    return Plane(x, y, 1.0, description=told | ({"orthogonal": orthogonal} if y is not None else {}))


def eigen_plane(pairs: EigenPairs, numbers: Sequence[int], like: Tensor) -> Plane:
    """The plane of two eigenvectors, or the line of one, of unit length.

    Args:
        pairs: With vectors.
        numbers: One or two of 1, 2, … from the largest eigenvalue, −1, −2, … from the most negative.
        like: A vector (n,) whose dtype and device the directions get.

    Raises:
        ValueError: A number is 0, or asks for an eigenvector that is not there, or both are the same.
    """
    if len(numbers) not in (1, 2) or len(set(numbers)) < len(numbers):
        raise ValueError(f"one or two different eigenvectors make a line or a plane, got {list(numbers)}")
    vectors, values, residuals = [], [], []
    for number in numbers:
        end = pairs if number > 0 else pairs.bottom
        count = 0 if end is None or end.vectors is None else len(end.vectors)
        if number == 0 or abs(number) > count or end is None or end.vectors is None:
            raise ValueError(
                f"there is no eigenvector {number}; there are 1 to {len(pairs.values)}"
                + (f" and −1 to −{len(pairs.bottom.values)}" if pairs.bottom else "")
            )
        # + 0.0: what is -0 or 0 depends on how often Lanczos was continued, and equal directions are to be equal bytes
        vectors.append(torch.from_numpy(end.vectors[abs(number) - 1]).to(like) + 0.0)
        values.append(float(end.values[abs(number) - 1]))
        residuals.append(float(end.residuals[abs(number) - 1]))
    told = {"kind": "eigen", "numbers": list(numbers), "eigenvalues": values, "residuals": residuals}
    return Plane(vectors[0], vectors[1] if len(vectors) > 1 else None, 1.0, description=told)


def plane_through(params: Tensor, others: Sequence[Tensor], names: Sequence[str]) -> Plane:
    """The straight path from ``params`` to another point, at α = 1, or the plane through it and two others.

    Args:
        params: θ₀ (n,).
        others: One or two points (n,).
        names: Of θ₀ and of the others, for the marks.

    Raises:
        ValueError: There are not one or two others, or the three points lie on a line.
    """
    if len(others) not in (1, 2):
        raise ValueError(f"a path or a plane goes through one or two other points, got {len(others)}")
    x, *rest = (other - params for other in others)
    y = rest[0] if rest else None
    if not x.any() or (y is not None and (not y.any() or abs(cosine(x, y)) > 1 - 1e-6)):
        kind = "plane" if rest else "line"
        raise ValueError(f"{', '.join(names)} do not span a {kind}: two are the same point, or all lie on one line")
    reach = (-BEYOND, 1 + BEYOND)
    marks = [Mark(names[0], 0.0, 0.0), Mark(names[1], 1.0, 0.0)] + ([Mark(names[2], 0.0, 1.0)] if rest else [])
    told = {"kind": "toward", "names": list(names), "distances": [float(d.double().norm()) for d in (x, *rest)]}
    return Plane(x, y, (reach, reach), tuple(marks), description=told)


def trajectory_plane(params: Tensor, snapshots: Sequence[Tensor], names: Sequence[str] | None = None) -> Plane:
    """The plane that holds most of a trajectory that ends at ``params``: its first two principal components.

    As Li et al. (NeurIPS 2018, section 7) have it: the principal components of the differences θᵢ − θ₀ from the last
    point, not centred otherwise. They are orthonormal, so that least squares places the snapshots by inner products.
    ``description["shares"]`` is the share of the squared differences along each direction; the path tells what is
    left of each snapshot.

    Args:
        params: θ₀ (n,), where the trajectory ends.
        snapshots: (n,) each, in their order; those equal to θ₀ count as path, not for the components.
        names: Of the snapshots.

    Raises:
        ValueError: Fewer than two snapshots differ from θ₀, or all lie on one line through it.
    """
    differences = torch.stack([snapshot.double() - params.double() for snapshot in snapshots])  # (T, n)
    gram = differences @ differences.T  # (T, T): as good as an SVD of (T, n) where T is small, and much cheaper
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    if len(values) < 2 or values[1] <= 1e-12 * values[0]:
        raise ValueError(
            f"{len(snapshots)} snapshots do not span a plane with the last point; keep more with --snapshots"
        )
    directions = (vectors[:, :2].T @ differences) / values[:2, None].sqrt()  # (2, n) orthonormal
    path = differences @ directions.T  # (T, 2)
    flip = torch.where(path[0] < 0, -1.0, 1.0)  # of each direction's two signs, that in which the path begins
    directions, path = directions * flip[:, None], path * flip
    rest = (differences.square().sum(1) - path.square().sum(1)).clamp_min(0).sqrt()
    told = {
        "kind": "trajectory",
        "shares": (values[:2] / values.sum()).tolist(),
        "snapshots": len(snapshots),
    }
    return Plane(
        directions[0].to(params),
        directions[1].to(params),
        _around(path.cpu().numpy()),
        (Mark("end", 0.0, 0.0),),
        trajectory=Trajectory(path.cpu().numpy(), rest.cpu().numpy(), tuple(names or ())),
        description=told,
    )


def _around(path: Floats) -> tuple[Interval, Interval]:
    """Intervals that hold the path and the origin, with a margin."""
    points = np.vstack([path, np.zeros((1, 2))])
    low, high = points.min(0), points.max(0)
    margin = MARGIN * max((high - low).max(), np.finfo(float).tiny)
    return tuple((float(lo - margin), float(hi + margin)) for lo, hi in zip(low, high, strict=True))  # type: ignore[return-value]


def barrier(line: Surface) -> Barrier:
    """The barrier on a path from α = 0 to α = 1 (Frankle et al. 2020, section 2).

    Read from the polynomial by which the line was interpolated; where it was not, from its points, and straight
    between them.

    Raises:
        ValueError: The line does not reach from 0 to 1, or its loss is not finite there.
    """
    if not (line.is_line and line.alphas[0] <= 0 and line.alphas[-1] >= 1):
        raise ValueError(
            f"a barrier needs a line from 0 to 1 at least; this one goes from {line.alphas[0]:g} to {line.alphas[-1]:g}"
        )
    if interpolant(line) is not None:
        t = np.linspace(0, 1, PATH_POINTS)
        loss = resample(line, alphas=t)[0]
    else:
        t = np.unique(np.concatenate([[0.0, 1.0], line.alphas[(line.alphas > 0) & (line.alphas < 1)]]))
        loss = np.interp(t, line.alphas, line.loss[0])
    if not np.isfinite(loss).all():
        raise ValueError("the loss is not finite somewhere on the path: the barrier has no height")
    above = loss - ((1 - t) * loss[0] + t * loss[-1])
    at = int(np.argmax(above))
    return Barrier(
        height=float(max(above[at], 0.0)),
        at=float(t[at]),
        above_ends=float(max((loss - max(loss[0], loss[-1])).max(), 0.0)),
        error=line.error.absolute if line.error is not None else 0.0,
    )
