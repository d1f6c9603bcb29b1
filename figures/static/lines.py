"""The loss along a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from landscape.figures.plotdata.lines import barrier_ends, line_of, quadratic_curve
from landscape.figures.plotdata.planes import CENTRE_NAME, ball, spots
from landscape.figures.plotdata.scales import heights
from landscape.figures.static.canvas import (
    COLUMN,
    GRID,
    LABEL,
    QUIET,
    SMALL,
    coordinate_ticks,
    fitted,
    settings,
    single,
    title,
    wrapped,
)
from landscape.figures.style import BALL_COLOUR, MARK, PALETTE, QUADRATIC_COLOUR
from landscape.results import Surface


def line_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    width: float = COLUMN,
) -> Figure:
    """The loss along a line: the curve, points evaluated, marks, and the barrier. A single point is drawn as one.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title.
        log: Whether the axis of the loss is logarithmic.
        rho: The distance from the centre at which to draw a line on either side.
        quadratic: Whether to draw the quadratic model that the surface carries.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws; or it does not carry what is to be drawn.
    """
    line = line_of(surface)
    drawn = heights(surface, log=log)
    margin = 0.06 * (drawn.high - drawn.low)
    below = 3 * margin if surface.marks else margin  # room for their names, which stand below the curve
    with settings():
        figure, axes = single(width)
        marker = "o" if len(line.at) == 1 else ""
        axes.plot(line.at, drawn.values.ravel(), marker=marker, color=PALETTE["blue"], linewidth=1.5)
        if not surface.evaluated.all():
            found_there = [drawn.place(loss) for loss in surface.node_loss.tolist()]
            axes.plot(surface.nodes[:, line.column], found_there, "o", color=PALETTE["blue"], markersize=3)
        if quadratic:
            axes.plot(line.at, quadratic_curve(surface, drawn), "--", color=QUADRATIC_COLOUR, linewidth=1.2)
        if rho is not None:
            for edge in ball(surface, rho)[:, 0]:
                axes.axvline(edge, color=BALL_COLOUR, linewidth=1.2)
        small: dict[str, Any] = {"fontsize": SMALL, "textcoords": "offset points"}
        found = barrier_ends(surface, log=log)
        if found is not None:
            axes.plot(*found.chord.T, "--", color=QUIET, linewidth=0.9)
            axes.plot(*found.rise.T, color=MARK, linewidth=1.2, marker="_", markersize=5)
            axes.annotate(f"barrier {found.told}", found.rise[1], (0, 5), ha="center", va="bottom", bbox=LABEL, **small)
        for spot in spots(surface):
            at, height = (spot.alpha, spot.beta)[line.column], drawn.place(spot.value)
            if np.isfinite(height):
                marker = "o" if (spot.alpha, spot.beta) == (0, 0) else "D"
                axes.plot([at], [height], marker, color=MARK, markersize=6, mec="white", mew=0.8)
                if spot.name != CENTRE_NAME:
                    told = fitted(spot.name, 0.25 * width, SMALL)
                    axes.annotate(told, (at, height), (0, -6), ha="center", va="top", bbox=LABEL, **small)
        ticks, labels = drawn.ticks
        axes.set(xlabel=wrapped(line.coordinate.label, 0.8 * width), ylabel=wrapped(drawn.label, 0.5 * width))
        axes.set_ylim(drawn.low - below, drawn.high + margin)
        axes.set_xticks(*coordinate_ticks(line.at))
        axes.set_yticks(ticks, labels)
        axes.yaxis.grid(True, color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        title(figure, name)
    return figure
