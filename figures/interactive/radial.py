"""The loss against the distance from the centre, over many planes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import LEGEND, axis, faint, finish, literal, plain
from landscape.figures.plotdata.radial import DISTANCE_LABEL, LOSS_LABEL, RISE_LABEL, Curve, curves, limits
from landscape.results import RadialProfile


def band_figure(
    bands: Mapping[str, RadialProfile],
    *,
    name: str | None = None,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """The mean over planes with its interval against the distance, a colour a model; of one model all its planes.

    Args:
        bands: By the model's name, any text.
        name: The title; any text.
        rise: Whether to draw the rise above the loss at the centre, or the loss itself.
        log: Whether the axis of the loss is logarithmic; what is not above zero is left out then.
        colours: By the model's name; by default they follow the order.
    """
    found = curves(bands, rise=rise, log=log, colours=colours)
    low, high = limits(found, log=log)
    figure = go.Figure()
    for curve in found:
        _add_interval(figure, curve, low)
        if len(found) == 1 and len(curve.planes) > 1:
            _add_planes(figure, curve)
        interval = f" ± %{{customdata:.3~g}} ({curve.level:.0%} interval)" if curve.has_interval else ", one plane"
        figure.add_scatter(
            x=curve.radii,
            y=curve.mean,
            mode="lines",
            line={"color": curve.colour, "width": 2.5},
            customdata=curve.half,
            hovertemplate=f"{literal(curve.name)}<br>r %{{x:.3~g}}<br>"
            f"{'rise' if rise else 'loss'} %{{y:.4~g}}{interval}<extra></extra>",
            connectgaps=False,
            legendgroup=plain(curve.name),
            name=plain(curve.name),
        )
    furthest = max((float(curve.radii[-1]) for curve in found if len(curve.radii)), default=1.0)
    return finish(
        figure,
        name,
        showlegend=len(found) > 1,
        legend=LEGEND,
        xaxis=axis(0, furthest, DISTANCE_LABEL),
        yaxis=axis(low, high, RISE_LABEL if rise else LOSS_LABEL, log=log),
    )


def _add_interval(figure: go.Figure, curve: Curve, low: float) -> None:
    if not curve.has_interval:
        return
    for side, fill in ((np.maximum(curve.mean - curve.half, low), None), (curve.mean + curve.half, "tonexty")):
        figure.add_scatter(
            x=curve.radii,
            y=side,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=faint(curve.colour, 0.25),
            hoverinfo="skip",
            legendgroup=plain(curve.name),
            showlegend=False,
            name="interval",
        )


def _add_planes(figure: go.Figure, curve: Curve) -> None:
    for number, values in enumerate(curve.planes, 1):
        figure.add_scatter(
            x=curve.radii,
            y=values,
            mode="lines",
            line={"color": faint(curve.colour, 0.55), "width": 1},
            hovertemplate=f"plane {number} of {len(curve.planes)}<br>r %{{x:.3~g}}<br>%{{y:.4~g}}<extra></extra>",
            showlegend=False,
            name="plane",
        )
