"""Points and paths on a surface or its map: the centre, marks, the snapshots of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import CENTRE, MARKS, PATH, QUIET, colour_scale, joined, plain
from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.marks import (
    CENTRE_NAME,
    Spot,
    coloured_paths,
    heights_at,
    path_line,
    snapshot_hovers,
    snapshot_names,
    spots,
    trajectory_of,
)
from landscape.figures.style import SPOT, SPOT_EDGE, number, shortened
from landscape.results import Floats, Surface, Trajectory

NAME = 36  # characters of a name beside a point
LIFT = 0.006  # of the drawn range: how far lines lie above the surface that they lie on


def just_above(floor: float, heights: Heights) -> float:
    """Return a height that looks like the floor; at the very edge of the scene rounding would clip lines."""
    return floor + 0.004 * (heights.high - heights.low)


def laid_on(surface: Surface, heights: Heights, points: Floats, lift: float = LIFT) -> dict[str, Any]:
    """Return the coordinates of points (N, 2) on the surface in a scene, a little above it."""
    z = heights_at(surface, heights.values, points) + lift * (heights.high - heights.low)
    return {"x": points[:, 0], "y": points[:, 1], "z": z}


def add_spots_3d(figure: go.Figure, surface: Surface, heights: Heights) -> None:
    """Mark the centre and the named points on the surface, with lines down to the floor and their values beside."""
    floor = just_above(heights.floor, heights)
    labels: list[dict[str, Any]] = []
    for spot in spots(surface):
        height = heights.place(spot.value)
        if not np.isfinite(height):
            continue
        at = {"x": spot.alpha, "y": spot.beta, "z": height}
        figure.add_scatter3d(
            x=[spot.alpha] * 2,
            y=[spot.beta] * 2,
            z=[floor, height],
            mode="lines",
            line={"color": QUIET, "width": 3},
            hoverinfo="skip",
            name=_trace_name(spot),
        )
        figure.add_scatter3d(**{axis: [place] for axis, place in at.items()}, **spot_marker(surface, spot, size=5))
        # The surface hides half of the marker; this arrow's tip is drawn above everything.
        labels.append(
            {
                **at,
                "text": f"{plain(shortened(spot.name, NAME))} {number(spot.value)}",
                "ax": 0,
                "ay": -46 - 24 * len(labels),  # so that they do not hide each other
                "arrowhead": 6,
                "arrowsize": 0.9,
                "arrowwidth": 1.6,
                "arrowcolor": QUIET,
                "borderpad": 3,
            }
        )
    figure.update_layout(scene_annotations=labels)


def add_spots_2d(figure: go.Figure, surface: Surface, *, size: int) -> None:
    """Mark the centre and the named points on the map; points with names are labelled."""
    for spot in spots(surface):
        figure.add_scatter(x=[spot.alpha], y=[spot.beta], **spot_marker(surface, spot, size=size))
        if spot.name != CENTRE_NAME:
            figure.add_annotation(**label_2d(spot.alpha, spot.beta, spot.name, surface.alphas))


def label_2d(x: float, y: float, name: str, axis: Floats) -> dict[str, Any]:
    """Return a name above a point, turned inwards near either end of the horizontal axis."""
    place = (x - axis[0]) / (axis[-1] - axis[0]) if len(axis) > 1 else 0.5
    anchor = "right" if place > 0.85 else "left" if place < 0.15 else "center"
    text = plain(shortened(name, NAME))
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": anchor, "yshift": 17, "borderpad": 2}


def spot_marker(surface: Surface, spot: Spot, *, size: int) -> dict[str, Any]:
    """Return the marker of a named point, for a trace of any kind."""
    name = "centre: the trained model" if spot.name == CENTRE_NAME else spot.name
    return {
        "mode": "markers",
        "marker": {
            "size": size,
            "color": SPOT,
            "symbol": "circle" if spot.is_centre else "diamond",
            "line": {"width": 1.5, "color": SPOT_EDGE},
        },
        "text": [joined(name, f"{surface.quantity} {spot.description}")],
        "hovertemplate": "%{text}<extra></extra>",
        "name": _trace_name(spot),
    }


def _trace_name(spot: Spot) -> str:
    return CENTRE if spot.is_centre else MARKS


def add_path_3d(figure: go.Figure, surface: Surface, heights: Heights) -> None:
    """Lay the paths of the training runs on the surface: pale at the beginning, strong at the end."""
    for place, (trajectory, colours) in enumerate(coloured_paths(surface)):
        line, group = {"color": colours[-1], "width": 5}, {"legendgroup": f"run-{place}"}
        along = laid_on(surface, heights, path_line(trajectory.points))
        figure.add_scatter3d(**along, mode="lines", line=line, hoverinfo="skip", name=PATH, connectgaps=False, **group)
        snapshots = _snapshots(trajectory, colours, size=4)
        figure.add_scatter3d(**laid_on(surface, heights, trajectory.points, 3 * LIFT), **snapshots, **group)


def add_path_2d(figure: go.Figure, surface: Surface) -> None:
    """Draw the paths of the training runs on the map: pale at the beginning, strong at the end, with both ends named.

    Of several runs only the first has names at its ends: all may begin at one point.
    """
    for place, (trajectory, colours) in enumerate(coloured_paths(surface)):
        x, y = trajectory.points.T
        group = {"legendgroup": f"run-{place}"}
        for colour, width in (("rgba(255,255,255,0.75)", 5), (colours[-1], 2)):
            line = {"color": colour, "width": width}
            figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name=PATH, **group)
        figure.add_scatter(x=x, y=y, **_snapshots(trajectory, colours, size=8), **group)
    first = trajectory_of(surface)
    if first is None:
        return
    labelled = {(spot.alpha, spot.beta) for spot in spots(surface) if spot.name != CENTRE_NAME}
    names = snapshot_names(first)
    for index in dict.fromkeys((0, len(names) - 1)):
        at = first.points[index]
        crowded = any(_overlap(surface, at, other) for other in labelled)
        if not crowded:
            figure.add_annotation(**label_2d(float(at[0]), float(at[1]), names[index], surface.alphas))


def _overlap(surface: Surface, one: Floats, other: tuple[float, float]) -> bool:
    """Whether names above two points of the map would cover each other."""
    across, along = (abs(one[0] - other[0]), abs(one[1] - other[1]))
    return bool(across < 0.16 * np.ptp(surface.alphas) and along < 0.08 * np.ptp(surface.betas))


def _snapshots(trajectory: Trajectory, colours: Sequence[str], *, size: int) -> dict[str, Any]:
    hovers = snapshot_hovers(trajectory)
    return {
        "mode": "markers",
        "marker": {
            "size": size,
            "color": np.arange(len(hovers)),
            "cmin": 0,
            "cmax": max(len(hovers) - 1, 1),
            "colorscale": colour_scale(colours),
            "line": {"width": 1, "color": "#15191e"},
        },
        "text": [joined(*lines) for lines in hovers],
        "hovertemplate": "%{text}<extra></extra>",
        "name": PATH,
    }
