"""How the eigenvectors' mass divides among groups of parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.localization import cell, ink, table
from landscape.figures.static.canvas import COLOURS, COLUMN, SMALL, TEXT, settings, single, title
from landscape.figures.style import shortened
from landscape.results import Localization

HEADING = 6.0  # points: columns are narrow


def shares_figure(shares: Localization, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """The mass of each eigenvector by group, in per cent, beside what a random vector would have.

    Groups run down, eigenvectors across with the error that each of their shares may have; apart from them are the
    baselines.

    Args:
        shares: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, 0.8 + 0.24 * len(table(shares).rows))
        draw_shares(axes, shares)
        title(figure, name)
    return figure


def draw_shares(axes: Axes, shares: Localization) -> None:
    """Draw ``shares_figure`` into axes."""
    drawn = table(shares)
    rows, columns = drawn.values.shape
    for part in drawn.parts.values():
        first, last = drawn.places[part][[0, -1]]
        edges = np.arange(first, last + 1.5) - 0.5
        values = np.ma.masked_invalid(drawn.values[:, part])
        look: dict[str, Any] = {"cmap": COLOURS, "vmin": 0, "vmax": drawn.high, "edgecolors": "white", "linewidth": 1}
        axes.pcolormesh(edges, np.arange(rows + 1) - 0.5, values, **look)
    for row, column in np.ndindex(rows, columns):
        share = float(drawn.values[row, column])
        colour = ink(share / drawn.high) if math.isfinite(share) else TEXT
        place = float(drawn.places[column]), row
        axes.text(*place, cell(share), ha="center", va="center", fontsize=SMALL, color=colour)
    axes.set_xticks(drawn.places, ["\n".join(heading) for heading in drawn.headings])
    axes.set_yticks(range(rows), [shortened(row, 20) for row in drawn.rows])
    axes.set(ylim=(rows - 0.5, -0.5), xlabel=drawn.label)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL)
    axes.tick_params(axis="x", labelsize=HEADING)
