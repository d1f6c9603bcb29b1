"""The loss over a plane, in three dimensions."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.overlays import (
    add_ball_3d,
    add_contours_3d,
    add_path_3d,
    add_quadratic_3d,
    add_spots_3d,
)
from landscape.figures.interactive.parts import colour_scale, compact, finish, hover, plain
from landscape.figures.plotdata.planes import coordinates
from landscape.figures.plotdata.scales import Limits, aspect, ends, floor_of, heights, require_plane
from landscape.results import Surface

CAMERA = {
    "eye": {"x": 1.0, "y": -1.3, "z": 1.16},
    "center": {"x": 0.02, "y": 0, "z": -0.26},
    "up": {"x": 0, "y": 0, "z": 1},
}


def surface_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
) -> go.Figure:
    """The loss as a surface in three dimensions, its contours on the floor below; marks and a path lie on it.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether heights, colours and contours are logarithmic.
        rho: The radius of a ball around the centre, whose boundary is drawn: in the plane, an ellipse.
        quadratic: Whether to draw the quadratic model that the surface carries, to look through.
        limits: The drawn range of the heights, where several figures share one; see ``drawn.scales.shared_limits``.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or it does not carry what is to be
            drawn.
    """
    require_plane(surface)
    drawn = heights(surface, log=log, limits=limits)
    floor, ceiling = floor_of(drawn), drawn.high + 0.04 * (drawn.high - drawn.low)
    ticks, labels = drawn.ticks
    figure = go.Figure(
        go.Surface(
            x=surface.alphas,
            y=surface.betas,
            z=compact(drawn.values),
            visible=drawn.any,  # plotly.js 4.1 stumbles over one without a single number
            **hover(surface, drawn),
            colorscale=colour_scale(),
            cmin=drawn.low,
            cmax=drawn.high,
            showscale=False,
            contours={axis: {"highlight": False} for axis in "xyz"},
            lighting={"ambient": 0.72, "diffuse": 0.55, "specular": 0.06, "roughness": 0.9, "fresnel": 0.02},
            lightposition={"x": -2000, "y": -1000, "z": 8000},
            name=plain(surface.quantity),
        )
    )
    add_contours_3d(figure, surface, drawn, floor)
    add_quadratic_3d(figure, surface, drawn, quadratic)
    add_ball_3d(figure, surface, drawn, rho)
    add_path_3d(figure, surface, drawn)
    add_spots_3d(figure, surface, drawn, floor)
    across, along = coordinates(surface)
    sides = aspect(surface.alphas, surface.betas)
    return finish(
        figure,
        name,
        scene={
            "xaxis": {"title": {"text": across.symbol}, "range": ends(surface.alphas)},
            "yaxis": {"title": {"text": along.symbol}, "range": ends(surface.betas)},
            "zaxis": {
                "title": {"text": plain(drawn.label)},
                "range": [floor, ceiling],
                "tickvals": ticks,
                "ticktext": labels,
            },
            "aspectmode": "manual",
            "aspectratio": dict(zip("xyz", map(float, np.asarray(sides)), strict=True)),
            "camera": CAMERA,
        },
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
    )
