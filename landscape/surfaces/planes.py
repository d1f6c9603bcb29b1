"""Planes and lines through a point of the parameter space: random, of eigenvectors, through points, of a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from landscape.linalg.vectors import norm
from landscape.objectives.directions import cosine, orthogonalise, random_direction
from landscape.parameters.parameter_space import ParamSpace
from landscape.processes import ALONE, Processes
from landscape.results import EigenPairs, Floats, Mark, Metadata, Trajectory
from landscape.results.display.printable import printable
from landscape.results.display.tables import NotebookDisplay, Row, Table
from landscape.surfaces.axes import Interval

BEYOND = 0.5  # how far a plane through other points extends past them, as a share of their distance
MARGIN = 0.15  # around a trajectory, as a share of its size


@dataclass(frozen=True)
class Plane(NotebookDisplay):
    """The plane θ₀ + α·x + β·y, or the line θ₀ + α·x."""

    x: Tensor  # (n,)
    y: Tensor | None  # (n,); None for a line
    extent: float | tuple[Interval, Interval]  # a useful default for ``surface``
    marks: tuple[Mark, ...] = ()
    trajectory: Trajectory | None = None  # of a training run
    other_trajectories: tuple[Trajectory, ...] = ()  # of further runs
    description: Metadata = field(default_factory=dict)
    processes: Processes = field(default=ALONE, repr=False)  # that have slices of the directions
    lengths: tuple[float, ...] = field(default=(), init=False)  # of the directions

    def __post_init__(self) -> None:
        # Both now, in all processes at once: later, one alone may print the plane.
        directions = [direction for direction in (self.x, self.y) if direction is not None]
        object.__setattr__(self, "lengths", tuple(norm(direction, self.processes) for direction in directions))
        if self.y is not None:
            self.description["cosine"] = cosine(self.x, self.y, self.processes)

    def table(self) -> Table:
        """Return the lengths of the directions, the angle between them, and the marked points."""
        rows: list[Row] = [("length", *self.lengths)]
        if self.y is not None:
            rows.append(("cosine of the angle", self.description["cosine"], ""))
        rows += [(mark.name, mark.alpha, mark.beta)[: len(rows[0])] for mark in self.marks]
        return Table("Directions", ("", "α", "β")[: len(rows[0])], rows)

    def __repr__(self) -> str:
        kind = f"{printable(self.description['kind'], 60)} " if "kind" in self.description else ""
        kind += "line" if self.y is None else "plane"
        angle = f", cosine {self.description['cosine']:.3g}" if self.y is not None else ""
        lengths = " and ".join(f"{length:.4g}" for length in self.lengths)
        return f"Plane({kind} in {len(self.x):,} coordinates, length {lengths}{angle})"


def random_plane(
    space: ParamSpace,
    params: Tensor,
    seeds: tuple[int, int] | tuple[int] = (0, 1),
    *,
    normalize: str = "filter",
    vectors: str = "zero",
    orthogonal: bool = False,
) -> Plane:
    """Draw two random directions through ``params`` (n,), or one; see ``random_direction``.

    Args:
        space: Which parameters there are.
        params: θ₀ (n,).
        seeds: One for each direction.
        normalize: How the directions are scaled.
        vectors: How parameters of fewer than two dimensions are treated.
        orthogonal: Whether to remove from the second draw its component along the first one. The second direction is
            then no longer scaled filter by filter exactly, but nearly: two draws in many dimensions are nearly
            orthogonal already.

    Raises:
        ValueError: As ``random_direction`` raises it.
    """
    x, *others = (random_direction(space, params, normalize=normalize, vectors=vectors, seed=seed) for seed in seeds)
    y = others[0] if others else None
    if y is not None and orthogonal:
        length = _length(y, space.processes)
        y = orthogonalise(y, x, processes=space.processes)
        y = y * (length / _length(y, space.processes).clamp_min(torch.finfo(y.dtype).tiny))
    description: Metadata = {"kind": "random", "seeds": list(seeds), "normalize": normalize, "vectors": vectors}
    if y is not None:
        description["orthogonal"] = orthogonal
    return Plane(x, y, 1.0, description=description, processes=space.processes)


def _length(vector: Tensor, processes: Processes) -> Tensor:
    """Return ‖v‖ () in the dtype of v."""
    length: Tensor = vector.norm()
    return processes.across(vector.double().square().sum()).sqrt().to(vector.dtype) if processes.sliced else length


def eigen_plane(pairs: EigenPairs, numbers: Sequence[int], like: Tensor, *, processes: Processes = ALONE) -> Plane:
    """Return the plane of two eigenvectors, or the line of one, of unit length.

    Args:
        pairs: With vectors.
        numbers: One or two of 1, 2, … from the largest eigenvalue, −1, −2, … from the most negative.
        like: A vector (n,) with the dtype and device of the directions.
        processes: Those that have slices of the vectors: ``objective.processes`` of a ``ShardedObjective``.

    Raises:
        ValueError: A number is 0, there is no eigenvector with that number, or both numbers are the same.
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
        # + 0.0: zeros may have either sign, depending on how often Lanczos was continued; equal directions shall have
        # equal bytes
        vectors.append(torch.from_numpy(end.vectors[abs(number) - 1]).to(like) + 0.0)
        values.append(float(end.values[abs(number) - 1]))
        residuals.append(float(end.residuals[abs(number) - 1]))
    description = {"kind": "eigen", "numbers": list(numbers), "eigenvalues": values, "residuals": residuals}
    y = vectors[1] if len(vectors) > 1 else None
    return Plane(vectors[0], y, 1.0, description=description, processes=processes)


