"""The loss over a plane, seen from above."""

from __future__ import annotations

import plotly.graph_objects as go

from landscape.figures.interactive.parts import colour_scale, compact, finish, plain, surface_hover, transparent
from landscape.figures.interactive.surfaces.marks import add_path_2d, add_spots_2d
from landscape.figures.interactive.surfaces.overlays import (
    add_ball_2d,
    add_curve_2d,
    add_evaluated_2d,
    add_not_finite,
    add_quadratic_2d,
)
from landscape.figures.plotdata.extents import ends, is_square, require_plane
from landscape.figures.plotdata.scales import Heights, Limits, plot_heights
from landscape.figures.plotdata.surfaces.contour_labels import contour_labels
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.figures.style import SPOT
from landscape.results import Surface

LABEL_FONT = {"size": 10, "color": SPOT}
SHADOW = "0 0 2px #000, 0 0 2px #000"  # on yellow, too


def contour_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
) -> go.Figure:
    """Draw the loss seen from above: contours at the levels of ``surface_figure``, evaluated points, marks and a path.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether colours and contours are logarithmic.
        rho: The radius of a ball around the centre; its boundary in the plane, an ellipse, is drawn.
        quadratic: Whether to draw how far the surface's quadratic model reaches.
        limits: The drawn range of the heights, if several figures share one; see ``plotdata.scales.shared_limits``.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or what is to be drawn is missing.
    """
    require_plane(surface)
    heights = plot_heights(surface, log=log, limits=limits)
    figure = go.Figure(_contours(surface, heights))
    if heights.log and not heights.flat:
        _add_labels(figure, surface, heights)
    add_evaluated_2d(figure, surface)
    add_not_finite(figure, surface)
    add_quadratic_2d(figure, surface, quadratic)
    add_ball_2d(figure, surface, rho)
    add_curve_2d(figure, surface)
    add_path_2d(figure, surface)
    add_spots_2d(figure, surface, size=11)
    first, second = coordinates(surface)
    return finish(
        figure,
        name,
        xaxis={"title": {"text": plain(first.label)}, "range": ends(surface.alphas), "constrain": "domain"},
        yaxis={
            "title": {"text": plain(second.label)},
            "range": ends(surface.betas),
            "constrain": "domain",
            "constraintoward": "top",  # below the colour bar
            **({"scaleanchor": "x", "scaleratio": 1} if is_square(surface) else {}),
        },
    )


def _contours(surface: Surface, heights: Heights) -> go.Contour:
    ticks, labels = heights.ticks
    levels = heights.levels
    return go.Contour(
        x=surface.alphas,
        y=surface.betas,
        z=compact(heights.values),
        visible=heights.any,  # plotly.js 4.1 fails on one without a single number
        **surface_hover(surface, heights),
        colorscale=colour_scale(),
        zmin=heights.low,
        zmax=heights.high,
        autocontour=False,
        contours={
            "start": levels[0],
            "end": levels[-1],
            "size": heights.step,
            "coloring": "heatmap",
            "showlines": not heights.flat,
            # Where they fit; on a logarithmic scale they would be log10 of the loss: see ``_add_labels``.
            "showlabels": not heights.flat and not heights.log,
            "labelfont": LABEL_FONT,
            "labelformat": ".4~g",
        },
        line={"width": 0.9, "color": transparent("#ffffff", 0.7)},  # in the valley, which is dark in both themes
        hoverongaps=False,
        connectgaps=False,
        colorbar={
            "title": {"text": plain(heights.label), "side": "top"},
            "orientation": "h",
            "y": 1.03,
            "yanchor": "bottom",
            "xpad": 0,
            "ypad": 0,
            "tickvals": ticks,
            "ticktext": labels,
            "thickness": 10,
            "outlinewidth": 0,
            "ticklen": 4,
        },
        name=plain(surface.quantity),
    )


def _add_labels(figure: go.Figure, surface: Surface, heights: Heights) -> None:
    """Write the losses of contour lines along them."""
    for label in contour_labels(surface, heights):
        figure.add_annotation(
            x=label.x,
            y=label.y,
            text=label.text,
            textangle=label.angle,
            showarrow=False,
            font={**LABEL_FONT, "shadow": SHADOW},
            bgcolor="rgba(0,0,0,0)",
            borderpad=0,
        )
