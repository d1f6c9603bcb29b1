"""The loss along a line."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import BARRIER, EVALUATED, QUADRATIC, QUIET, finish, joined, loss_hover, plain
from landscape.figures.interactive.surfaces.marks import label_2d, spot_marker
from landscape.figures.plotdata.scales import Heights, plot_heights
from landscape.figures.plotdata.surfaces.lines import Line, barrier_lines, line_of
from landscape.figures.plotdata.surfaces.marks import CENTRE_NAME, spots
from landscape.figures.plotdata.surfaces.planes import ball, quadratic_heights
from landscape.figures.style import BALL_COLOUR, BARRIER_COLOUR, GREEK_RHO, PALETTE, QUADRATIC_COLOUR, number
from landscape.results import Surface


def line_figure(
    surface: Surface, *, name: str | None = None, log: bool = False, rho: float | None = None, quadratic: bool = False
) -> go.Figure:
    """Draw the loss along a line: the curve, evaluated points, marks, and the barrier. A single point is a dot.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the loss is logarithmic.
        rho: The distance from the centre at which to draw a line on either side.
        quadratic: Whether to draw the surface's quadratic model.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws; or what is to be drawn is missing.
    """
    line = line_of(surface)
    heights = plot_heights(surface, log=log)
    margin = 0.06 * (heights.high - heights.low)
    ticks, labels = heights.ticks
    figure = go.Figure()
    _add_curve(figure, surface, line, heights)
    if quadratic:
        figure.add_scatter(
            x=line.at,
            y=quadratic_heights(surface, heights).ravel(),
            mode="lines",
            line={"color": QUADRATIC_COLOUR, "width": 2, "dash": "dash"},
            hoverinfo="skip",
            name=QUADRATIC,
        )
    if rho is not None:
        for at in ball(surface, rho)[:, 0]:
            label = f"{GREEK_RHO} = {number(rho)}"
            figure.add_vline(at, line={"color": BALL_COLOUR, "width": 2}, annotation_text=label)
    _add_barrier(figure, surface, log=log)
    _add_spots(figure, surface, line, heights)
    return finish(
        figure,
        name,
        xaxis={
            "title": {"text": plain(line.coordinate.label)},
            "showgrid": False,
            "showline": True,
            "ticks": "outside",
        },
        yaxis={
            "title": {"text": plain(heights.label)},
            "range": [heights.low - margin, heights.high + margin],
            "tickvals": ticks,
            "ticktext": labels,
        },
    )


def _add_curve(figure: go.Figure, surface: Surface, line: Line, heights: Heights) -> None:
    losses, evaluated = heights.losses.ravel().tolist(), surface.evaluated.ravel().tolist()
    hover = f"{line.coordinate.symbol} %{{x:.4~g}}<br>{plain(surface.quantity)} %{{text}}<extra></extra>"
    figure.add_scatter(
        x=line.at,
        y=heights.values.ravel(),
        mode="lines+markers" if len(line.at) == 1 else "lines",
        line={"color": PALETTE["blue"], "width": 2.5},
        text=[loss_hover(loss, done) for loss, done in zip(losses, evaluated, strict=True)],
        hovertemplate=hover,
        connectgaps=False,
        name=plain(surface.quantity),
    )
    if len(surface.nodes) and not surface.evaluated.all():
        figure.add_scatter(
            x=surface.nodes[:, line.column],
            y=[heights.place(loss) for loss in surface.node_loss],
            mode="markers",
            marker={"size": 6, "color": PALETTE["blue"]},
            text=[loss_hover(loss, True) for loss in surface.node_loss],
            hovertemplate=hover,
            name=EVALUATED,
        )


def _add_barrier(figure: go.Figure, surface: Surface, *, log: bool) -> None:
    barrier = barrier_lines(surface, log=log)
    if barrier is None:
        return
    (x, y), (at, rise) = barrier.chord.T, barrier.rise.T
    dashed = {"color": QUIET, "width": 1.5, "dash": "dash"}
    figure.add_scatter(x=x, y=y, mode="lines", line=dashed, hoverinfo="skip", name=BARRIER)
    figure.add_scatter(
        x=at,
        y=rise,
        mode="lines+markers",
        line={"color": BARRIER_COLOUR, "width": 2},
        marker={"symbol": "line-ew", "size": 10, "line": {"width": 2, "color": BARRIER_COLOUR}},
        text=joined(f"barrier {barrier.height}", f"at t = {number(barrier.at)}"),
        hoverinfo="text",
        name=BARRIER,
    )
    label = {"text": f"barrier {barrier.height}", "showarrow": False, "xanchor": "left", "xshift": 8}
    figure.add_annotation(x=barrier.at, y=float(rise.mean()), **label)


def _add_spots(figure: go.Figure, surface: Surface, line: Line, heights: Heights) -> None:
    for spot in spots(surface):
        at, height = (spot.alpha, spot.beta)[line.column], heights.place(spot.value)
        if np.isfinite(height):
            figure.add_scatter(x=[at], y=[height], **spot_marker(surface, spot, size=12))
            if spot.name != CENTRE_NAME:
                figure.add_annotation(**label_2d(at, height, spot.name, line.at))
