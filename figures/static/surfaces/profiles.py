"""The loss of several models along one direction, a colour a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.plotdata.surfaces.comparison import (
    LINEAR,
    LOSS,
    SCALES,
    compare_surfaces,
    quantities,
    quantity_of,
)
from landscape.figures.plotdata.surfaces.marks import heights_at
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.figures.static.axes import coordinate_ticks, plain_grid
from landscape.figures.static.canvas import COLUMN, SMALL, settings, single
from landscape.figures.static.text import fitted, wrapped

DASHES = {"solid": "-", "dash": "--", "dot": ":"}  # from plotly's names


def profiles_figure(
    models: Sequence[ModelEntry], *, scale: str = LINEAR, metric: str = LOSS, width: float = COLUMN
) -> Figure:
    """Draw each model's loss along α through its centre, as lines in one plot.

    Args:
        models: What to draw; models without a surface are left out, and equal names get numbers.
        scale: Of the loss: ``linear``, ``log``, or ``rise``, which is above each surface's lowest.
        metric: What to draw: the loss, or a metric of the surfaces.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has such a quantity, or the scale is unknown.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    compared = compare_surfaces([quantity_of(model.surface, metric) for model in models], scale)
    if compared.limits is None:
        known = ", ".join(quantities(model.surface for model in models))
        raise ValueError(f"no model has a surface of {metric!r} to draw; known are: {known}")
    with settings():
        figure, axes = single(width)
        ends: list[float] = []
        for style, surface, heights in zip(model_styles(models), compared.surfaces, compared.heights, strict=True):
            if surface is None or heights is None:
                continue
            points = np.stack([surface.alphas, np.zeros(len(surface.alphas))], 1)
            along = heights_at(surface, heights.values, points)
            properties: dict[str, Any] = {"color": style.colour, "linestyle": DASHES[style.dash], "linewidth": 1.4}
            axes.plot(surface.alphas, along, label=fitted(style.name, 0.5 * width, SMALL), **properties)
            axes.set_xlabel(coordinates(surface)[0].symbol)
            ends += along[np.isfinite(along)].tolist()
        common = compared.common
        if ends and min(ends) < max(ends):
            common = replace(common, low=min(ends), high=max(ends))
        margin = 0.05 * (common.high - common.low)
        axes.set(ylabel=wrapped(common.label, 0.5 * width), xlim=compared.alphas)
        axes.set_ylim(common.low - margin, common.high + margin)
        axes.set_xticks(*coordinate_ticks(np.array(compared.alphas)))
        axes.set_yticks(*common.ticks)
        plain_grid(axes)
        axes.legend()
    return figure