def plane_through(
    params: Tensor, others: Sequence[Tensor], names: Sequence[str], *, processes: Processes = ALONE
) -> Plane:
    """Return the line from ``params`` to another point, at α = 1, or the plane through it and two others.

    Args:
        params: θ₀ (n,).
        others: One or two points (n,).
        names: Of θ₀ and of the others, for the marks.
        processes: Those that have slices of the points: ``objective.processes`` of a ``ShardedObjective``.

    Raises:
        ValueError: There are not one or two others, or the three points lie on a line.

    Example:
        >>> plane = plane_through(torch.zeros(2), [torch.tensor([3.0, 4.0])], ["start", "end"])
        >>> plane.x, plane.description["distances"]
        (tensor([3., 4.]), [5.0])
    """
    if len(others) not in (1, 2):
        raise ValueError(f"a path or a plane goes through one or two other points, got {len(others)}")
    x, *rest = (other - params for other in others)
    y = rest[0] if rest else None
    lengths = [norm(direction, processes) for direction in (x, *rest)]
    if 0 in lengths or (y is not None and not (abs(cosine(x, y, processes)) <= 1 - 1e-6)):
        kind = "plane" if rest else "line"
        raise ValueError(f"{', '.join(names)} do not span a {kind}: two are the same point, or all lie on one line")
    interval = (-BEYOND, 1 + BEYOND)
    marks = [Mark(names[0], 0.0, 0.0), Mark(names[1], 1.0, 0.0)] + ([Mark(names[2], 0.0, 1.0)] if rest else [])
    description = {"kind": "toward", "names": list(names), "distances": lengths}
    return Plane(x, y, (interval, interval), tuple(marks), description=description, processes=processes)


def trajectory_plane(
    params: Tensor,
    snapshots: Sequence[Tensor],
    names: Sequence[str] | None = None,
    *,
    others: Sequence[tuple[Sequence[Tensor], Sequence[str]]] = (),
    processes: Processes = ALONE,
) -> Plane:
    """Return the plane of the first two principal components of a trajectory that ends at ``params``.

    As Li et al. (NeurIPS 2018, section 7): the principal components of the differences θᵢ − θ₀ from the last point,
    not centred otherwise. They are orthonormal, so that inner products place the snapshots by least squares.
    ``description["shares"]`` is the share of the squared differences along each direction; ``trajectory.off_plane`` is
    the distance of each snapshot from the plane. With ``others``, several runs share the plane: its components are
    those of all snapshots, each counted once, so that a run with more snapshots or farther away has more weight;
    ``Trajectory.share`` says how much of each run the plane holds.

    Args:
        params: θ₀ (n,), where the trajectory ends.
        snapshots: (n,), in their order; those equal to θ₀ are points of the trajectory, but do not affect the plane.
        names: Of the snapshots.
        others: Snapshots and names of each further run.
        processes: Those that have slices of the points: ``objective.processes`` of a ``ShardedObjective``.

    Raises:
        ValueError: Fewer than two snapshots differ from θ₀, or all lie on one line through it.
    """
    runs = [(snapshots, names or ()), *others]
    every = [snapshot for run, _ in runs for snapshot in run]
    differences = torch.stack([snapshot.double() - params.double() for snapshot in every])  # (T, n)
    # (T, T): as good as an SVD of (T, n) where T is small, and much cheaper
    gram = processes.across(differences @ differences.T)
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    if len(values) < 2 or values[1] <= 1e-12 * values[0]:
        raise ValueError(f"{len(every)} snapshots do not span a plane with the last point; keep more with --snapshots")
    directions = (vectors[:, :2].T @ differences) / values[:2, None].sqrt()  # (2, n) orthonormal
    points = processes.across(differences @ directions.T)  # (T, 2)
    sign = torch.where(points[0] < 0, -1.0, 1.0)  # of either direction, so that the first point is positive
    directions, points = directions * sign[:, None], points * sign
    squares = processes.across(differences.square().sum(1))
    off_plane = (squares - points.square().sum(1)).clamp_min(0).sqrt()
    description = {
        "kind": "trajectory",
        "shares": (values[:2] / values.sum()).tolist(),
        "snapshots": len(every),
    }
    cuts = np.cumsum([len(run) for run, _ in runs])[:-1]
    first, *further = (
        Trajectory(placed, distances, tuple(called))
        for placed, distances, (_, called) in zip(
            np.split(points.cpu().numpy(), cuts), np.split(off_plane.cpu().numpy(), cuts), runs, strict=True
        )
    )
    return Plane(
        directions[0].to(params),
        directions[1].to(params),
        _around(points.cpu().numpy()),
        (Mark("end", 0.0, 0.0),),
        trajectory=first,
        other_trajectories=tuple(further),
        description=description,
        processes=processes,
    )


def _around(points: Floats) -> tuple[Interval, Interval]:
    """Intervals that hold the points (T, 2) and the origin, with a margin."""
    points = np.vstack([points, np.zeros((1, 2))])
    low, high = points.min(0), points.max(0)
    margin = MARGIN * max((high - low).max(), np.finfo(float).tiny)
    first, second = ((float(lo - margin), float(hi + margin)) for lo, hi in zip(low, high, strict=True))
    return first, second
