"""The distribution of eigenvalues, of one model and of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import (
    add_interval,
    add_level,
    axis,
    compact,
    finish,
    literal,
    model_line,
    transparent,
)
from landscape.figures.plotdata.geometry.densities import Density, density
from landscape.figures.style import GREEK_LAMBDA, MARK, PALETTE, give_or_take, number
from landscape.results import Spectrum

RUG = 0.13  # of the figure's height
EIGENVALUE_LABEL, DENSITY_LABEL = f"eigenvalue {GREEK_LAMBDA}", f"density per unit of {GREEK_LAMBDA}"


def density_figure(spectrum: Spectrum, *, name: str | None = None, log: bool = True) -> go.Figure:
    """Draw the density of eigenvalues with its 95 % interval over probes, the extremes, and below it the nodes.

    Args:
        spectrum: What to draw.
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the density is logarithmic: most eigenvalues lie near zero, and the few large ones are
            seen only on such an axis. A dotted line is then as high as the peak of a single eigenvalue.
    """
    curve = density(spectrum, log=log)
    figure = go.Figure()
    _add_curve(figure, curve)
    figure.add_scatter(
        x=curve.nodes,
        y=curve.probes,
        yaxis="y2",
        mode="markers",
        marker={"symbol": "line-ns", "size": 7, "line": {"width": 1.2, "color": PALETTE["blue"]}},
        customdata=curve.weights,
        hovertemplate="node %{x:.4~g} of probe %{y}<br>weight %{customdata:.3~g}<extra></extra>",
        name="nodes",
    )
    for value, end, anchor in zip(curve.extremes, ("smallest", "largest"), ("left", "right"), strict=True):
        if np.isfinite(value):
            figure.add_vline(value, line={"color": MARK, "width": 1.2, "dash": "dash"})
            label = {"text": f"{end} {number(value, 3)}", "showarrow": False, "yref": "paper", "yanchor": "bottom"}
            figure.add_annotation(x=value, y=1, xanchor=anchor, **label)
    return finish(
        figure,
        name,
        margin={"t": 28},
        xaxis={**axis(*curve.span, EIGENVALUE_LABEL), "anchor": "y2"},
        yaxis={**axis(curve.low, curve.high, DENSITY_LABEL, log=log), "domain": [RUG + 0.03, 1], "zeroline": False},
        yaxis2={
            "domain": [0, RUG],
            "range": [spectrum.probes - 0.4, -0.6],
            "showticklabels": False,
            "showgrid": False,
            "title": {"text": "nodes"},
        },
    )


def _add_curve(figure: go.Figure, curve: Density) -> None:
    if np.isfinite(curve.half).any():
        sides = curve.clipped(curve.mean - curve.half), curve.clipped(curve.mean + curve.half)
        add_interval(figure, curve.grid, *sides, transparent(PALETTE["blue"], 0.28))
    figure.add_scatter(
        x=curve.grid,
        y=curve.clipped(curve.mean),
        mode="lines",
        line={"color": PALETTE["blue"], "width": 2},
        text=[give_or_take(mean, half, 3) for mean, half in zip(curve.mean.tolist(), curve.half.tolist(), strict=True)],
        hovertemplate=f"{GREEK_LAMBDA} %{{x:.4~g}}<br>density %{{text}}<extra></extra>",
        name="density",
    )
    if curve.log and len(curve.grid):
        add_level(figure, curve.single, "one eigenvalue", log=True, x=1)


def densities_figure(spectra: Mapping[int, Spectrum], styles: Sequence[ModelStyle]) -> go.Figure:
    """Draw the densities of several models with their 95 % intervals over probes, on a logarithmic axis.

    Args:
        spectra: By the model's index, which is ``meta`` of its traces.
        styles: Of all models.
    """
    every = {index: density(spectrum) for index, spectrum in spectra.items()}
    curves = {index: curve for index, curve in every.items() if len(curve.grid)}
    low = min((curve.low for curve in curves.values()), default=0.1)
    high = max((curve.high for curve in curves.values()), default=1.0)
    figure = go.Figure()
    for index, curve in curves.items():
        # What lies below the axis is not seen, but must have a logarithm.
        mean, half = np.maximum(curve.mean, low / 10), np.nan_to_num(curve.half)
        lower, upper = compact(np.maximum(mean - half, low / 10)), compact(np.maximum(mean + half, low / 10))
        colour = transparent(styles[index].colour, 0.15)
        add_interval(figure, compact(curve.grid), lower, upper, colour, meta=index)
        figure.add_scatter(
            x=compact(curve.grid),
            y=compact(mean),
            **model_line(styles[index], width=1.8),
            customdata=compact(curve.half),
            hovertemplate=f"{literal(styles[index].name)}<br>{GREEK_LAMBDA} %{{x:.4~g}}<br>density %{{y:.3~g}} ± "
            "%{customdata:.2~g}<extra></extra>",
        )
    if curves:
        add_level(figure, min(curve.single for curve in curves.values()), "one eigenvalue", log=True, x=1)
    spans = [curve.span for curve in curves.values()] or [(-1.0, 1.0)]
    return finish(
        figure,
        None,
        xaxis=axis(min(first for first, _ in spans), max(last for _, last in spans), EIGENVALUE_LABEL),
        yaxis={**axis(low, high, DENSITY_LABEL, log=True), "zeroline": False},
        hovermode="closest",
    )
