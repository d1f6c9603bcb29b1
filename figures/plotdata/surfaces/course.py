"""Training runs step by step: where each stands on its surface, and what was measured there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.entries import DASHES, ModelEntry, ModelStyle
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.surfaces.marks import heights_at, run_colours, snapshot_names
from landscape.figures.style import colour, shortened
from landscape.results import Floats, Surface, Trajectory
from landscape.results.along import AlongTraining
from landscape.results.display.display_names import display_name, short_names

EPOCH, SNAPSHOT = "epoch", "snapshot"  # what time is counted in
LABEL = 24  # characters beside a marker
NAMED = re.compile(r"epoch ([0-9]+)")


@dataclass(frozen=True)
class Run:
    """One training run in the plane of a model."""

    model: int  # whose surface it is on
    place: int  # among the runs in that plane
    name: str  # any text
    label: str  # a short name, beside its marker
    colour: str
    dash: str
    trajectory: Trajectory
    times: Floats  # (T,) increasing
    under: Floats  # (T,) the loss of the surface at the nearest point of the plane; NaN outside of the surface
    along: AlongTraining | None = None

    @property
    def loss(self) -> Floats:
        """(T,) at the snapshots themselves; NaN where it is not known."""
        return self._known(self.trajectory.loss)

    @property
    def metric(self) -> Floats:
        """(T,) of the validation; NaN where it is not known."""
        return self._known(self.trajectory.metric)

    def _known(self, values: Floats) -> Floats:
        return values if len(values) else np.full(len(self.times), np.nan)

    def position(self, time: float) -> float:
        """Return how far the run has come, in snapshots from its first; between two of them a fraction.

        Before its first snapshot it stands at that, after its last at that one.
        """
        return float(np.interp(time, self.times, np.arange(len(self.times))))


@dataclass(frozen=True)
class Course:
    """Runs that are played together."""

    unit: str  # EPOCH or SNAPSHOT
    runs: tuple[Run, ...]

    @property
    def times(self) -> Floats:
        """(S,) at which any run has a snapshot, increasing."""
        return np.unique(np.concatenate([run.times for run in self.runs]))

    @property
    def reach(self) -> float:
        """The largest distance of any snapshot from the centre of its plane, with what lies off the plane."""
        squares = [np.square(run.points).sum(1) + np.square(run.off_plane) for run in (r.trajectory for r in self.runs)]
        return float(np.sqrt(np.concatenate(squares).max()))

    @property
    def metric_name(self) -> str:
        """What the validation measured, for people; empty if it is not known of any run."""
        names = [run.trajectory.metric_name for run in self.runs if np.isfinite(run.metric).any()]
        return display_name(names[0]) if names else ""


def course_of(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> Course | None:
    """Return the runs in the planes of all models; None if there is no run of two snapshots or more."""
    surfaces = {index: model.surface for index, model in enumerate(models) if model.surface is not None}
    every = [
        (index, place, surface, one)
        for index, surface in surfaces.items()
        if is_plane(surface)
        for place, one in enumerate(surface.trajectories)
    ]
    if not every or max(len(one.off_plane) for *_, one in every) < 2:
        return None
    unit, times = run_times([one for *_, one in every])
    alone = len(models) == 1
    known = list(dict.fromkeys(one.title for *_, one in every))  # a run may be in the planes of several models
    short = dict(zip(known, short_names(known), strict=True))
    runs = []
    for (index, place, surface, one), at in zip(every, times, strict=True):
        beside, along, style = models[index].along, None, styles[index]
        if len(beside) > place and beside[place] is not None and _fits(beside[place], at, unit):
            along = beside[place]
        several = len(surface.trajectories) > 1
        title = short[one.title] or (f"run {place + 1}" if several else style.name)
        runs.append(
            Run(
                model=index,
                place=place,
                name=title if alone else f"{title} in the plane of {style.name}" if several else style.name,
                label=shortened(title if several or alone else style.name, LABEL),
                colour=run_colours(len(surface.trajectories))[place] if several or alone else style.colour,
                dash=DASHES[0] if alone else DASHES[index % len(DASHES)] if several else style.dash,
                trajectory=one,
                times=at,
                under=heights_at(surface, surface.loss, one.points),
                along=along,
            )
        )
    return Course(unit, tuple(runs))


def surface_course(surface: Surface) -> Course | None:
    """Return the runs in the plane of one surface; None if there is none of two snapshots or more."""
    return course_of([ModelEntry("", surface)], [ModelStyle(0, "", colour(0), DASHES[0])])


def run_times(trajectories: Sequence[Trajectory]) -> tuple[str, list[Floats]]:
    """Return what time is counted in, and the times of each run's snapshots: epochs if all are named after theirs."""
    matches = [[NAMED.fullmatch(name) for name in snapshot_names(one)] for one in trajectories]
    epochs = [np.array([float(match[1]) if match else np.nan for match in run]) for run in matches]
    if all(np.isfinite(run).all() and (np.diff(run) > 0).all() for run in epochs):
        return EPOCH, epochs
    return SNAPSHOT, [np.arange(1.0, len(one.off_plane) + 1) for one in trajectories]


def _fits(along: AlongTraining | None, times: Floats, unit: str) -> bool:
    return along is not None and unit == EPOCH and np.array_equal(along.epochs, times)
