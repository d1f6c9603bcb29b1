"""What is drawn where several models stand side by side: what they share, and what is drawn of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from landscape.figures.plotdata.planes import ball
from landscape.figures.plotdata.scales import Heights, Limits, heights, shared_limits
from landscape.results import Curvature, Floats, Localization, Surface

LINEAR, LOG, RISE = "linear", "log", "rise"
SCALES = (LINEAR, LOG, RISE)
LOSS = "loss"
VALIDATED, TRAINED = "valid_ndcg@20", "train_loss"  # columns of a history


@dataclass(frozen=True)
class Shown:
    """What is drawn of several models' surfaces on one scale."""

    surfaces: list[Surface | None]  # None: nothing to draw
    drawn: list[Heights | None]
    limits: Limits | None  # of the heights of all; None where there is nothing to draw
    alphas: Limits  # from the lowest coordinate of any surface to the highest
    betas: Limits
    log: bool

    @property
    def common(self) -> Heights:
        """The scale that they share, with the ticks and levels of all."""
        assert self.limits is not None
        some = next(each for each in self.drawn if each is not None)
        return replace(some, low=self.limits[0], high=self.limits[1])


def shown(surfaces: Sequence[Surface | None], scale: str) -> Shown:
    """The surfaces on a scale, with the limits that hold all of them."""
    log = scale == LOG
    found: list[Surface | None] = []
    drawn: list[Heights | None] = []
    for surface in surfaces:
        usable = surface is not None and np.isfinite(surface.loss).any()
        of = (risen(surface) if scale == RISE else surface) if usable and surface is not None else None
        these = None if of is None else heights(of, log=log)
        if these is not None and not these.any:
            of = these = None
        found.append(of)
        drawn.append(these)
    return Shown(
        found,
        drawn,
        shared_limits(each for each in drawn if each is not None),
        _union(surface.alphas for surface in found if surface is not None),
        _union(surface.betas for surface in found if surface is not None),
        log,
    )


def _union(axes: Iterable[Floats]) -> Limits:
    ends = np.concatenate([np.empty(0), *axes])
    return (float(ends.min()), float(ends.max())) if len(ends) else (-1.0, 1.0)


def risen(surface: Surface) -> Surface:
    """The same surface as heights above its lowest point shown: its shape, without its level."""
    low, _ = surface.range
    return replace(
        surface,
        loss=surface.loss - low,
        node_loss=surface.node_loss - low,
        metadata={**surface.metadata, "quantity": f"{surface.quantity} above its lowest"},
    )


def is_plane(surface: Surface) -> bool:
    """Whether there is an area to draw."""
    return min(surface.loss.shape) > 1


def quantity_of(surface: Surface | None, quantity: str) -> Surface | None:
    """The loss, or a metric as a surface of its own; None where the surface has none of that name."""
    if surface is None or quantity == LOSS:
        return surface
    return surface.of(quantity) if quantity in surface.metrics else None


def quantities(surfaces: Iterable[Surface | None]) -> list[str]:
    """The loss, and every metric that any of the surfaces has all over, and not on a line of a plane only."""
    metrics = (
        name
        for surface in surfaces
        if surface is not None
        for name in surface.metrics
        if is_plane(surface.of(name)) == is_plane(surface)
    )
    return list(dict.fromkeys([LOSS, *metrics]))


def ball_fits(surface: Surface, rho: float) -> bool:
    """Whether the surface tells what is needed to draw the ball's boundary."""
    try:
        ball(surface, rho)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Series:
    """A number of a training run, epoch by epoch."""

    epochs: Floats  # (E,)
    values: Floats  # (E,) NaN where it was not measured


def series(history: Sequence[Mapping[str, float | str]], column: str) -> Series:
    """A column of a history; of its stages only those that were validated, as pre-training minimises another loss."""
    epochs, stages = _numbers(history, "epoch"), [str(row.get("stage", "")) for row in history]
    validated = {
        stage for stage, value in zip(stages, _numbers(history, VALIDATED), strict=True) if math.isfinite(value)
    }
    kept = np.array([not validated or stage in validated for stage in stages], dtype=bool)
    return Series(epochs[kept], _numbers(history, column)[kept])


def _numbers(history: Sequence[Mapping[str, float | str]], column: str) -> Floats:
    return np.array([_number(row.get(column, math.nan)) for row in history], dtype=np.float64)


def _number(told: float | str) -> float:
    try:
        return float(told)
    except (TypeError, ValueError):
        return math.nan


@dataclass(frozen=True)
class Masses:
    """Where the first eigenvectors lie, one column a model."""

    by: str
    groups: tuple[str, ...]  # (G,) any text
    models: tuple[int, ...]  # (M,) which of the models have a column
    values: Floats  # (G, M) shares; NaN where a model has no such group
    errors: Floats  # (M,) by how much each share of a column may be off
    baselines: Mapping[str, Floats]  # name -> (G,), where all models have the same

    @property
    def high(self) -> float:
        """The top of the colour scale."""
        return float(np.nanmax(np.concatenate([self.values.ravel(), *self.baselines.values()]), initial=0.0)) or 1.0


def masses(curvatures: Sequence[Curvature | None]) -> list[Masses]:
    """For each way of grouping that any curvature has: the first eigenvectors' mass by group."""
    found: dict[str, dict[int, Localization]] = {}
    for index, curvature in enumerate(curvatures):
        for shares in curvature.localization if curvature is not None else ():
            if len(shares.values):
                found.setdefault(shares.by, {})[index] = shares
    return [_masses(by, each) for by, each in found.items()]


def _masses(by: str, shares: Mapping[int, Localization]) -> Masses:
    groups = tuple(dict.fromkeys(group for each in shares.values() for group in each.groups))
    values = np.full((len(groups), len(shares)), np.nan)
    for column, each in enumerate(shares.values()):
        values[[groups.index(group) for group in each.groups], column] = each.values[0]
    first, *others = shares.values()
    baselines = {
        name: baseline
        for name, baseline in first.baselines.items()
        if first.groups == groups
        and len(baseline) == len(groups)
        and all(
            each.groups == groups and np.allclose(each.baselines.get(name, np.nan), baseline, atol=5e-3)
            for each in others
        )
    }
    errors = np.array([each.errors[0] for each in shares.values()])
    return Masses(by, groups, tuple(shares), values, errors, baselines)
