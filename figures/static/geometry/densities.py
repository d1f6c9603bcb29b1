"""The distribution of eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.geometry.densities import Density, density
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, settings, single
from landscape.figures.static.text import title
from landscape.figures.style import GREEK_LAMBDA, MARK, PALETTE, number
from landscape.results import Spectrum

RUG = 0.045  # of the axes' height


def density_figure(spectrum: Spectrum, *, name: str | None = None, log: bool = True, width: float = COLUMN) -> Figure:
    """Draw the density of eigenvalues with its 95 % interval over probes, the extremes, and at the bottom all nodes.

    Args:
        spectrum: What to draw.
        name: Of the model, shown as the title.
        log: Whether the axis of the density is logarithmic: most eigenvalues lie near zero, and the few large ones are
            seen only on such an axis. A dotted line is then as high as the peak of a single eigenvalue.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width)
        draw_density(axes, spectrum, log=log)
        title(figure, name)
    return figure


def draw_density(axes: Axes, spectrum: Spectrum, *, log: bool = True) -> None:
    """Draw ``density_figure`` into axes."""
    curve = density(spectrum, log=log)
    if np.isfinite(curve.half).any():
        shade = (curve.clipped(curve.mean - curve.half), curve.clipped(curve.mean + curve.half))
        axes.fill_between(curve.grid, *shade, color=PALETTE["blue"], alpha=0.28, linewidth=0)
    axes.plot(curve.grid, curve.clipped(curve.mean), color=PALETTE["blue"], linewidth=1.2)
    bottom = np.zeros(len(curve.nodes)), np.full(len(curve.nodes), RUG)
    axes.vlines(curve.nodes, *bottom, color=PALETTE["blue"], linewidth=0.5, transform=axes.get_xaxis_transform())
    for value, end, side in zip(curve.extremes, ("smallest", "largest"), ("left", "right"), strict=True):
        if np.isfinite(value):
            axes.axvline(value, color=MARK, linewidth=0.8, linestyle="--")
            text = f"{end} {number(value, 3)}"
            axes.annotate(text, (value, 1), xycoords=("data", "axes fraction"), ha=side, va="bottom", fontsize=SMALL)
    if log and len(curve.grid):
        axes.axhline(curve.single, color=QUIET, linewidth=0.8, linestyle=":")
        properties: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": SMALL}
        axes.annotate("one eigenvalue", (_clear(curve), curve.single), (0, 2), **properties)
    scale_axis(axes, "x", *curve.span, f"eigenvalue {GREEK_LAMBDA}")
    scale_axis(axes, "y", curve.low, curve.high, f"density per unit of {GREEK_LAMBDA}", log=log)
    plain_grid(axes)


def _clear(curve: Density) -> float:
    """Return the middle of the widest interval where the curve is not near the height of a single eigenvalue."""
    edges = np.flatnonzero((curve.mean > 0.5 * curve.single) & (curve.mean < 5 * curve.single))
    stops = np.concatenate([[0], edges, [len(curve.grid) - 1]])
    widest = int(np.argmax(np.diff(stops)))
    return float(curve.grid[stops[widest : widest + 2]].mean())
