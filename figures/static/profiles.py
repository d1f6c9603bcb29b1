"""The loss of several models along one direction, a colour a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, looks
from landscape.figures.plotdata.comparison import LINEAR, LOSS, SCALES, quantities, quantity_of, shown
from landscape.figures.plotdata.planes import coordinates, heights_at
from landscape.figures.static.canvas import (
    COLUMN,
    SMALL,
    coordinate_ticks,
    fitted,
    plain_grid,
    settings,
    single,
    wrapped,
)

DASHES = {"solid": "-", "dash": "--", "dot": ":"}  # from plotly's words


def profiles_figure(
    models: Sequence[ModelEntry], *, scale: str = LINEAR, metric: str = LOSS, width: float = COLUMN
) -> Figure:
    """Each model's loss along α through its centre, as lines in one plot.

    Args:
        models: What to draw; those without a surface are left out, and equal names get numbers.
        scale: Of the loss: ``linear``, ``log``, or ``rise``, which is above each surface's lowest.
        metric: What to draw: the loss, or a metric of the surfaces.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has such a quantity, or there is no such scale.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    drawn = shown([quantity_of(model.surface, metric) for model in models], scale)
    if drawn.limits is None:
        known = ", ".join(quantities(model.surface for model in models))
        raise ValueError(f"no model has a surface of {metric!r} to draw; known are: {known}")
    with settings():
        figure, axes = single(width)
        ends: list[float] = []
        for look, surface, heights in zip(looks(models), drawn.surfaces, drawn.drawn, strict=True):
            if surface is None or heights is None:
                continue
            across = np.stack([surface.alphas, np.zeros(len(surface.alphas))], 1)
            along = heights_at(surface, heights.values, across)
            told = fitted(look.name, 0.5 * width, SMALL)
            axes.plot(surface.alphas, along, color=look.colour, linestyle=DASHES[look.dash], linewidth=1.4, label=told)
            axes.set_xlabel(coordinates(surface)[0].symbol)
            ends += along[np.isfinite(along)].tolist()
        common = drawn.common
        if ends and min(ends) < max(ends):
            common = replace(common, low=min(ends), high=max(ends))
        margin = 0.05 * (common.high - common.low)
        axes.set(ylabel=wrapped(common.label, 0.5 * width), xlim=drawn.alphas)
        axes.set_ylim(common.low - margin, common.high + margin)
        axes.set_xticks(*coordinate_ticks(np.array(drawn.alphas)))
        axes.set_yticks(*common.ticks)
        plain_grid(axes)
        axes.legend()
    return figure
