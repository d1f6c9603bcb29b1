"""The distribution of eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.densities import Density, density
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, plain_grid, scale_axis, settings, single, title
from landscape.figures.style import GREEK_LAMBDA, PALETTE, number
from landscape.results import Spectrum

RUG = 0.045  # of the axes' height


def density_figure(spectrum: Spectrum, *, name: str | None = None, log: bool = True, width: float = COLUMN) -> Figure:
    """The density of eigenvalues with its standard error, the extremes, and at the bottom all probes' nodes.

    Args:
        spectrum: What to draw.
        name: Of the model, shown as the title.
        log: Whether the axis of the density is logarithmic: most eigenvalues lie at zero, and those that matter do not.
            A dotted line is then as high as the peak of a single eigenvalue.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width)
        draw_density(axes, spectrum, log=log)
        title(figure, name)
    return figure


def draw_density(axes: Axes, spectrum: Spectrum, *, log: bool = True) -> None:
    """Draw ``density_figure`` into axes."""
    drawn = density(spectrum, log=log)
    if np.isfinite(drawn.stderr).any():
        band = (drawn.shown(drawn.mean - drawn.stderr), drawn.shown(drawn.mean + drawn.stderr))
        axes.fill_between(drawn.grid, *band, color=PALETTE["blue"], alpha=0.28, linewidth=0)
    axes.plot(drawn.grid, drawn.shown(drawn.mean), color=PALETTE["blue"], linewidth=1.2)
    bottom = np.zeros(len(drawn.nodes)), np.full(len(drawn.nodes), RUG)
    axes.vlines(drawn.nodes, *bottom, color=PALETTE["blue"], linewidth=0.5, transform=axes.get_xaxis_transform())
    for value, end, side in zip(drawn.extremes, ("smallest", "largest"), ("left", "right"), strict=True):
        if np.isfinite(value):
            axes.axvline(value, color=PALETTE["vermillion"], linewidth=0.8, linestyle="--")
            text = f"{end} {number(value, 3)}"
            axes.annotate(text, (value, 1), xycoords=("data", "axes fraction"), ha=side, va="bottom", fontsize=SMALL)
    if log and len(drawn.grid):
        axes.axhline(drawn.single, color=QUIET, linewidth=0.8, linestyle=":")
        look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": SMALL}
        axes.annotate("one eigenvalue", (_clear(drawn), drawn.single), (0, 2), **look)
    scale_axis(axes, "x", *drawn.span, f"eigenvalue {GREEK_LAMBDA}")
    scale_axis(axes, "y", drawn.low, drawn.high, f"density per unit of {GREEK_LAMBDA}", log=log)
    plain_grid(axes)


def _clear(drawn: Density) -> float:
    """The middle of the widest stretch where the curve is not near the height of a single eigenvalue."""
    edges = np.flatnonzero((drawn.mean > 0.5 * drawn.single) & (drawn.mean < 5 * drawn.single))
    stops = np.concatenate([[0], edges, [len(drawn.grid) - 1]])
    widest = int(np.argmax(np.diff(stops)))
    return float(drawn.grid[stops[widest : widest + 2]].mean())
