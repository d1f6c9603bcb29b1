"""The loss over a plane, in three dimensions."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from landscape.figures.interactive.parts import colour_scale, compact, finish, plain, surface_hover
from landscape.figures.interactive.surfaces.marks import add_path_3d, add_spots_3d
from landscape.figures.interactive.surfaces.overlays import add_ball_3d, add_contours_3d, add_curve_3d, add_quadratic_3d
from landscape.figures.plotdata.extents import aspect, ends, require_plane
from landscape.figures.plotdata.scales import Heights, Limits, plot_heights
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.results import Surface

CAMERA = {
    "eye": {"x": 0.87, "y": -1.13, "z": 1.45},
    "center": {"x": 0.02, "y": 0, "z": -0.26},
    "up": {"x": 0, "y": 0, "z": 1},
}

# From the left and behind: slopes toward the reader are darker, flat parts lose a sixth of their light. More of a glare
# would hide the colours, which are values.
LIGHT = {
    "lighting": {"ambient": 0.4, "diffuse": 0.65, "specular": 0.08, "roughness": 0.5, "fresnel": 0},
    "lightposition": {"x": -9000, "y": 4000, "z": 8000},
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
    """Draw the loss as a surface in three dimensions, with marks and a path on it, and contours on the floor below.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether heights, colours and contours are logarithmic.
        rho: The radius of a ball around the centre; its boundary in the plane, an ellipse, is drawn.
        quadratic: Whether to draw the surface's quadratic model, as a transparent surface.
        limits: The drawn range of the heights, if several figures share one; see ``plotdata.scales.shared_limits``.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or what is to be drawn is missing.
    """
    require_plane(surface)
    heights = plot_heights(surface, log=log, limits=limits)
    figure = go.Figure(_solid(surface, heights))
    add_contours_3d(figure, surface, heights)
    add_quadratic_3d(figure, surface, heights, quadratic)
    add_ball_3d(figure, surface, heights, rho)
    add_curve_3d(figure, surface, heights)
    add_path_3d(figure, surface, heights)
    add_spots_3d(figure, surface, heights)
    return finish(figure, name, scene=_scene(surface, heights), margin={"l": 0, "r": 0, "t": 0, "b": 0})


def _solid(surface: Surface, heights: Heights) -> go.Surface:
    return go.Surface(
        x=surface.alphas,
        y=surface.betas,
        z=compact(heights.values),
        visible=heights.any,  # plotly.js 4.1 fails on one without a single number
        **surface_hover(surface, heights),
        colorscale=colour_scale(),
        cmin=heights.low,
        cmax=heights.high,
        showscale=False,
        contours={axis: {"highlight": False} for axis in "xyz"},
        **LIGHT,
        name=plain(surface.quantity),
    )


def _scene(surface: Surface, heights: Heights) -> dict[str, Any]:
    first, second = coordinates(surface)
    ticks, labels = heights.ticks
    sides = aspect(surface.alphas, surface.betas)
    few = [{"nticks": 4 if side < 0.6 else 5} for side in sides]  # more labels would overlap in a small scene
    return {
        "xaxis": {"title": {"text": first.symbol}, "range": ends(surface.alphas), **few[0]},
        "yaxis": {"title": {"text": second.symbol}, "range": ends(surface.betas), **few[1]},
        "zaxis": {
            "title": {"text": plain(heights.label)},
            "range": [heights.floor, heights.high + 0.04 * (heights.high - heights.low)],
            "tickvals": ticks,
            "ticktext": labels,
        },
        "aspectmode": "manual",
        "aspectratio": dict(zip("xyz", sides, strict=True)),
        "camera": CAMERA,
    }
