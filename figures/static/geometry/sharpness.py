"""How far the loss rises within a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.geometry.sharpness import RHO_LABEL, RISE_LABEL, Rise, Rises, noise_in_view, rises
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, settings, single
from landscape.figures.static.text import title
from landscape.results import Sharpness

SYMBOLS = ("o", "s", "D", "^", "P", "*")


def sharpness_figure(
    sharpness: Sharpness, *, name: str | None = None, log: bool = True, width: float = COLUMN
) -> Figure:
    """Draw the rise of the loss against ρ, one line a kind, with the standard errors of the averages.

    Kinds differ in colour and in symbol; those with a ρ of another unit are dashed. A value outside of a logarithmic
    axis (zero, negative, infinite) lies at its edge as an open triangle.

    Args:
        sharpness: What to draw.
        name: Of the model, shown as the title.
        log: Whether the axis of the rise is logarithmic.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, 0.75 * width)
        draw_sharpness(axes, sharpness, log=log)
        title(figure, name)
    return figure


def draw_sharpness(axes: Axes, sharpness: Sharpness, *, log: bool = True) -> None:
    """Draw ``sharpness_figure`` into axes."""
    table = rises(sharpness, log=log)
    for place, rise in enumerate(table.kinds):
        _kind(axes, table, rise, SYMBOLS[place % len(SYMBOLS)])
    noise = noise_in_view(sharpness, table)
    if np.isfinite(noise):
        axes.axhline(noise, color=QUIET, linewidth=0.8, linestyle=":")
        place_at: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate("rounding noise", (0, noise), (2, 2), va="bottom", fontsize=SMALL, **place_at)
    scale_axis(axes, "x", *table.span, RHO_LABEL, log=table.log_rho)
    scale_axis(axes, "y", *table.range, RISE_LABEL, log=log)
    plain_grid(axes)
    if table.kinds:
        axes.legend()


def _kind(axes: Axes, table: Rises, rise: Rise, symbol: str) -> None:
    heights, side = table.placed(rise)
    line: dict[str, Any] = {"color": rise.colour, "linewidth": 1.2, "linestyle": "--" if rise.adaptive else "-"}
    axes.plot(rise.rhos, heights, **line, zorder=2)
    inside = side == 0
    errors = rise.errors[inside]
    axes.errorbar(
        rise.rhos[inside],
        heights[inside],
        yerr=errors if np.isfinite(errors).any() else None,
        fmt=symbol,
        color=rise.colour,
        markersize=4.5,
        elinewidth=1,
        capsize=2,
        label=rise.name,
    )
    for edge, triangle in ((1, "^"), (-1, "v")):
        at = side == edge
        axes.plot(rise.rhos[at], heights[at], triangle, color=rise.colour, mfc="white", zorder=4)
