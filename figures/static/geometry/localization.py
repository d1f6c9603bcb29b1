"""The shares of eigenvectors that lie in groups of parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.geometry.localization import cell, ink, localization_table
from landscape.figures.static.canvas import COLOURS, COLUMN, SMALL, TEXT, settings, single
from landscape.figures.static.text import title
from landscape.figures.style import shortened
from landscape.results import Localization

HEADING = 6.0  # points: columns are narrow


def localization_figure(localization: Localization, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """Draw the share of each eigenvector by group, in per cent, beside the shares of a random vector.

    Groups run down, eigenvectors across with the error that each of their shares may have; the baselines are apart
    from them.

    Args:
        localization: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, 0.8 + 0.24 * len(localization_table(localization).rows))
        draw_localization(axes, localization)
        title(figure, name)
    return figure


def localization_height(localization: Localization) -> float:
    """Return the height of the panel, in inches."""
    return 0.9 + 0.22 * len(localization_table(localization).rows)


def draw_localization(axes: Axes, localization: Localization) -> None:
    """Draw ``localization_figure`` into axes."""
    table = localization_table(localization)
    rows, columns = table.values.shape
    for part in table.parts.values():
        first, last = table.places[part][[0, -1]]
        edges = np.arange(first, last + 1.5) - 0.5
        values = np.ma.masked_invalid(table.values[:, part])
        cells: dict[str, Any] = {
            "cmap": COLOURS,
            "vmin": 0,
            "vmax": table.high,
            "edgecolors": "white",
            "linewidth": 1,
        }
        axes.pcolormesh(edges, np.arange(rows + 1) - 0.5, values, **cells)
    for row, column in np.ndindex(rows, columns):
        share = float(table.values[row, column])
        colour = ink(share / table.high) if math.isfinite(share) else TEXT
        place = float(table.places[column]), row
        axes.text(*place, cell(share), ha="center", va="center", fontsize=SMALL, color=colour)
    axes.set_xticks(table.places, ["\n".join(heading) for heading in table.headings])
    axes.set_yticks(range(rows), [shortened(row, 20) for row in table.rows])
    axes.set(ylim=(rows - 0.5, -0.5), xlabel=table.label)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL)
    axes.tick_params(axis="x", labelsize=HEADING)
