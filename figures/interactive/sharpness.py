"""How far the loss rises within a distance."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import LEGEND, add_level, axis, finish, lines, plain
from landscape.figures.plotdata.sharpness import RHO_LABEL, RISE_LABEL, noise_in_view, rises
from landscape.results import Sharpness

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def sharpness_figure(sharpness: Sharpness, *, name: str | None = None, log: bool = True) -> go.Figure:
    """The rise of the loss against ρ, one line a kind, with the standard errors of the averages.

    Kinds differ in colour and in symbol; those with a ρ of another unit are dashed. A value outside of a logarithmic
    axis (zero, negative, infinite) lies at its edge as an open triangle.

    Args:
        sharpness: What to draw.
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the rise is logarithmic.
    """
    drawn = rises(sharpness, log=log)
    figure = go.Figure()
    for place, rise in enumerate(drawn.kinds):
        heights, side = drawn.placed(rise)
        own = SYMBOLS[place % len(SYMBOLS)]
        figure.add_scatter(
            x=rise.rhos,
            y=heights,
            mode="lines+markers",
            line={"color": rise.colour, "width": 2, "dash": "dash" if rise.adaptive else "solid"},
            marker={
                "size": 9,
                "symbol": [own if at == 0 else f"triangle-{'up' if at > 0 else 'down'}-open" for at in side],
            },
            error_y={"type": "data", "array": np.where(side == 0, rise.errors, np.nan), "width": 5, "thickness": 1.5},
            text=[lines(*each.split("\n")) for each in rise.told],
            hovertemplate="%{text}<extra></extra>",
            name=plain(rise.kind),
        )
    noise = noise_in_view(sharpness, drawn)
    if np.isfinite(noise):
        add_level(figure, noise, "rounding noise", log=log, x=0)
    return finish(
        figure,
        name,
        showlegend=True,
        legend=LEGEND,
        xaxis=axis(*drawn.span, RHO_LABEL, log=drawn.log_rho),
        yaxis=axis(*drawn.range, RISE_LABEL, log=log),
    )
