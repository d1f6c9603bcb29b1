"""A study: the record of its runs, which is stored, and the report made from it, which is drawn.

The record (``study.json``) holds what was measured, one entry a run, and is small enough to be kept under version
control. The report holds what the record says: estimates over seeds with intervals, verdicts on claims. It is made by
``training.study.report`` and drawn by ``figures.study``.
"""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.results.numerics.arrays import Floats, Metadata
from landscape.results.surface import Surface

MOST_USERS = 1 << 27  # whose ranks are unpacked: a few compressed bytes may stand for any number
HIGHEST_RANK = 255  # stored for all worse ones: metrics look at the first 20 places


@dataclass(frozen=True)
class Estimate:
    """A value with its interval. The bounds are NaN where the data do not allow an interval, as for a single seed."""

    mean: float
    low: float
    high: float
    count: int  # runs, or pairs of runs

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.mean:.4f}"
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


# ---- the record ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SurfaceGrid:
    """What a picture needs of a surface."""

    alphas: Floats  # (A,)
    betas: Floats  # (B,)
    loss: Floats  # (B, A)

    @classmethod
    def of(cls, surface: Surface) -> SurfaceGrid:
        """Return the grid of a surface, its losses to six decimals."""
        return cls(surface.alphas, surface.betas, surface.loss.round(6))

    def surface(self) -> Surface:
        """Return a surface that holds nothing but the grid."""
        return Surface(self.alphas, self.betas, self.loss, np.ones(self.loss.shape, dtype=bool))


@dataclass(frozen=True)
class RunRecord:
    """What was measured of one run."""

    run: str  # name of its folder
    title: str
    data: str
    seed: int
    settings: Metadata  # all that affect the training
    error: str = ""  # why the run failed; then nothing below is known
    epoch: int = 0  # of the best validation NDCG@20, whose weights are measured
    epochs: int = 0  # trained
    validation: dict[str, float] = field(default_factory=dict)  # metric -> mean over users
    test: dict[str, float] = field(default_factory=dict)
    ranks: str = ""  # of the test items, user by user: ``pack_ranks``
    geometry: dict[str, float] = field(default_factory=dict)  # measure -> value; ``training.study.geometry`` names them
    stderr: dict[str, float] = field(default_factory=dict)  # of those measures that are estimates
    surface: SurfaceGrid | None = None  # for Figure 1
    along: tuple[dict[str, float], ...] = ()  # a row for each snapshot: epoch, and measures
    hashes: dict[str, str] = field(default_factory=dict)  # SHA-256 of the data, the attributes, the checkpoint
    seconds: dict[str, float] = field(default_factory=dict)  # by step: training, ranking, geometry
    metadata: Metadata = field(default_factory=dict)  # versions, machine


@dataclass(frozen=True)
class StudyRecord:
    """All runs of a study that are finished or have failed."""

    title: str
    file: Metadata  # the study's file, as it was read
    runs: tuple[RunRecord, ...]


def pack_ranks(ranks: NDArray[np.float64]) -> str:
    """Return ranks as text: one byte a user, compressed, in base 64.

    Args:
        ranks: (U,) 0 is best; infinite for a target that is no candidate. NaN is an error.

    Raises:
        ValueError: A rank is NaN.
    """
    if np.isnan(ranks).any():
        raise ValueError("a rank is NaN: the model's scores are not finite")
    small = np.minimum(ranks, HIGHEST_RANK).astype(np.uint8)
    return base64.b64encode(zlib.compress(small.tobytes(), 9)).decode()


def unpack_ranks(text: str) -> NDArray[np.float64]:
    """Return what ``pack_ranks`` packed; ranks of 255 or more are 255.

    Raises:
        ValueError: It is something else, or of more than ``MOST_USERS``.

    >>> unpack_ranks(pack_ranks(np.array([0.0, 7.0, 1000.0, np.inf])))
    array([  0.,   7., 255., 255.])
    """
    unpacked = zlib.decompressobj()
    try:
        ranks = unpacked.decompress(base64.b64decode(text, validate=True), MOST_USERS)
    except (ValueError, zlib.error) as problem:
        raise ValueError(f"no ranks are packed in this text: {problem}") from None
    if not unpacked.eof:
        raise ValueError(f"the packed ranks are cut off, or of more than {MOST_USERS} users")
    return np.frombuffer(ranks, dtype=np.uint8).astype(np.float64)


# ---- the report ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A quantity of one method on one data set, over the seeds."""

    estimate: Estimate | None  # None: no run is finished
    values: tuple[float, ...] = ()  # by seed
    seeds: tuple[int, ...] = ()
    failed: int = 0  # runs that failed: the estimate is then NaN, and not the mean of the others
    missing: int = 0  # runs that are planned and not finished
    published: float | None = None
    note: str = ""  # why there is nothing, such as a data set without attributes
    best: bool = False  # of its column


@dataclass(frozen=True)
class StudyTable:
    """Methods by data set and metric."""

    key: str  # file name of its exports
    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]  # (data, metric)
    cells: tuple[tuple[Cell, ...], ...]  # rows × columns


@dataclass(frozen=True)
class Series:
    """A line of a chart: a cell for each x."""

    name: str
    x: tuple[float, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Chart:
    """Lines over a setting or over epochs, with the seeds behind them."""

    key: str  # charts of one figure share it
    title: str
    panel: str  # the data set, or data set and measure
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    note: str = ""  # what is not finished, where the cells do not tell


@dataclass(frozen=True)
class ScatterPoint:
    """A run in a scatter plot."""

    method: str
    run: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """A measure of flatness against a measure of success, over the runs of a data set."""

    data: str
    x_title: str
    y_title: str
    points: tuple[ScatterPoint, ...]
    overall: Estimate  # Kendall's τ over all runs
    within: Estimate  # within methods


@dataclass(frozen=True)
class ModelSurface:
    """The loss surface of one run, and its eigenvalues."""

    data: str
    method: str
    seed: int
    surface: Surface | None
    eigenvalues: dict[str, float]  # λ₁, λ₂, λmin


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim on one data set."""

    data: str
    verdict: str  # supported, contradicted, undecided, not tested
    difference: Estimate
    effect: float | None  # claimed
    p_values: tuple[float, float]  # adjusted; for, and against
    over_users: Estimate | None = None  # the difference with an interval over seeds and users; of ranking metrics
    planned: int = 0  # pairs of runs that the study has when it is finished


@dataclass(frozen=True)
class Claim:
    """A claim, and the verdict on it."""

    text: str
    source: str  # where it is claimed
    unit: str  # of differences and effects: ``relative``, ``log₁₀`` …
    rule: str  # by which it is judged, as text
    verdict: str
    by_data: tuple[ClaimVerdict, ...]
    margin: bool = False  # whether the effects are margins around 0 within which two methods are claimed to be equal


@dataclass(frozen=True)
class StudyReport:
    """All that a study says."""

    title: str
    lines: tuple[str, ...]  # what was run: data, seeds, users; what is missing
    summary: str = ""  # the verdicts in one sentence
    claims: tuple[Claim, ...] = ()
    tables: tuple[StudyTable, ...] = ()
    charts: tuple[Chart, ...] = ()
    scatters: tuple[Scatter, ...] = ()
    surfaces: tuple[ModelSurface, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()  # (run, error)
