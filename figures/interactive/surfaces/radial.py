"""The loss against the distance from the centre, over many planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import LEGEND, add_interval, axis, finish, literal, plain, transparent
from landscape.figures.plotdata.surfaces.radial import (
    DISTANCE_LABEL,
    LOSS_LABEL,
    RISE_LABEL,
    Curve,
    furthest,
    radial_curves,
    radial_limits,
)
from landscape.results import RadialProfile

MEAN_WIDTH = 2.5


def radial_profile_figure(
    profiles: Mapping[str, RadialProfile],
    *,
    name: str | None = None,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw the mean over planes with its interval against the distance, a colour a model; of one model all planes.

    Args:
        profiles: By the model's name, any text.
        name: The title; any text.
        rise: Whether to draw the rise above the loss at the centre, or the loss itself.
        log: Whether the axis of the loss is logarithmic; values that are not above zero are left out then.
        colours: By the model's name; by default they follow the order.
    """
    curves = radial_curves(profiles, rise=rise, log=log, colours=colours)
    low, high = radial_limits(curves, log=log)
    figure = go.Figure()
    for curve in curves:
        if curve.has_interval:
            ends = np.maximum(curve.mean - curve.half, low), curve.mean + curve.half
            shade = transparent(curve.colour, 0.25)
            add_interval(figure, curve.radii, *ends, shade, legendgroup=plain(curve.name))
        if len(curves) == 1 and len(curve.planes) > 1:
            _add_planes(figure, curve)
        interval = f" ± %{{customdata:.3~g}} ({curve.level:.0%} interval)" if curve.has_interval else ", one plane"
        figure.add_scatter(
            x=curve.radii,
            y=curve.mean,
            mode="lines",
            line={"color": curve.colour, "width": MEAN_WIDTH},
            customdata=curve.half,
            hovertemplate=f"{literal(curve.name)}<br>r %{{x:.3~g}}<br>"
            f"{'rise' if rise else 'loss'} %{{y:.4~g}}{interval}<extra></extra>",
            connectgaps=False,
            legendgroup=plain(curve.name),
            name=plain(curve.name),
        )
    return finish(
        figure,
        name,
        showlegend=len(curves) > 1,
        legend=LEGEND,
        xaxis=axis(0, furthest(curves), DISTANCE_LABEL),
        yaxis=axis(low, high, RISE_LABEL if rise else LOSS_LABEL, log=log),
    )


def radial_profiles_figure(
    profiles: Mapping[int, RadialProfile], styles: Sequence[ModelStyle], *, rise: bool, log: bool
) -> go.Figure:
    """Draw ``radial_profile_figure`` in the models' styles. Each trace's ``meta`` is the model's index."""
    named = {styles[index].name: profile for index, profile in profiles.items()}
    colours = {style.name: style.colour for style in styles}
    figure = radial_profile_figure(named, rise=rise, log=log, colours=colours)
    by_name = {plain(style.name): style for style in styles}
    first = styles[next(iter(profiles))]  # the thin lines of a single model have no group
    for trace in figure.data:
        style = by_name.get(trace.legendgroup, first)
        trace.meta = style.index
        if trace.line.width == MEAN_WIDTH:
            trace.line.dash = style.dash
    figure.update_layout(showlegend=False)
    return figure


def _add_planes(figure: go.Figure, curve: Curve) -> None:
    for number, values in enumerate(curve.planes, 1):
        figure.add_scatter(
            x=curve.radii,
            y=values,
            mode="lines",
            line={"color": transparent(curve.colour, 0.55), "width": 1},
            hovertemplate=f"plane {number} of {len(curve.planes)}<br>r %{{x:.3~g}}<br>%{{y:.4~g}}<extra></extra>",
            showlegend=False,
            name="plane",
        )
