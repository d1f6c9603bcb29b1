"""The loss over a plane, seen from above."""

from __future__ import annotations

import plotly.graph_objects as go

from landscape.figures.interactive.overlays import (
    add_ball_2d,
    add_evaluated_2d,
    add_not_finite,
    add_path_2d,
    add_quadratic_2d,
    add_spots_2d,
)
from landscape.figures.interactive.parts import colour_scale, compact, faint, finish, hover, plain
from landscape.figures.plotdata.planes import coordinates
from landscape.figures.plotdata.scales import Limits, ends, heights, is_square, require_plane
from landscape.results import Surface


def contour_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
) -> go.Figure:
    """The loss seen from above: contours at the levels of ``surface_figure``, points evaluated, marks and a path.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether colours and contours are logarithmic.
        rho: The radius of a ball around the centre, whose boundary is drawn: in the plane, an ellipse.
        quadratic: Whether to draw how far the quadratic model reaches that the surface carries.
        limits: The drawn range of the heights, where several figures share one; see ``drawn.scales.shared_limits``.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or it does not carry what is to be
            drawn.
    """
    require_plane(surface)
    drawn = heights(surface, log=log, limits=limits)
    ticks, labels = drawn.ticks
    levels = drawn.levels
    figure = go.Figure(
        go.Contour(
            x=surface.alphas,
            y=surface.betas,
            z=compact(drawn.values),
            visible=drawn.any,  # plotly.js 4.1 stumbles over one without a single number
            **hover(surface, drawn),
            colorscale=colour_scale(),
            zmin=drawn.low,
            zmax=drawn.high,
            autocontour=False,
            contours={
                "start": levels[0],
                "end": levels[-1],
                "size": drawn.step,
                "coloring": "heatmap",
                "showlines": not drawn.flat,
            },
            line={"width": 0.9, "color": faint("#ffffff", 0.7)},  # in the valley, which is dark in both themes
            hoverongaps=False,
            connectgaps=False,
            colorbar={
                "title": {"text": plain(drawn.label), "side": "top"},
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
    )
    add_evaluated_2d(figure, surface)
    add_not_finite(figure, surface)
    add_quadratic_2d(figure, surface, quadratic)
    add_ball_2d(figure, surface, rho)
    add_path_2d(figure, surface)
    add_spots_2d(figure, surface, size=11)
    across, along = coordinates(surface)
    return finish(
        figure,
        name,
        xaxis={"title": {"text": plain(across.label)}, "range": ends(surface.alphas), "constrain": "domain"},
        yaxis={
            "title": {"text": plain(along.label)},
            "range": ends(surface.betas),
            "constrain": "domain",
            "constraintoward": "top",  # below the colour bar
            **({"scaleanchor": "x", "scaleratio": 1} if is_square(surface) else {}),
        },
    )
