"""What lies on a surface or its map: contours, evaluated points, marks, a path, a ball, the quadratic model."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import (
    BALL,
    CENTRE,
    CONTOURS,
    EVALUATED,
    MARKS,
    NOT_FINITE,
    PATH,
    QUADRATIC,
    colour_scale,
    compact,
    lines,
    plain,
    where,
)
from landscape.figures.plotdata.contours import contour_lines
from landscape.figures.plotdata.planes import (
    CENTRE_NAME,
    Spot,
    ball,
    heights_at,
    path_line,
    quadratic_heights,
    quadratic_reach,
    snapshot_names,
    snapshot_told,
    spots,
)
from landscape.figures.plotdata.scales import Heights, not_finite
from landscape.figures.style import BALL_COLOUR, GREEK_RHO, MARK, PATH_COLOURS, QUADRATIC_COLOUR, number, shortened
from landscape.results import Floats, Surface

LIFT = 0.006  # of the drawn range: how far lines lie above the surface that they lie on


def just_above(floor: float, drawn: Heights) -> float:
    """A height that is the floor to the eye; at the very edge of the scene rounding would clip."""
    return floor + 0.004 * (drawn.high - drawn.low)


def laid_on(surface: Surface, drawn: Heights, points: Floats) -> dict[str, Any]:
    """The coordinates of points (N, 2) on the surface in a scene, a little above it."""
    z = heights_at(surface, drawn.values, points) + LIFT * (drawn.high - drawn.low)
    return {"x": points[:, 0], "y": points[:, 1], "z": z}


def add_contours_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    """Draw the contour lines on the floor of a scene, in the colours of their levels."""
    # Not plotly's own projected contours: around a hole they contain points without coordinates, at which a browser
    # without a GPU computes for a minute.
    if drawn.flat:
        return
    points, levels = contour_lines(surface.alphas, surface.betas, drawn.values, drawn.levels)
    figure.add_scatter3d(
        x=compact(points[:, 0]),
        y=compact(points[:, 1]),
        z=np.full(len(points), just_above(floor, drawn), dtype=np.float32),
        mode="lines",
        connectgaps=False,
        line={
            "width": 3,
            "color": compact(levels),
            "colorscale": colour_scale(),
            "cmin": drawn.low,
            "cmax": drawn.high,
        },
        hoverinfo="skip",
        name=CONTOURS,
    )


def add_spots_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    """Mark the centre and the named points on the surface, with lines down to the floor and their values beside."""
    floor = just_above(floor, drawn)
    labels: list[dict[str, Any]] = []
    for spot in spots(surface):
        height = drawn.place(spot.value)
        if not np.isfinite(height):
            continue
        at = {"x": spot.alpha, "y": spot.beta, "z": height}
        figure.add_scatter3d(
            x=[spot.alpha] * 2,
            y=[spot.beta] * 2,
            z=[floor, height],
            mode="lines",
            line={"color": MARK, "width": 3},
            hoverinfo="skip",
            name=_trace_name(spot),
        )
        figure.add_scatter3d(**{axis: [place] for axis, place in at.items()}, **spot_marker(surface, spot, size=5))
        # The surface hides half of the marker; this arrow's tip is drawn above everything.
        labels.append(
            {
                **at,
                "text": f"{plain(shortened(spot.name, 20))} {number(spot.value)}",
                "ax": 0,
                "ay": -46 - 24 * len(labels),  # or they would hide each other
                "arrowhead": 6,
                "arrowsize": 0.9,
                "arrowwidth": 1.6,
                "arrowcolor": MARK,
                "borderpad": 3,
            }
        )
    figure.update_layout(scene_annotations=labels)


def add_spots_2d(figure: go.Figure, surface: Surface, *, size: int) -> None:
    """Mark the centre and the named points on the map; those that have a name of their own are labelled."""
    for spot in spots(surface):
        figure.add_scatter(x=[spot.alpha], y=[spot.beta], **spot_marker(surface, spot, size=size))
        if spot.name != CENTRE_NAME:
            figure.add_annotation(**label_2d(spot.alpha, spot.beta, spot.name, surface.alphas))


def label_2d(x: float, y: float, name: str, axis: Floats) -> dict[str, Any]:
    """A name above a point, turned inwards near either end of the horizontal axis."""
    place = (x - axis[0]) / (axis[-1] - axis[0]) if len(axis) > 1 else 0.5
    anchor = "right" if place > 0.85 else "left" if place < 0.15 else "center"
    text = plain(shortened(name, 20))
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": anchor, "yshift": 17, "borderpad": 2}


def spot_marker(surface: Surface, spot: Spot, *, size: int) -> dict[str, Any]:
    """The mark of a named point, for a trace of any kind."""
    is_centre = (spot.alpha, spot.beta) == (0, 0)
    name = "centre: the trained model" if spot.name == CENTRE_NAME else spot.name
    return {
        "mode": "markers",
        "marker": {
            "size": size,
            "color": MARK,
            "symbol": "circle" if is_centre else "diamond",
            "line": {"width": 1.5, "color": "#ffffff"},
        },
        "text": [lines(name, f"{surface.quantity} {spot.told}")],
        "hovertemplate": "%{text}<extra></extra>",
        "name": _trace_name(spot),
    }


def _trace_name(spot: Spot) -> str:
    return CENTRE if (spot.alpha, spot.beta) == (0, 0) else MARKS


def add_path_3d(figure: go.Figure, surface: Surface, drawn: Heights) -> None:
    """Lay the training run's path on the surface: pale at its beginning, strong at its end."""
    if surface.trajectory is None or not len(surface.trajectory.points):
        return
    along = laid_on(surface, drawn, path_line(surface.trajectory.points))
    line = {"color": PATH_COLOURS[-1], "width": 5}
    figure.add_scatter3d(**along, mode="lines", line=line, hoverinfo="skip", name=PATH, connectgaps=False)
    figure.add_scatter3d(**laid_on(surface, drawn, surface.trajectory.points), **_snapshots(surface, size=4))


