"""The barriers between several models."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.geometry.localization import ink
from landscape.figures.plotdata.surfaces.barriers import TITLE, barrier_table
from landscape.figures.static.canvas import COLOURS, COLUMN, SMALL, settings, single
from landscape.figures.static.text import title
from landscape.results.curve import BarrierMatrix


def barriers_figure(matrix: BarrierMatrix, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """Draw a table of the barriers between all pairs of models, with colours.

    Args:
        matrix: What to draw.
        name: The title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, 0.75 * width)
        draw_barriers(axes, matrix)
        title(figure, name)
    return figure


def draw_barriers(axes: Axes, matrix: BarrierMatrix) -> None:
    """Draw ``barriers_figure`` into axes."""
    table = barrier_table(matrix)
    count = len(table.names)
    edges = np.arange(count + 1) - 0.5
    values = np.ma.masked_invalid(table.values)
    axes.pcolormesh(edges, edges, values, cmap=COLOURS, vmin=0, vmax=table.high, edgecolors="white", linewidth=1)
    for i, j in np.ndindex(count, count):
        value = float(table.values[i, j])
        if math.isfinite(value):
            axes.text(j, i, table.texts[i][j], ha="center", va="center", fontsize=SMALL, color=ink(value / table.high))
    axes.set_xticks(range(count), table.names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), table.names)
    axes.set(ylim=(count - 0.5, -0.5), title=TITLE)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL)
