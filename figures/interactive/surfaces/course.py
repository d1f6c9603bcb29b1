"""Training runs step by step: a marker on the surface and on its map, and the curves that it moves along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import AHEAD, CURVE, HERE, RUNNER, STEM, axis, finish, literal, plain
from landscape.figures.interactive.surfaces.marks import laid_on
from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.course import Course, Run
from landscape.figures.plotdata.surfaces.marks import path_line, snapshot_names
from landscape.figures.style import LAMBDA_MAX
from landscape.results import Floats, Surface

PIN = 0.09  # height of the marker above the surface, as a share of the drawn range: hills in front hide less of it
TO_COME = "rgba(255,255,255,0.6)"
EDGE = "#ffffff"


def group(place: int) -> str:
    """Return the ``legendgroup`` of the traces of a run, by which a page finds them."""
    return f"run-{place}"


def add_runners_3d(figure: go.Figure, surface: Surface, heights: Heights, runs: Sequence[Run]) -> None:
    """Add for each run the path that is still to come, and a marker on a pin at its last snapshot."""
    for run in runs:
        along = laid_on(surface, heights, path_line(run.trajectory.points))
        x, y, z = (along[name][-1:] for name in "xyz")
        lift = PIN * (heights.high - heights.low)
        shared: dict[str, Any] = {"hoverinfo": "skip", "legendgroup": group(run.place)}
        figure.add_scatter3d(**along, mode="lines", line={"color": TO_COME, "width": 2}, name=AHEAD, **shared)
        figure.add_scatter3d(
            x=np.repeat(x, 2),
            y=np.repeat(y, 2),
            z=np.concatenate([z, z + lift]),
            mode="lines",
            line={"color": run.colour, "width": 4},
            name=STEM,
            **shared,
        )
        marker = {"size": 7.5, "color": run.colour, "line": {"width": 2, "color": EDGE}}
        figure.add_scatter3d(x=x, y=y, z=z + lift, mode="markers", marker=marker, name=RUNNER, **shared)


def add_runners_2d(figure: go.Figure, runs: Sequence[Run]) -> None:
    """Add for each run the path that is still to come, and a marker at its last snapshot."""
    for run in runs:
        shared: dict[str, Any] = {"hoverinfo": "skip", "legendgroup": group(run.place)}
        x, y = run.trajectory.points.T
        line = {"color": TO_COME, "width": 1.5, "dash": "dot"}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, name=AHEAD, **shared)
    for run in runs:
        marker = {"size": 15, "color": run.colour, "line": {"width": 2.5, "color": EDGE}}
        shared = {"hoverinfo": "skip", "legendgroup": group(run.place), "cliponaxis": False}
        x, y = run.trajectory.points[-1:].T
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, name=RUNNER, **shared)


def course_figures(course: Course) -> dict[str, go.Figure]:
    """Return by panel the curves along the training; ``meta`` of a trace is the model's index.

    loss: at the snapshots, and of the surface at the nearest point of the plane; metric: of the validation; off-plane:
    the distance of the snapshots from the plane; top and trace: λmax and trace at the snapshots, where
    they were measured. A quantity that is not known of any run is left out.
    """
    figures = {
        "loss": _curves(course, "loss", [(run, run.loss, None) for run in course.runs], under=True),
        "metric": _curves(course, course.metric_name, [(run, run.metric, None) for run in course.runs]),
        "off-plane": _curves(course, "distance off", [(run, run.trajectory.off_plane, None) for run in course.runs]),
    }
    for name, title, value, error in (
        ("top", LAMBDA_MAX, "top", "top_residual"),
        ("trace", "trace", "trace", "trace_stderr"),
    ):
        rows = [
            (run, getattr(run.along, value), getattr(run.along, error)) for run in course.runs if run.along is not None
        ]
        figures[name] = _curves(course, title, rows) if rows else None
    return {name: figure for name, figure in figures.items() if figure is not None}


def _curves(
    course: Course, title: str, rows: Sequence[tuple[Run, Floats, Floats | None]], *, under: bool = False
) -> go.Figure | None:
    finite = [values[np.isfinite(values)] for _, values, _ in rows]
    finite += [run.under[np.isfinite(run.under)] for run, _, _ in rows] if under else []
    every = np.concatenate([*finite, np.empty(0)])
    if not any(np.isfinite(values).any() for _, values, _ in rows):
        return None
    figure = go.Figure()
    for run, values, errors in rows:
        shared: dict[str, Any] = {"legendgroup": group(run.place), "meta": run.model}
        if under:
            dotted = {"color": run.colour, "width": 1.2, "dash": "dot"}
            figure.add_scatter(
                x=run.times, y=run.under, mode="lines", line=dotted, hoverinfo="skip", name="surface", **shared
            )
        labels = [f"{literal(run.name)}<br>{plain(name)}" for name in snapshot_names(run.trajectory)]
        figure.add_scatter(
            x=run.times,
            y=values,
            mode="lines+markers",
            line={"color": run.colour, "width": 2, "dash": run.dash},
            marker={"size": 4, "color": run.colour},
            error_y=_bars(errors),
            text=labels,
            hovertemplate=f"%{{text}}<br>{plain(title)} %{{y:.5~g}}<extra></extra>",
            connectgaps=True,
            name=CURVE,
            **shared,
        )
    for run, values, _ in rows:
        known = np.flatnonzero(np.isfinite(values))[-1:]
        figure.add_scatter(
            x=run.times[known],
            y=values[known],
            mode="markers",
            marker={"size": 11, "color": run.colour, "line": {"width": 2, "color": EDGE}},
            hoverinfo="skip",
            cliponaxis=False,
            name=HERE,
            legendgroup=group(run.place),
            meta=run.model,
        )
    margin = 0.08 * float(np.ptp(every)) or 1.0
    first, last = float(course.times[0]), float(course.times[-1])
    beyond = 0.02 * (last - first)
    return finish(
        figure,
        None,
        xaxis={**axis(first - beyond, last + beyond, course.unit), "zeroline": False},
        yaxis={**axis(float(every.min()) - margin, float(every.max()) + margin, ""), "zeroline": False},
        hovermode="closest",
        margin={"l": 52, "r": 10, "t": 8, "b": 44},
    )


def _bars(errors: Floats | None) -> Mapping[str, Any]:
    if errors is None:
        return {"visible": False}
    return {"type": "data", "array": errors, "width": 2, "thickness": 1}
