"""Panels of a study's static pictures: charts with seeds, eigenvalues, flatness against ranking, verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from landscape.figures.entries import ModelStyle
from landscape.figures.plotdata.geometry.eigenvalues import dodge, eigenvalue_limits
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import QUIET, SMALL, TEXT
from landscape.figures.static.text import fitted, wrapped
from landscape.figures.study.methods import Styles
from landscape.figures.study.points import DrawnChart, Line
from landscape.figures.study.scattered import DrawnScatter, eigenvalues_by_method
from landscape.figures.study.tables import tau_text
from landscape.figures.study.verdicts import claim_scale, in_unit, symbol_of, tested_text
from landscape.figures.style import number
from landscape.results.display.display_names import display_name
from landscape.results.study.records import Claim, ModelSurface

DASHES = {"solid": "-", "dash": "--", "dot": ":"}  # from plotly's names
SEED_ALPHA = 0.5
NARROW, SMALLEST = 2.5, 6.0  # inches of a panel that has smaller letters above it, and their size in points
TICKS_PER_INCH = 2.1  # at most
NAMES = 1.3  # inches beside a claim for the names of data sets, and margins
Size = tuple[float, float]  # inches: width and height of a panel


def chart_panel(axes: Axes, drawn: DrawnChart, styles: Sequence[ModelStyle], size: Size) -> None:
    """Draw the lines of a chart: means with 95 % bars or bands, seeds as dots, failed runs as crosses at the bottom."""
    for line, style in zip(drawn.lines, styles, strict=True):
        _line(axes, line, style, drawn)
    chart = drawn.chart
    _axis(axes, "x", drawn.x_limits, display_name(chart.x_title), size, log=chart.log_x)
    _axis(axes, "y", drawn.y_limits, chart.y_title, size, log=chart.log_y)
    if drawn.x_ticks is not None:
        axes.set_xticks(list(drawn.x_ticks), [number(tick) for tick in drawn.x_ticks])
    plain_grid(axes)


def _line(axes: Axes, line: Line, style: ModelStyle, drawn: DrawnChart) -> None:
    colour = style.colour
    size = 1.5 if drawn.band else 2.5
    axes.plot([seed.x for seed in line.seeds], [seed.y for seed in line.seeds], "o", color=colour, markersize=size,
              alpha=SEED_ALPHA, mew=0, zorder=3)  # fmt: skip
    axes.plot(line.at, line.mean, DASHES[style.dash], color=colour, linewidth=1.3, zorder=4,
              marker="" if drawn.band else "o", markersize=4, mec="white", mew=0.6)  # fmt: skip
    if drawn.band:
        axes.fill_between(line.at, line.low, line.high, color=colour, alpha=0.15, linewidth=0, zorder=2)
    else:
        axes.vlines(line.at, line.low, line.high, color=colour, linewidth=1.0, zorder=3)
    axes.plot(line.at, line.published, "D", color=colour, mfc="none", markersize=4.5, mew=0.9, zorder=3)
    axes.plot([at for at, _ in line.failed], [drawn.floor] * len(line.failed), "x", color=colour, markersize=5, mew=1.4)


def eigenvalues_panel(axes: Axes, surfaces: Sequence[ModelSurface], styles: Styles, size: Size) -> None:
    """Draw the eigenvalues of all runs on a data set: a dot for each seed, and a line at their mean."""
    names, by_method = eigenvalues_by_method(surfaces)
    axes.axhline(0, color=QUIET, linewidth=0.9, zorder=1)
    for place, (method, (_, values)) in enumerate(by_method.items()):
        colour = styles[method].colour
        for column, name in enumerate(names):
            at = column + dodge(place, len(by_method))
            known = values[:, column][np.isfinite(values[:, column])]
            axes.plot([at] * len(known), known, "o", color=colour, markersize=3, alpha=SEED_ALPHA, mew=0, gid=name)
            if len(known):
                axes.plot([at], [known.mean()], "_", color=colour, markersize=8, mew=1.5)
    every = [values.ravel() for _, values in by_method.values()]
    _axis(axes, "y", eigenvalue_limits((values, np.zeros(len(values))) for values in every), "eigenvalue", size)
    plain_grid(axes, which="y")
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)


def scatter_panel(axes: Axes, drawn: DrawnScatter, styles: Styles, size: Size) -> None:
    """Draw a measure of flatness against a measure of success; Kendall's τ stands above."""
    for method, points in drawn.by_method.items():
        x, y = [point.x for point in points], [point.y for point in points]
        axes.plot(x, y, "o", color=styles[method].colour, markersize=3.5, alpha=0.75, mew=0)
    _axis(axes, "x", drawn.x_limits, drawn.scatter.x_title, size, log=drawn.log_x)
    _axis(axes, "y", drawn.y_limits, drawn.scatter.y_title, size)
    plain_grid(axes)
    tau, within = tau_text(drawn.scatter.overall), tau_text(drawn.scatter.within)
    letters = SMALL if size[0] > NARROW else SMALLEST
    axes.set_title(f"τ = {tau}\nwithin methods {within}", loc="left", fontsize=letters)


def claim_panel(axes: Axes, claim: Claim, size: Size) -> None:
    """Draw a claim: for each data set the mean difference with its interval, beside what is claimed.

    Raises:
        ValueError: No difference is known.
    """
    scale = claim_scale(claim)
    if scale is None:
        raise ValueError(f"no difference is known of the claim {claim.text!r}; leave its picture out")
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    for place, row in enumerate(claim.by_data):
        effect, difference = row.effect, row.difference
        if effect is not None and claim.margin:
            axes.fill_betweenx([place - 0.4, place + 0.4], -effect, effect, color=QUIET, alpha=0.25, linewidth=0)
        elif effect is not None:
            axes.plot([effect], [place], "D", color=TEXT, mfc="none", markersize=5, mew=0.9)
        if math.isfinite(difference.mean):
            axes.hlines(place, difference.low, difference.high, color=TEXT, linewidth=1.2)
            axes.plot([difference.mean], [place], "o", color=TEXT, markersize=4.5)
    names = [f"{fitted(row.data, size[0] / 4, SMALL)} {symbol_of(row.verdict)}" for row in claim.by_data]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(scale.low, scale.high)
    axes.set_xticks(scale.ticks(), [in_unit(claim, tick) for tick in scale.ticks()])
    axes.set_xlabel(wrapped(claim.unit, 0.8 * size[0], SMALL), fontsize=SMALL)
    title = f"{claim.text}: {claim.verdict} {tested_text(claim)}".rstrip()
    axes.set_title(wrapped(title, size[0] - NAMES, SMALL), loc="left", fontsize=SMALL)
    plain_grid(axes, which="x")


def _axis(axes: Axes, which: str, limits: tuple[float, float], label: str, size: Size, *, log: bool = False) -> None:
    scale_axis(axes, which, *limits, label, log=log)
    room = 0.72 * size[which == "y"]
    text = wrapped(f"{label} (log scale)" if log else label, room)
    (axes.set_xlabel if which == "x" else axes.set_ylabel)(text)
    if which == "x":  # long labels of many ticks would overlap in a small panel
        ticks = axes.get_xticks().tolist()
        shown = ticks[:: math.ceil(len(ticks) / (TICKS_PER_INCH * size[0]))] if ticks else []
        axes.set_xticks(shown, [number(tick) for tick in shown])
