"""The loss against the distance from the centre, over many planes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.surfaces.radial import (
    DISTANCE_LABEL,
    LOSS_LABEL,
    RISE_LABEL,
    furthest,
    radial_curves,
    radial_limits,
)
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, SMALL, settings, single
from landscape.figures.static.text import fitted, title
from landscape.results import RadialProfile


def radial_profile_figure(
    profiles: Mapping[str, RadialProfile],
    *,
    name: str | None = None,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
    width: float = COLUMN,
) -> Figure:
    """Draw the mean over planes with its interval against the distance, a colour a model; of one model all planes.

    Args:
        profiles: By the model's name.
        name: The title.
        rise: Whether to draw the rise above the loss at the centre, or the loss itself.
        log: Whether the axis of the loss is logarithmic; values that are not above zero are left out then.
        colours: By the model's name; by default they follow the order.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width)
        draw_radial_profiles(axes, profiles, rise=rise, log=log, colours=colours, width=width)
        title(figure, name)
    return figure


def draw_radial_profiles(
    axes: Axes,
    profiles: Mapping[str, RadialProfile],
    *,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
    width: float = COLUMN,
) -> None:
    """Draw ``radial_profile_figure`` into axes, with names that fit into a figure of this width."""
    curves = radial_curves(profiles, rise=rise, log=log, colours=colours)
    low, high = radial_limits(curves, log=log)
    for curve in curves:
        if curve.has_interval:
            ends = np.maximum(curve.mean - curve.half, low), curve.mean + curve.half
            axes.fill_between(curve.radii, *ends, color=curve.colour, alpha=0.25, linewidth=0)
        if len(curves) == 1 and len(curve.planes) > 1:
            axes.plot(curve.radii, curve.planes.T, color=curve.colour, alpha=0.55, linewidth=0.5)
        label = fitted(curve.name, 0.6 * width, SMALL)
        axes.plot(curve.radii, curve.mean, color=curve.colour, linewidth=1.5, label=label)
    scale_axis(axes, "x", 0, furthest(curves), DISTANCE_LABEL)
    scale_axis(axes, "y", low, high, RISE_LABEL if rise else LOSS_LABEL, log=log)
    plain_grid(axes)
    if len(curves) > 1:
        axes.legend()
