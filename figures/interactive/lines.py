"""The loss along a line."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.overlays import label_2d, spot_marker
from landscape.figures.interactive.parts import BARRIER, EVALUATED, QUADRATIC, QUIET, finish, lines, plain, told
from landscape.figures.plotdata.lines import barrier_ends, line_of, quadratic_curve
from landscape.figures.plotdata.planes import CENTRE_NAME, ball, spots
from landscape.figures.plotdata.scales import heights
from landscape.figures.style import BALL_COLOUR, GREEK_RHO, MARK, PALETTE, QUADRATIC_COLOUR, number
from landscape.results import Surface


def line_figure(
    surface: Surface, *, name: str | None = None, log: bool = False, rho: float | None = None, quadratic: bool = False
) -> go.Figure:
    """The loss along a line: the curve, points evaluated, marks, and the barrier. A single point is drawn as one.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the loss is logarithmic.
        rho: The distance from the centre at which to draw a line on either side.
        quadratic: Whether to draw the quadratic model that the surface carries.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws; or it does not carry what is to be drawn.
    """
    line = line_of(surface)
    drawn = heights(surface, log=log)
    margin = 0.06 * (drawn.high - drawn.low)
    ticks, labels = drawn.ticks
    losses, evaluated = drawn.losses.ravel(), surface.evaluated.ravel()
    hovers = f"{line.coordinate.symbol} %{{x:.4~g}}<br>{plain(surface.quantity)} %{{text}}<extra></extra>"
    figure = go.Figure(
        go.Scatter(
            x=line.at,
            y=drawn.values.ravel(),
            mode="lines+markers" if len(line.at) == 1 else "lines",
            line={"color": PALETTE["blue"], "width": 2.5},
            text=[told(loss, done) for loss, done in zip(losses.tolist(), evaluated.tolist(), strict=True)],
            hovertemplate=hovers,
            connectgaps=False,
            name=plain(surface.quantity),
        )
    )
    if len(surface.nodes) and not surface.evaluated.all():
        figure.add_scatter(
            x=surface.nodes[:, line.column],
            y=[drawn.place(loss) for loss in surface.node_loss],
            mode="markers",
            marker={"size": 6, "color": PALETTE["blue"]},
            text=[told(loss, True) for loss in surface.node_loss],
            hovertemplate=hovers,
            name=EVALUATED,
        )
    if quadratic:
        figure.add_scatter(
            x=line.at,
            y=quadratic_curve(surface, drawn),
            mode="lines",
            line={"color": QUADRATIC_COLOUR, "width": 2, "dash": "dash"},
            hoverinfo="skip",
            name=QUADRATIC,
        )
    if rho is not None:
        for at in ball(surface, rho)[:, 0]:
            figure.add_vline(
                at, line={"color": BALL_COLOUR, "width": 2}, annotation_text=f"{GREEK_RHO} = {number(rho)}"
            )
    _add_barrier(figure, surface, log=log)
    for spot in spots(surface):
        at, height = (spot.alpha, spot.beta)[line.column], drawn.place(spot.value)
        if np.isfinite(height):
            figure.add_scatter(x=[at], y=[height], **spot_marker(surface, spot, size=12))
            if spot.name != CENTRE_NAME:
                figure.add_annotation(**label_2d(at, height, spot.name, line.at))
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
            "title": {"text": plain(drawn.label)},
            "range": [drawn.low - margin, drawn.high + margin],
            "tickvals": ticks,
            "ticktext": labels,
        },
    )


def _add_barrier(figure: go.Figure, surface: Surface, *, log: bool) -> None:
    found = barrier_ends(surface, log=log)
    if found is None:
        return
    line = {"color": QUIET, "width": 1.5, "dash": "dash"}
    figure.add_scatter(
        x=found.chord[:, 0], y=found.chord[:, 1], mode="lines", line=line, hoverinfo="skip", name=BARRIER
    )
    figure.add_scatter(
        x=found.rise[:, 0],
        y=found.rise[:, 1],
        mode="lines+markers",
        line={"color": MARK, "width": 2},
        marker={"symbol": "line-ew", "size": 10, "line": {"width": 2, "color": MARK}},
        text=lines(f"barrier {found.told}", f"at t = {number(found.at)}"),
        hoverinfo="text",
        name=BARRIER,
    )
    label = {"text": f"barrier {found.told}", "showarrow": False, "xanchor": "left", "xshift": 8}
    figure.add_annotation(x=found.at, y=float(found.rise[:, 1].mean()), **label)
