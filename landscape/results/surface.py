"""A loss on a plane or a line, and what is marked there."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.checks import CheckReport, QuadraticRadius
from landscape.results.curve import LowLossCurve
from landscape.results.display.frames import Tabular, Variables, dataset, plain_attributes
from landscape.results.display.plotting import Pictured
from landscape.results.display.tables import Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Metadata, give_or_take
from landscape.results.paths import Barrier, Mark, Trajectory
from landscape.results.radial import RadialProfile
from landscape.results.sample import sample_tables
from landscape.results.topology import Topology, topology

DIMENSIONS = ("beta", "alpha")  # of the arrays
OF_THE_LOSS = ("loss_stderr", "repeat_difference", "gradient_path_difference")  # metadata of the loss alone


@dataclass(frozen=True)
class InterpolationError:
    """How far an interpolated surface was off at points that were evaluated but left out of the fit.

    The largest deviation over a sample is a lower bound of the true one, so ``points`` has to be reported with it.
    NaN means "not measured".
    """

    absolute: float  # largest |interpolant - loss| over the left-out points, in units of the loss
    relative: float  # the same, divided by the range (max - min) of the evaluated losses
    near_centre: float  # the same over left-out points in the inner half of the plane, divided by the loss there
    points: int  # how many points were left out

    def __str__(self) -> str:
        return f"error ≤ {self.relative:.1g} of range on {self.points} left-out points"


@dataclass(frozen=True)
class Surface(Pictured, TableDisplay, Tabular):
    """Loss, and further metrics, on a rectangle of the plane θ₀ + α·x + β·y (or on a line, with B = 1)."""

    alphas: Floats  # (A,) coordinates along the first direction
    betas: Floats  # (B,) coordinates along the second; [0.] for a line
    loss: Floats  # (B, A); NaN where missing or where the loss is not a number, ±inf where it overflows
    evaluated: NDArray[np.bool_]  # (B, A) True: computed at this very point; False: interpolated or missing
    metadata: Metadata = field(default_factory=dict)
    metrics: Mapping[str, Floats] = field(default_factory=dict)  # name -> (B, A), NaN where missing; see ``of``
    error: InterpolationError | None = None  # None: nothing was interpolated
    nodes: Floats = field(default_factory=lambda: np.empty((0, 2)))  # (N, 2) every point evaluated, as (α, β)
    node_loss: Floats = field(default_factory=lambda: np.empty(0))  # (N,) the loss at the nodes
    metric_errors: Mapping[str, InterpolationError] = field(default_factory=dict)  # of those that were interpolated
    node_metrics: Mapping[str, Floats] = field(default_factory=dict)  # name -> (N,), of those that were interpolated
    marks: tuple[Mark, ...] = ()
    trajectory: Trajectory | None = None  # of a training run
    other_trajectories: tuple[Trajectory, ...] = ()  # of further runs, placed in the same plane
    radial_profile: RadialProfile | None = None  # the loss against the distance, from this and other planes
    barrier: Barrier | None = None  # on the straight path from α = 0 to α = 1
    curve: LowLossCurve | None = None  # of low loss between the same ends, in this plane
    checks: CheckReport | None = None
    quadratic: QuadraticRadius | None = None  # the quadratic model in this plane, and how far it reaches

    def __post_init__(self) -> None:
        shape = (len(self.betas), len(self.alphas))
        for name, values in {"loss": self.loss, "evaluated": self.evaluated, **self.metrics}.items():
            if values.shape != shape:
                raise ValueError(
                    f"{name} has shape {values.shape}; "
                    f"{len(self.betas)} betas by {len(self.alphas)} alphas need {shape}"
                )
        if self.nodes.shape != (len(self.node_loss), 2):
            raise ValueError(
                f"nodes has shape {self.nodes.shape}; {len(self.node_loss)} node losses need ({len(self.node_loss)}, 2)"
            )
        for name, values in self.node_metrics.items():
            if name not in self.metrics or values.shape != self.node_loss.shape:
                raise ValueError(
                    f"{name} has shape {values.shape} at the nodes; "
                    f"a metric of the surface with {len(self.node_loss)} nodes needs {self.node_loss.shape}"
                )

    def of(self, name: str) -> Surface:
        """Return one of the metrics as a surface.

        A metric that was computed wherever the loss was is known on the whole grid. One that is not interpolated is
        known at some points of the grid, which are the grid of its surface.

        Raises:
            ValueError: There is no such metric.
        """
        if name not in self.metrics:
            raise ValueError(f"the surface has no metric {name!r}; there are: {', '.join(self.metrics) or 'none'}")
        values, alphas, betas, evaluated = self.metrics[name], self.alphas, self.betas, self.evaluated
        metadata = {key: value for key, value in self.metadata.items() if key not in OF_THE_LOSS}
        if name in self.node_metrics:
            nodes, at_nodes = self.nodes, self.node_metrics[name]
        else:
            known = ~np.isnan(values)
            rows, columns = known.any(1) | ~known.any(), known.any(0) | ~known.any()  # all, where nothing is known
            values, alphas, betas = values[np.ix_(rows, columns)], alphas[columns], betas[rows]
            # All points of this coarser grid were evaluated: NaN is a value there, and not missing.
            evaluated = np.full(values.shape, known.any())
            nodes, at_nodes = np.stack(np.meshgrid(alphas, betas), -1)[evaluated], values[evaluated]
            metadata.pop("interpolation", None)
            metadata |= {"method": "grid", "reason": f"{name} may jump from point to point"}
        return Surface(
            alphas=alphas,
            betas=betas,
            loss=values,
            evaluated=evaluated,
            metadata={**metadata, "quantity": name},
            error=self.metric_errors.get(name),
            nodes=nodes,
            node_loss=at_nodes,
            marks=self.marks,
            trajectory=None if self.trajectory is None else replace(self.trajectory, loss=np.empty(0)),
            other_trajectories=tuple(replace(one, loss=np.empty(0)) for one in self.other_trajectories),
        )

    @property
    def quantity(self) -> str:
        """What ``loss`` holds: the loss, or the name of a metric in a surface that ``of`` returned."""
        return str(self.metadata.get("quantity", "loss"))

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """All training runs in this plane."""
        return tuple(one for one in (self.trajectory, *self.other_trajectories) if one is not None)

    @property
    def is_line(self) -> bool:
        """Whether there is one direction only."""
        return len(self.betas) == 1

    @property
    def evaluations(self) -> int:
        """How many points were evaluated in all, left-out ones included."""
        return len(self.node_loss)

    @property
    def centre(self) -> float:
        """The loss at (0, 0) if that point was evaluated, otherwise NaN."""
        at = np.flatnonzero((self.nodes == 0).all(axis=1))
        return float(self.node_loss[at[0]]) if len(at) else float("nan")

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest finite loss of the grid; NaN where there is none."""
        finite = self.loss[np.isfinite(self.loss)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (float("nan"), float("nan"))

    @property
    def not_finite(self) -> int:
        """The number of points of the grid that were evaluated and have no finite loss."""
        return int(np.count_nonzero(self.evaluated & ~np.isfinite(self.loss)))

    def topology(self) -> Topology:
        """Return the minima of the grid, the saddles between them, and which of them the error cannot undo.

        The error is the largest that was measured for the interpolation, or between two evaluations of one point; a
        larger one may have been missed.
        """
        unknown = self.error is None and bool((~self.evaluated & np.isfinite(self.loss)).any())
        interpolation = math.nan if unknown else 0.0 if self.error is None else self.error.absolute
        noise = float(self.metadata.get("repeat_difference") or 0.0)
        return topology(self.alphas, self.betas, self.loss, float(np.maximum(interpolation, noise)))  # NaN stays

    def tables(self) -> list[Table]:
        """Return users, directions, metrics, radial profile, barrier, trajectory and checks, where there are any."""
        tables, directions = sample_tables(self.metadata), self._directions()
        if directions:
            tables.append(Table("Directions", ("", "α", "β"), directions))
        if self.metrics:
            rows: list[Row] = []
            columns = [self, *(self.of(name) for name in self.metrics)]
            holes = any(surface.not_finite for surface in columns)
            for surface in columns:
                error = surface.error.absolute if surface.error is not None else 0.0
                row = (surface.quantity, surface.centre, *surface.range, error, surface.evaluations)
                rows.append((*row, surface.not_finite) if holes else row)
            header = ("", "centre", "lowest", "highest", "error ≤", "evaluations")
            tables.append(Table("On the plane", (*header, "not finite") if holes else header, tuple(rows)))
        if self.radial_profile is not None:
            tables.append(self.radial_profile.table())
        if self.curve is not None:
            tables += self.curve.tables()
        elif self.barrier is not None:
            tables.append(self.barrier.table())
        tables += [trajectory.table() for trajectory in self.trajectories]
        if self.checks is not None:
            tables.append(self.checks.table(self.quadratic))
        return tables

    def columns(self, *, errors: bool = False) -> dict[str, Any]:
        """Return a row for each point of the grid: alpha, beta, the loss, the metrics and evaluated.

        With ``errors`` each quantity ``NAME`` has a column ``NAME error``: how far the interpolation may be off, which
        is 0 where the quantity was computed at the point itself, and NaN where that is not known.
        """
        alphas, betas = np.meshgrid(self.alphas, self.betas)
        columns: dict[str, Any] = {"alpha": alphas.ravel(), "beta": betas.ravel()}
        quantities = self._quantities()
        for name, (grid, error, known) in quantities.items():
            columns[name] = grid.ravel()
            if errors:
                off = np.where(known, 0.0, np.nan if error is None else error.absolute)
                columns[_free(f"{name} error", quantities)] = off.ravel()
        return {**columns, "evaluated": self.evaluated.ravel()}

    def to_xarray(self) -> Any:
        """Return the grid as an ``xarray.Dataset`` with dimensions beta and alpha.

        Its variables are the loss, the metrics and ``evaluated``; those that are interpolated have the error as their
        attribute ``interpolation_error``. The attributes are the metadata, as NetCDF holds it: ``plane.kind`` is the
        entry ``kind`` of ``plane``.

        Raises:
            ImportError: xarray is not installed.
        """
        return dataset(self._grids(), {"alpha": self.alphas, "beta": self.betas}, plain_attributes(self.metadata))

    def _grids(self) -> Variables:
        """The arrays (B, A) by name, with their errors as attributes."""
        grids = {
            name: (DIMENSIONS, values, {} if error is None else {"interpolation_error": error.absolute})
            for name, (values, error, _) in self._quantities().items()
        }
        return {**grids, "evaluated": (DIMENSIONS, self.evaluated, {})}

    def _quantities(self) -> dict[str, tuple[Floats, InterpolationError | None, NDArray[np.bool_]]]:
        """The loss and the metrics (B, A) by name, their errors, and where each was computed at the point itself.

        A metric that is called like something else gets another name.
        """
        found = {_free(self.quantity): (self.loss, self.error, self.evaluated)}
        for name, values in self.metrics.items():
            known = self.evaluated if name in self.node_metrics else ~np.isnan(values)
            found[_free(name, found)] = values, self.metric_errors.get(name), known
        return found

    def _directions(self) -> list[Row]:
        """Their eigenvalues, shares of a path, lengths and the angle between them, as far as they are known."""
        plane = self.metadata.get("plane", {})
        rows: list[Row] = []
        if {"eigenvalues", "residuals"} <= plane.keys():
            rows.append(("eigenvalue ± residual", *zip(plane["eigenvalues"], plane["residuals"], strict=True)))
        if "shares" in plane:
            rows.append(("share of the path's squared distances", *plane["shares"]))
        if "direction_norms" in self.metadata:
            rows.append(("length", *self.metadata["direction_norms"]))
        if "flat_filters" in self.metadata:
            flat, filters = self.metadata["flat_filters"]
            rows.append((f"filters of zeros, without a direction (of {filters:,})", flat, ""))
        if self.metadata.get("cosine") is not None:
            rows.append(("cosine of the angle", self.metadata["cosine"], ""))
        return [row if len(row) == 3 else (*row, "") for row in rows]

    def __repr__(self) -> str:
        low, high = self.range
        error = self.error if self.error is not None else "every point evaluated"
        metrics = f"; with {', '.join(self.metrics)}" if self.metrics else ""
        bad = self.not_finite
        holes = f"; {bad:,} of {self.loss.size:,} grid points have no finite {self.quantity}" if bad else ""
        return (
            f"Surface({len(self.alphas)}×{len(self.betas)}, {self.quantity} {low:.4g}–{high:.4g}, "
            f"centre {self.centre:.4g}{give_or_take(self.metadata.get('loss_stderr'))}, "
            f"{error}, {self.evaluations} evaluations{metrics}{holes})"
        )


def _free(name: str, taken: Collection[str] = ()) -> str:
    """Return the name of a column that is not taken."""
    while name in {*DIMENSIONS, "evaluated", *taken}:
        name += " (values)"
    return name
