"""A loss on a plane or a line, and what is marked there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.results.arrays import Floats, Metadata, give_or_take
from landscape.results.checks import CheckReport, QuadraticRadius
from landscape.results.tables import Row, Table, Told

OF_THE_LOSS = ("loss_stderr", "repeat_difference", "gradient_path_difference")  # metadata that no metric has


@dataclass(frozen=True)
class InterpolationError:
    """How far an interpolated surface was off at points that were evaluated but left out of the fit.

    The largest deviation over a sample is a lower bound of the true largest deviation: the number of
    points belongs to the statement. NaN means "not measured".
    """

    absolute: float  # largest |interpolant - loss| over the left-out points, in units of the loss
    relative: float  # the same, divided by the range (max - min) of the evaluated losses
    near_centre: float  # the same over left-out points in the inner half of the plane, divided by the loss there
    points: int  # how many points were left out

    def __str__(self) -> str:
        return f"error ≤ {self.relative:.1g} of range on {self.points} left-out points"


@dataclass(frozen=True)
class Mark:
    """A point of interest in a plane."""

    name: str
    alpha: float
    beta: float


@dataclass(frozen=True)
class Path:
    """Points of a training run, placed in a plane by least squares."""

    points: Floats  # (T, 2) coordinates of the snapshots
    off_plane: Floats  # (T,) how far each lies beside the plane, ‖·‖₂
    names: tuple[str, ...] = ()  # (T,) of the snapshots; empty where they have none
    loss: Floats = field(default_factory=lambda: np.empty(0))  # (T,) at the snapshots themselves, not in the plane

    def __post_init__(self) -> None:
        count = len(self.off_plane)
        if self.points.shape != (count, 2) or len(self.names) not in (0, count) or len(self.loss) not in (0, count):
            raise ValueError(
                f"points {self.points.shape}, {count} distances, {len(self.names)} names and {len(self.loss)} losses "
                "do not fit; they must be (T, 2), (T,), and (T,) or none"
            )

    def table(self) -> Table:
        """Snapshot by snapshot."""
        names = self.names or tuple(str(i + 1) for i in range(len(self.off_plane)))
        losses = self.loss if len(self.loss) else np.full(len(names), np.nan)
        rows: list[Row] = [
            (name, float(point[0]), float(point[1]), float(off), float(loss))
            for name, point, off, loss in zip(names, self.points, self.off_plane, losses, strict=True)
        ]
        return Table("Path", ("", "α", "β", "beside the plane", "its own loss"), rows)


@dataclass(frozen=True)
class Barrier:
    """How far the loss rises on a straight path above the line between its ends."""

    height: float  # max over t of L(t) − ((1 − t)·L(0) + t·L(1)); 0 where the path never rises above
    at: float  # the t of it
    above_ends: float  # max over t of L(t) − max(L(0), L(1)); 0 likewise
    error: float  # what the interpolation may be off by; 0 on a grid, whose points may miss a peak

    def table(self) -> Table:
        """The height, and above which ends."""
        rows: list[Row] = [
            ("above the straight line between the ends", (self.height, self.error), self.at),
            ("above the higher end", (self.above_ends, self.error), ""),
        ]
        return Table("Barrier on the path", ("", "height ± interpolation", "at t"), rows)

    def __repr__(self) -> str:
        return f"Barrier({self.height:.3g} at t = {self.at:.2f}, {self.above_ends:.3g} above the higher end)"


@dataclass(frozen=True)
class Band:
    """The loss against the distance r = √(α² + β²) from the checkpoint, averaged over angles, in several planes.

    The replication is the plane: each has directions, and what is random in the loss, of its own. Within a plane all
    directions are taken together, and their spread is not an error.
    """

    radii: Floats  # (G,) r, from 0 on
    losses: Floats  # (R, G) by plane
    level: float = 0.95  # of the intervals

    def __post_init__(self) -> None:
        if self.losses.shape[1:] != self.radii.shape or not len(self.losses):
            raise ValueError(
                f"losses {self.losses.shape} do not fit; {len(self.radii)} radii need (R, {len(self.radii)})"
            )

    @property
    def repeats(self) -> int:
        """R, the number of planes."""
        return len(self.losses)

    @property
    def rises(self) -> Floats:
        """(R, G) the loss above that at r = 0, by plane: what "flat" is about."""
        return self.losses - self.losses[:, :1]

    @property
    def mean(self) -> Floats:
        """(G,) of the losses."""
        mean: Floats = self.losses.mean(0)
        return mean

    def half_width(self, values: Floats | None = None) -> Floats:
        """(G,) of the confidence interval of a mean of ``values`` (R, G), the losses by default.

        Student's t with R - 1 degrees of freedom; NaN for one plane.
        """
        values = self.losses if values is None else values
        if len(values) < 2:
            return np.full(values.shape[1], np.nan)
        from scipy.stats import t

        half: Floats = values.std(0, ddof=1) / np.sqrt(len(values)) * t.ppf((1 + self.level) / 2, len(values) - 1)
        return half

    def table(self) -> Table:
        """The mean rise at a few distances, with its interval."""
        at = np.unique(np.linspace(0, len(self.radii) - 1, 6).round().astype(int)[1:])
        rises = self.rises
        halves = self.half_width(rises)
        rows = tuple((f"r = {self.radii[i]:.3g}", (float(rises.mean(0)[i]), float(halves[i]))) for i in at)
        title = f"Rise of the loss with the distance, {self.repeats} planes"
        return Table(title, ("", f"mean ± {self.level:.0%} interval"), rows)

    def __repr__(self) -> str:
        rises = self.rises
        mean, half = float(rises.mean(0)[-1]), float(self.half_width(rises)[-1])
        error = "" if np.isnan(half) else f" ± {half:.1g}"
        return f"Band(rise {mean:.3g}{error} at r = {self.radii[-1]:.3g}, {self.repeats} planes)"


@dataclass(frozen=True)
class Surface(Told):
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
    path: Path | None = None  # of a training run
    band: Band | None = None  # the loss against the distance, from this and other planes
    barrier: Barrier | None = None  # on the straight path from α = 0 to α = 1
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
        """One of the metrics as a surface of its own.

        A metric that was found wherever the loss was is known on the whole grid. Another one, which nothing
        interpolates, is known at some points of it: they make the grid of its surface.

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
            evaluated = ~np.isnan(values)
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
            path=None if self.path is None else Path(self.path.points, self.path.off_plane, self.path.names),
        )

    @property
    def quantity(self) -> str:
        """What ``loss`` holds: the loss, or the metric that ``of`` has put in its place."""
        return str(self.metadata.get("quantity", "loss"))

    @property
    def is_line(self) -> bool:
        """Whether the surface has no second direction."""
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

    def tables(self) -> list[Table]:
        """The directions, the metrics, the band, the barrier and the checks, as far as there are any."""
        directions = self._directions()
        found = [Table("Directions", ("", "α", "β"), directions)] if directions else []
        if self.metrics:
            rows = []
            for one in (self, *(self.of(name) for name in self.metrics)):
                error = one.error.absolute if one.error is not None else 0.0
                rows.append((one.quantity, one.centre, *one.range, error, one.evaluations))
            header = ("", "centre", "lowest", "highest", "error ≤", "evaluations")
            found.append(Table("On the plane", header, tuple(rows)))
        if self.band is not None:
            found.append(self.band.table())
        if self.barrier is not None:
            found.append(self.barrier.table())
        if self.path is not None:
            found.append(self.path.table())
        if self.checks is not None:
            found.append(self.checks.table(self.quadratic))
        return found

    def _directions(self) -> list[Row]:
        """What is known of them: eigenvalues, shares of a path, lengths and the angle between them."""
        plane = self.metadata.get("plane", {})
        rows: list[Row] = []
        if {"eigenvalues", "residuals"} <= plane.keys():
            rows.append(("eigenvalue ± residual", *zip(plane["eigenvalues"], plane["residuals"], strict=True)))
        if "shares" in plane:
            rows.append(("share of the path's squared distances", *plane["shares"]))
        if "direction_norms" in self.metadata:
            rows.append(("length", *self.metadata["direction_norms"]))
        if self.metadata.get("cosine") is not None:
            rows.append(("cosine of the angle", self.metadata["cosine"], ""))
        return [row if len(row) == 3 else (*row, "") for row in rows]

    def __repr__(self) -> str:
        low, high = self.range
        error = self.error if self.error is not None else "every point evaluated"
        metrics = f"; with {', '.join(self.metrics)}" if self.metrics else ""
        return (
            f"Surface({len(self.alphas)}×{len(self.betas)}, {self.quantity} {low:.4g}–{high:.4g}, "
            f"centre {self.centre:.4g}{give_or_take(self.metadata.get('loss_stderr'))}, "
            f"{error}, {self.evaluations} evaluations{metrics})"
        )
