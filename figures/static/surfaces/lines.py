"""The loss along a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.lines import barrier_lines, line_of
from landscape.figures.plotdata.surfaces.marks import CENTRE_NAME, spots
from landscape.figures.plotdata.surfaces.planes import ball, quadratic_heights
from landscape.figures.static.axes import coordinate_ticks
from landscape.figures.static.canvas import COLUMN, GRID, LABEL, QUIET, SMALL, settings, single
from landscape.figures.static.text import fitted, title, wrapped
from landscape.figures.style import BALL_COLOUR, BARRIER_COLOUR, MARK, PALETTE, QUADRATIC_COLOUR
from landscape.results import Surface

NAMES: dict[str, Any] = {"fontsize": SMALL, "textcoords": "offset points", "ha": "center", "bbox": LABEL}


def line_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    width: float = COLUMN,
) -> Figure:
    """Draw the loss along a line: the curve, evaluated points, marks, and the barrier. A single point is a dot.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title.
        log: Whether the axis of the loss is logarithmic.
        rho: The distance from the centre at which to draw a line on either side.
        quadratic: Whether to draw the surface's quadratic model.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws; or what is to be drawn is missing.
    """
    with settings():
        figure, axes = single(width)
        draw_line(axes, surface, log=log, rho=rho, quadratic=quadratic, width=width)
        title(figure, name)
    return figure


def draw_line(
    axes: Axes,
    surface: Surface,
    *,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    width: float = COLUMN,
) -> None:
    """Draw ``line_figure`` into axes, with labels that fit into a figure of this width."""
    line = line_of(surface)
    heights = plot_heights(surface, log=log)
    margin = 0.06 * (heights.high - heights.low)
    below = 3 * margin if surface.marks else margin  # room for the names of marks below the curve
    marker = "o" if len(line.at) == 1 else ""
    axes.plot(line.at, heights.values.ravel(), marker=marker, color=PALETTE["blue"], linewidth=1.5)
    if not surface.evaluated.all():
        evaluated = [heights.place(loss) for loss in surface.node_loss.tolist()]
        axes.plot(surface.nodes[:, line.column], evaluated, "o", color=PALETTE["blue"], markersize=3)
    if quadratic:
        model = quadratic_heights(surface, heights).ravel()
        axes.plot(line.at, model, "--", color=QUADRATIC_COLOUR, linewidth=1.2)
    if rho is not None:
        for edge in ball(surface, rho)[:, 0]:
            axes.axvline(edge, color=BALL_COLOUR, linewidth=1.2)
    _barrier(axes, surface, log)
    for spot in spots(surface):
        at, height = (spot.alpha, spot.beta)[line.column], heights.place(spot.value)
        if np.isfinite(height):
            marker = "o" if spot.is_centre else "D"
            axes.plot([at], [height], marker, color=MARK, markersize=6, mec="white", mew=0.8)
            if spot.name != CENTRE_NAME:
                axes.annotate(fitted(spot.name, 0.25 * width, SMALL), (at, height), (0, -6), va="top", **NAMES)
    axes.set(xlabel=wrapped(line.coordinate.label, 0.8 * width), ylabel=wrapped(heights.label, 0.5 * width))
    axes.set_ylim(heights.low - below, heights.high + margin)
    axes.set_xticks(*coordinate_ticks(line.at))
    axes.set_yticks(*heights.ticks)
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _barrier(axes: Axes, surface: Surface, log: bool) -> None:
    barrier = barrier_lines(surface, log=log)
    if barrier is not None:
        axes.plot(*barrier.chord.T, "--", color=QUIET, linewidth=0.9)
        axes.plot(*barrier.rise.T, color=BARRIER_COLOUR, linewidth=1.2, marker="_", markersize=5)
        axes.annotate(f"barrier {barrier.height}", barrier.rise[1], (0, 5), va="bottom", **NAMES)
