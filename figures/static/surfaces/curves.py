"""The loss along the straight path between two models and along the curve of low loss."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.surfaces.curves import T_LABEL, drawn_paths, paths_range
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, settings, single
from landscape.figures.static.text import title
from landscape.results.curve import LowLossCurve

LEGEND = 0.3  # room for it above the curves, as a share of their range


def curve_figure(curve: LowLossCurve, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """Draw the loss against t along both paths, with standard errors and the barriers' heights.

    Args:
        curve: What to draw.
        name: Of the models, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width)
        draw_curve(axes, curve)
        title(figure, name)
    return figure


def draw_curve(axes: Axes, curve: LowLossCurve) -> None:
    """Draw ``curve_figure`` into axes."""
    paths = drawn_paths(curve)
    for path in paths:
        ends = path.loss - path.error, path.loss + path.error
        axes.fill_between(path.t, *ends, color=path.colour, alpha=0.25, linewidth=0)
        axes.plot(path.t, path.loss, color=path.colour, linewidth=1.5, marker="o", markersize=2, label=path.name)
        if path.height > 0:
            rise = path.foot, path.foot + path.height
            axes.plot([path.at] * 2, rise, "_:", color=path.colour, linewidth=1, markersize=5)
    scale_axis(axes, "x", 0, 1, T_LABEL)
    low, high = paths_range(paths)
    scale_axis(axes, "y", low, high + LEGEND * (high - low), "loss")
    plain_grid(axes)
    axes.legend(loc="upper center")
