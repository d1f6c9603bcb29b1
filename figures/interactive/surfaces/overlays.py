"""What is drawn over a surface or its map: contours, evaluated points, a ball, the quadratic model."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import (
    BALL,
    CONTOURS,
    CURVE,
    EVALUATED,
    LEVELS,
    NOT_FINITE,
    QUADRATIC,
    QUIET,
    colour_scale,
    compact,
    coordinates_hover,
    plain,
)
from landscape.figures.interactive.surfaces.marks import LIFT, just_above, laid_on
from landscape.figures.plotdata.extents import not_finite
from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.contours import contour_lines
from landscape.figures.plotdata.surfaces.curves import curve_line
from landscape.figures.plotdata.surfaces.planes import ball, quadratic_heights, quadratic_reach, require_quadratic
from landscape.figures.style import (
    BALL_COLOUR,
    COLOUR_SCALE,
    GREEK_RHO,
    QUADRATIC_COLOUR,
    SPOT,
    SPOT_EDGE,
    blended,
    number,
)
from landscape.results import Surface

SHARD = 0.06  # of a side: a shorter contour, at a corner, looks like a fault
# Of lines on the surface: the colours of the scale, toward white where they are dark and toward black where not.
LINE_COLOURS = [
    blended(colour, SPOT if place < 0.6 * len(COLOUR_SCALE) else SPOT_EDGE, 0.4)
    for place, colour in enumerate(COLOUR_SCALE)
]


def add_contours_3d(figure: go.Figure, surface: Surface, heights: Heights) -> None:
    """Draw the lines of equal height, at the levels of the map, on the surface and again on the floor below it.

    On the floor they have the colours of their levels, on the surface lighter or darker ones, which stand out from it.
    """
    # Not plotly's own contours: around a hole they contain points without coordinates, for which a browser without a
    # GPU computes for a minute.
    if heights.flat:
        return
    points, levels = contour_lines(surface.alphas, surface.betas, heights.values, heights.levels, shortest=SHARD)
    x, y, colours = compact(points[:, 0]), compact(points[:, 1]), compact(levels)
    common: dict[str, Any] = {"mode": "lines", "connectgaps": False, "hoverinfo": "skip"}
    line = {"color": colours, "cmin": heights.low, "cmax": heights.high}
    floor = np.full(len(points), just_above(heights.floor, heights), dtype=np.float32)
    above = compact(levels + LIFT * (heights.high - heights.low))
    figure.add_scatter3d(
        x=x, y=y, z=floor, line={**line, "width": 3, "colorscale": colour_scale()}, name=CONTOURS, **common
    )
    figure.add_scatter3d(
        x=x, y=y, z=above, line={**line, "width": 1.5, "colorscale": colour_scale(LINE_COLOURS)}, name=LEVELS, **common
    )


def add_ball_3d(figure: go.Figure, surface: Surface, heights: Heights, rho: float | None) -> None:
    """Lay the boundary of ‖δ‖ ≤ ρ on the surface."""
    if rho is not None:
        figure.add_scatter3d(**laid_on(surface, heights, ball(surface, rho)), connectgaps=False, **_ball(rho))


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


def add_curve_3d(figure: go.Figure, surface: Surface, heights: Heights) -> None:
    """Lay the curve of low loss on the surface, if there is one."""
    line = curve_line(surface)
    if line is not None:
        figure.add_scatter3d(**laid_on(surface, heights, line), connectgaps=False, **_curve())


def add_curve_2d(figure: go.Figure, surface: Surface) -> None:
    """Draw the curve of low loss on the map, if there is one."""
    line = curve_line(surface)
    if line is not None:
        x, y = line.T
        figure.add_scatter(x=x, y=y, **_curve())


def _curve() -> dict[str, Any]:
    return {
        "mode": "lines",
        "line": {"color": SPOT, "width": 4},
        "text": CURVE,
        "hoverinfo": "text",
        "name": CURVE,
    }


def add_quadratic_3d(figure: go.Figure, surface: Surface, heights: Heights, quadratic: bool) -> None:
    """Draw the loss as gradient and Hessian alone predict it, as a transparent surface."""
    if not quadratic:
        return
    z = quadratic_heights(surface, heights)
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
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": QUADRATIC_COLOUR, "width": 2, "dash": "dot"},
        marker={"size": 5, "color": QUADRATIC_COLOUR},
        text=f"beyond, the quadratic model is off by more than {require_quadratic(surface).share:.0%} of its rise",
        hoverinfo="text",
        connectgaps=False,
        name=QUADRATIC,
    )


def add_evaluated_2d(figure: go.Figure, surface: Surface) -> None:
    """Show where the loss was evaluated, unless it was evaluated everywhere."""
    if surface.evaluated.all() or not len(surface.nodes):
        return
    figure.add_scatter(
        x=surface.nodes[:, 0],
        y=surface.nodes[:, 1],
        mode="markers",
        marker={"size": 4, "color": "rgba(255,255,255,0.85)", "line": {"width": 0.7, "color": "rgba(0,0,0,0.55)"}},
        text=[number(loss, 5) for loss in surface.node_loss],
        hovertemplate=_evaluated_hover(surface),
        name=EVALUATED,
        cliponaxis=False,
    )


def add_not_finite(figure: go.Figure, surface: Surface) -> None:
    """Mark the points that were evaluated and have no finite loss."""
    rows, columns = np.nonzero(not_finite(surface))
    if not len(rows):
        return
    figure.add_scatter(
        x=surface.alphas[columns],
        y=surface.betas[rows],
        mode="markers",
        marker={"size": 5, "symbol": "x-thin", "line": {"width": 1, "color": QUIET}},
        text=[number(loss) for loss in surface.loss[rows, columns]],
        hovertemplate=_evaluated_hover(surface),
        name=NOT_FINITE,
    )


def _evaluated_hover(surface: Surface) -> str:
    return f"{coordinates_hover(surface)}<br>{plain(surface.quantity)} %{{text}}<br>evaluated<extra></extra>"
