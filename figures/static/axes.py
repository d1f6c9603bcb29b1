"""Axes of static figures: limits, ticks, labels and the grid."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from landscape.figures.plotdata.extents import ends
from landscape.figures.plotdata.ticks import log_ticks, round_ticks
from landscape.figures.static.canvas import GRID
from landscape.figures.static.text import wrapped
from landscape.figures.style import number
from landscape.results import Floats


def coordinate_ticks(coordinates: Floats, count: int = 4) -> tuple[list[float], list[str]]:
    """Return about ``count`` round ticks within the coordinates, and their labels."""
    low, high = ends(coordinates)
    ticks = round_ticks(low, high, count) if low < high else [low]
    return ticks, [number(tick) for tick in ticks]


def scale_axis(axes: Axes, which: str, low: float, high: float, label: str, *, log: bool = False) -> None:
    """Give the axis ``x`` or ``y`` its label, its limits in units of what it shows, and its ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    box = axes.figure.bbox
    room = 0.72 * (box.width if which == "x" else box.height) / axes.figure.dpi
    axis.set_label_text(wrapped(f"{label} (log scale)" if log else label, room))
    if log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_minor_locator(NullLocator())
    set_limits(low, high)
    ticks = log_ticks(np.log10(low), np.log10(high)) if log else round_ticks(low, high)
    axis.set_ticks(ticks, [number(tick) for tick in ticks])


def plain_grid(axes: Axes, *, which: str = "both") -> None:
    """Draw lines behind the data instead of a frame around it."""
    axes.grid(True, axis=which, color=GRID, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
