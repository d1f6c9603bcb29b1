"""How far the loss rises within a distance, of one model and of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import LEGEND, add_level, axis, edge_symbol, finish, joined, plain
from landscape.figures.plotdata.geometry.sharpness import RHO_LABEL, RISE_LABEL, noise_in_view, rises
from landscape.results import Sharpness

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
COMPARED = {"ascent": ("circle", "solid"), "average": ("cross", "dot")}  # kinds: symbol and dash


def sharpness_figure(sharpness: Sharpness, *, name: str | None = None, log: bool = True) -> go.Figure:
    """Draw the rise of the loss against ρ, one line a kind, with the standard errors of the averages.

    Kinds differ in colour and in symbol; those with a ρ of another unit are dashed. A value outside of a logarithmic
    axis (zero, negative, infinite) lies at its edge as an open triangle.

    Args:
        sharpness: What to draw.
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the rise is logarithmic.
    """
    table = rises(sharpness, log=log)
    figure = go.Figure()
    for place, rise in enumerate(table.kinds):
        heights, side = table.placed(rise)
        symbol = SYMBOLS[place % len(SYMBOLS)]
        figure.add_scatter(
            x=rise.rhos,
            y=heights,
            mode="lines+markers",
            line={"color": rise.colour, "width": 2, "dash": "dash" if rise.adaptive else "solid"},
            marker={"size": 9, "symbol": [edge_symbol(symbol, at) for at in side]},
            error_y={"type": "data", "array": np.where(side == 0, rise.errors, np.nan), "width": 5, "thickness": 1.5},
            text=[joined(*hover.split("\n")) for hover in rise.hovers],
            hovertemplate="%{text}<extra></extra>",
            name=plain(rise.name),
        )
    noise = noise_in_view(sharpness, table)
    if np.isfinite(noise):
        add_level(figure, noise, "rounding noise", log=log, x=0)
    return finish(
        figure,
        name,
        showlegend=True,
        legend=LEGEND,
        xaxis=axis(*table.span, RHO_LABEL, log=table.log_rho),
        yaxis=axis(*table.range, RISE_LABEL, log=log),
    )


def sharpnesses_figure(sharpnesses: Mapping[int, Sharpness], styles: Sequence[ModelStyle]) -> go.Figure | None:
    """Draw the rise against ρ of several models: the worst case by ascent solid, the average dotted.

    A value outside of the logarithmic axis (zero, negative, infinite) lies at its edge as an open triangle.

    Args:
        sharpnesses: By the model's index, which is ``meta`` of its traces.
        styles: Of all models.

    Returns:
        None if no model has either of the two kinds.
    """
    every = {index: rises(sharpness) for index, sharpness in sharpnesses.items()}
    kinds = {
        index: [rise for rise in table.kinds if rise.kind in COMPARED and len(rise.rhos)]
        for index, table in every.items()
    }
    tables = {index: table for index, table in every.items() if kinds[index]}
    if not tables:
        return None
    low, high = min(table.low for table in tables.values()), max(table.high for table in tables.values())
    tables = {index: replace(table, low=low, high=high) for index, table in tables.items()}
    figure = go.Figure()
    for index, table in tables.items():
        for rise in kinds[index]:
            heights, side = table.placed(rise)
            symbol, dash = COMPARED[rise.kind]
            figure.add_scatter(
                x=rise.rhos,
                y=heights,
                mode="lines+markers",
                line={"color": styles[index].colour, "width": 2, "dash": dash},
                marker={"size": 8, "symbol": [edge_symbol(symbol, at) for at in side]},
                error_y={"type": "data", "array": np.where(side == 0, rise.errors, np.nan), "thickness": 1.5},
                text=[joined(styles[index].name, *hover.split("\n")) for hover in rise.hovers],
                hovertemplate="%{text}<extra></extra>",
                name=plain(styles[index].name),
                meta=index,
            )
    first = next(iter(tables.values()))
    spans = [table.span for table in tables.values()]
    log_rho = all(table.log_rho for table in tables.values())
    return finish(
        figure,
        None,
        xaxis=axis(min(start for start, _ in spans), max(end for _, end in spans), RHO_LABEL, log=log_rho),
        yaxis=axis(*first.range, RISE_LABEL, log=True),
        hovermode="closest",
    )
