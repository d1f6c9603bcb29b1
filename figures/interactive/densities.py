"""The distribution of eigenvalues."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import add_level, axis, faint, finish
from landscape.figures.plotdata.densities import Density, density
from landscape.figures.style import GREEK_LAMBDA, PALETTE, give_or_take, number
from landscape.results import Spectrum

RUG = 0.13  # of the figure's height


def density_figure(spectrum: Spectrum, *, name: str | None = None, log: bool = True) -> go.Figure:
    """The density of eigenvalues with its standard error, the extremes, and below it each probe's nodes.

    Args:
        spectrum: What to draw.
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the density is logarithmic: most eigenvalues lie at zero, and those that matter do not.
            A dotted line is then as high as the peak of a single eigenvalue.
    """
    drawn = density(spectrum, log=log)
    figure = go.Figure()
    _add_curve(figure, drawn)
    figure.add_scatter(
        x=drawn.nodes,
        y=drawn.probes,
        yaxis="y2",
        mode="markers",
        marker={"symbol": "line-ns", "size": 7, "line": {"width": 1.2, "color": PALETTE["blue"]}},
        customdata=drawn.weights,
        hovertemplate="node %{x:.4~g} of probe %{y}<br>weight %{customdata:.3~g}<extra></extra>",
        name="nodes",
    )
    for value, end, anchor in zip(drawn.extremes, ("smallest", "largest"), ("left", "right"), strict=True):
        if np.isfinite(value):
            figure.add_vline(value, line={"color": PALETTE["vermillion"], "width": 1.2, "dash": "dash"})
            label = {"text": f"{end} {number(value, 3)}", "showarrow": False, "yref": "paper", "yanchor": "bottom"}
            figure.add_annotation(x=value, y=1, xanchor=anchor, **label)
    vertical = f"density per unit of {GREEK_LAMBDA}"
    return finish(
        figure,
        name,
        margin={"t": 28},
        xaxis={**axis(*drawn.span, f"eigenvalue {GREEK_LAMBDA}"), "anchor": "y2"},
        yaxis={**axis(drawn.low, drawn.high, vertical, log=log), "domain": [RUG + 0.03, 1], "zeroline": False},
        yaxis2={
            "domain": [0, RUG],
            "range": [spectrum.probes - 0.4, -0.6],
            "showticklabels": False,
            "showgrid": False,
            "title": {"text": "nodes"},
        },
    )


def _add_curve(figure: go.Figure, drawn: Density) -> None:
    if np.isfinite(drawn.stderr).any():
        for side, fill in ((drawn.mean - drawn.stderr, None), (drawn.mean + drawn.stderr, "tonexty")):
            figure.add_scatter(
                x=drawn.grid,
                y=drawn.shown(side),
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=faint(PALETTE["blue"], 0.28),
                hoverinfo="skip",
                name="standard error",
            )
    figure.add_scatter(
        x=drawn.grid,
        y=drawn.shown(drawn.mean),
        mode="lines",
        line={"color": PALETTE["blue"], "width": 2},
        text=[give_or_take(*each, 3) for each in zip(drawn.mean.tolist(), drawn.stderr.tolist(), strict=True)],
        hovertemplate=f"{GREEK_LAMBDA} %{{x:.4~g}}<br>density %{{text}}<extra></extra>",
        name="density",
    )
    if drawn.log and len(drawn.grid):
        add_level(figure, drawn.single, "one eigenvalue", log=True, x=1)
