"""Sharpness, loss and metric along a training run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.along import EPOCH_LABEL, AlongPanel, along_panels
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import DPI, PAGE, checked, settings
from landscape.figures.static.text import title
from landscape.figures.style import MARK, colour
from landscape.results.along import AlongTraining

HEIGHT = 0.62  # of the figure, in units of its width


def along_figure(along: AlongTraining, *, name: str | None = None, width: float = PAGE) -> Figure:
    """Draw λmax, trace, loss and metric against the epoch, with residuals and standard errors, in four panels.

    The snapshot with the highest validation metric has another colour.

    Args:
        along: What to draw.
        name: Of the run, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure = Figure(figsize=(checked(width), HEIGHT * width), dpi=DPI, layout="constrained")
        for axes, panel in zip(figure.subplots(2, 2).flat, along_panels(along), strict=True):
            _draw(axes, panel)
        title(figure, name)
    return figure


def _draw(axes: Axes, panel: AlongPanel) -> None:
    errors = panel.errors if np.isfinite(panel.errors).any() else None
    axes.errorbar(
        panel.epochs, panel.values, yerr=errors, fmt="o-", color=colour(0), markersize=3.5, linewidth=1.2, capsize=2
    )
    if panel.best is not None:
        axes.plot(panel.epochs[panel.best], panel.values[panel.best], "o", color=MARK, markersize=4.5, zorder=4)
    scale_axis(axes, "x", *panel.span, EPOCH_LABEL)
    scale_axis(axes, "y", *panel.range, panel.label)
    plain_grid(axes)