def add_path_2d(figure: go.Figure, surface: Surface) -> None:
    """Draw the training run's path on the map: pale at its beginning, strong at its end, both ends named."""
    if surface.trajectory is None or not len(surface.trajectory.points):
        return
    x, y = surface.trajectory.points.T
    for colour, width in (("rgba(255,255,255,0.75)", 5), (PATH_COLOURS[-1], 2)):
        line = {"color": colour, "width": width}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name=PATH)
    figure.add_scatter(x=x, y=y, **_snapshots(surface, size=8))
    taken = {(spot.alpha, spot.beta) for spot in spots(surface) if spot.name != CENTRE_NAME}
    names = snapshot_names(surface)
    for index in dict.fromkeys((0, len(names) - 1)):
        at = x[index], y[index]
        crowded = any(np.hypot(at[0] - a, at[1] - b) < 0.05 * np.ptp(surface.alphas) for a, b in taken)
        if not crowded:
            figure.add_annotation(**label_2d(*at, names[index], surface.alphas))


def _snapshots(surface: Surface, *, size: int) -> dict[str, Any]:
    told = snapshot_told(surface)
    return {
        "mode": "markers",
        "marker": {
            "size": size,
            "color": np.arange(len(told)),
            "cmin": 0,
            "cmax": max(len(told) - 1, 1),
            "colorscale": colour_scale(PATH_COLOURS),
            "line": {"width": 1, "color": "#15191e"},
        },
        "text": [lines(*each) for each in told],
        "hovertemplate": "%{text}<extra></extra>",
        "name": PATH,
    }


def add_ball_3d(figure: go.Figure, surface: Surface, drawn: Heights, rho: float | None) -> None:
    """Lay the boundary of ‖δ‖ ≤ ρ on the surface."""
    if rho is not None:
        figure.add_scatter3d(**laid_on(surface, drawn, ball(surface, rho)), connectgaps=False, **_ball(rho))


def add_ball_2d(figure: go.Figure, surface: Surface, rho: float | None) -> None:
    """Draw the boundary of ‖δ‖ ≤ ρ on the map."""
    if rho is not None:
        x, y = ball(surface, rho).T
        figure.add_scatter(x=x, y=y, **_ball(rho))


def _ball(rho: float) -> dict[str, Any]:
    return {
        "mode": "lines",
        "line": {"color": BALL_COLOUR, "width": 3},
        "text": f"distance {GREEK_RHO} = {number(rho)} from the centre",
        "hoverinfo": "text",
        "name": BALL,
    }


def add_quadratic_3d(figure: go.Figure, surface: Surface, drawn: Heights, quadratic: bool) -> None:
    """Draw what gradient and Hessian alone say of the loss, as a surface to look through."""
    if not quadratic:
        return
    z = quadratic_heights(surface, drawn)
    figure.add_surface(
        x=surface.alphas,
        y=surface.betas,
        z=compact(z),
        visible=bool(np.isfinite(z).any()),
        colorscale=[(0, QUADRATIC_COLOUR), (1, QUADRATIC_COLOUR)],
        opacity=0.45,
        showscale=False,
        contours={axis: {"highlight": False} for axis in "xyz"},
        hoverinfo="skip",
        name=QUADRATIC,
    )


def add_quadratic_2d(figure: go.Figure, surface: Surface, quadratic: bool) -> None:
    """Draw how far the quadratic model reaches: where the loss departs from it, ray by ray."""
    if not quadratic:
        return
    x, y = quadratic_reach(surface).T
    share = surface.quadratic.share if surface.quadratic is not None else np.nan
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": QUADRATIC_COLOUR, "width": 2, "dash": "dot"},
        marker={"size": 5, "color": QUADRATIC_COLOUR},
        text=f"beyond, the quadratic model is off by more than {share:.0%} of its rise",
        hoverinfo="text",
        connectgaps=False,
        name=QUADRATIC,
    )


def add_evaluated_2d(figure: go.Figure, surface: Surface) -> None:
    """Show where the loss was evaluated, if it was not everywhere."""
    if surface.evaluated.all() or not len(surface.nodes):
        return
    figure.add_scatter(
        x=surface.nodes[:, 0],
        y=surface.nodes[:, 1],
        mode="markers",
        marker={"size": 4, "color": "rgba(255,255,255,0.85)", "line": {"width": 0.7, "color": "rgba(0,0,0,0.55)"}},
        text=[number(loss, 5) for loss in surface.node_loss],
        hovertemplate=f"{where(surface)}<br>{plain(surface.quantity)} %{{text}}<br>evaluated<extra></extra>",
        name=EVALUATED,
        cliponaxis=False,
    )


def add_not_finite(figure: go.Figure, surface: Surface) -> None:
    """Mark the points that were evaluated and gave no finite loss."""
    rows, columns = np.nonzero(not_finite(surface))
    if not len(rows):
        return
    figure.add_scatter(
        x=surface.alphas[columns],
        y=surface.betas[rows],
        mode="markers",
        marker={"size": 5, "symbol": "x-thin", "line": {"width": 1, "color": "#8a929c"}},
        text=[number(loss) for loss in surface.loss[rows, columns]],
        hovertemplate=f"{where(surface)}<br>{plain(surface.quantity)} %{{text}}<br>evaluated<extra></extra>",
        name=NOT_FINITE,
    )
