"""Training runs that the page plays: what its script moves, and what its table says at each snapshot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landscape.figures.plotdata.surfaces.course import Course, Run
from landscape.figures.plotdata.surfaces.marks import snapshot_names
from landscape.figures.style import number, percent

Json = Any


def course_data(course: Course) -> dict[str, Json]:
    """Return what the page's script needs: times, and for each run its places, curves and texts.

    Everything that a run shows at a snapshot is in its row: see ``row``.
    """
    return {
        "unit": course.unit,
        "times": course.times.tolist(),
        "runs": [_run(course, run) for run in course.runs],
    }


def row(course: Course, run: Run, index: int) -> dict[str, Json]:
    """Return the texts of a run at one of its snapshots, and the share of the reach that it lies off the plane."""
    off = float(run.trajectory.off_plane[index])
    share = off / course.reach if course.reach > 0 else 0.0
    loss, under = float(run.loss[index]), float(run.under[index])
    gap = under - loss
    return {
        "name": snapshot_names(run.trajectory)[index],
        "loss": _text(loss),
        "under": _text(under) + (f" ({'+' if gap > 0 else ''}{number(gap, 2)})" if math.isfinite(gap) else ""),
        "metric": _text(float(run.metric[index])),
        "off": f"{number(off, 3)}, {percent(share)}",
        "share": share,
    }


def last_rows(course: Course) -> list[dict[str, Json]]:
    """Return the row of each run at its last snapshot, which a page shows first."""
    return [row(course, run, len(run.times) - 1) for run in course.runs]


def _run(course: Course, run: Run) -> dict[str, Json]:
    curves = {"loss": run.loss, "metric": run.metric, "off-plane": run.trajectory.off_plane}
    if run.along is not None:
        curves |= {"top": run.along.top, "trace": run.along.trace}
    return {
        "model": run.model,
        "place": run.place,
        "name": run.name,
        "label": run.label,
        "colour": run.colour,
        "times": run.times.tolist(),
        "points": run.trajectory.points.tolist(),
        "off": run.trajectory.off_plane.tolist(),
        "curves": {name: [_plain(value) for value in np.asarray(values).tolist()] for name, values in curves.items()},
        "rows": [row(course, run, index) for index in range(len(run.times))],
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(value: float) -> str:
    return number(value) if math.isfinite(value) else "–"
