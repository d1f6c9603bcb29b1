"""Several models' surfaces in one picture, as in a paper: Figure 1 of Lai et al. (2023), on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, looks
from landscape.figures.plotdata.comparison import (
    LINEAR,
    LOSS,
    SCALES,
    ball_fits,
    is_plane,
    quantities,
    quantity_of,
    shown,
)
from landscape.figures.plotdata.scales import Heights, heights
from landscape.figures.static.canvas import COLOURS, DPI, LABEL_SIZE, PAGE, QUIET, checked, fitted, settings
from landscape.figures.static.scenes import extent, place
from landscape.figures.static.surfaces import MARGIN, fill, framed

NARROW = 1.6  # inches: no scene of several side by side has less
NAME = 0.24  # inches, below each
FOOT = 0.5  # inches, below all: the colour bar


def comparison_figure(
    models: Sequence[ModelEntry],
    *,
    scale: str = LINEAR,
    share: bool = True,
    metric: str = LOSS,
    rho: float | None = None,
    quadratic: bool = False,
    columns: int | None = None,
    width: float = PAGE,
) -> Figure:
    """A grid of surfaces in three dimensions with the models' names below: (a), (b), and so on.

    A model without a plane to draw keeps its place, which says so. Four fit in a row of a page, or two in a column.

    Args:
        models: What to draw; equal names get numbers.
        scale: Of heights, colours and contours: ``linear``, ``log``, or ``rise``, which is above each one's lowest.
        share: Whether all have one range of heights and colours, with one colour bar, or each its own.
        metric: What to draw: the loss, or a metric of the surfaces.
        rho: The radius of a ball around each centre, drawn where a surface tells how long its directions are.
        quadratic: Whether to draw the quadratic model of each surface that carries one.
        columns: How many stand side by side; by default as many as have room, in rows of about the same number.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has such a quantity over a plane, or there is no such scale.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    of = [quantity_of(model.surface, metric) for model in models]
    planes = [surface if surface is not None and is_plane(surface) else None for surface in of]
    drawn = shown(planes, scale)
    if drawn.limits is None:
        known = ", ".join(quantities(model.surface for model in models))
        raise ValueError(
            f"no model has a plane with a finite {metric} for a picture (known are: {known}); leave the picture out"
        )
    if columns is None:
        columns = _columns(len(models), checked(width))
    rows, cell = math.ceil(len(models) / columns), width / columns
    inside, foot = cell - 2 * MARGIN, FOOT if share else 0.0
    with settings(), matplotlib.rc_context({"xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.labelsize": 7.5}):
        figure = Figure(figsize=(checked(width), width), dpi=DPI)
        found = {}
        for index, surface in enumerate(drawn.surfaces):
            if surface is not None:
                these = heights(surface, log=drawn.log, limits=drawn.limits if share else None)
                found[index] = surface, these, framed(figure, surface, these, cell)
                if share:
                    found[index][2][0].set_zlabel("")  # the colour bar has it
        around = extent([scene for *_, scene in found.values()], inside)
        high = around.height(inside) + NAME + 2 * MARGIN
        figure.set_size_inches(width, rows * high + foot)
        for index, look in enumerate(looks(models)):
            left, bottom = index % columns * cell, foot + (rows - 1 - index // columns) * high
            letter = f"({chr(97 + index)}) " if index < 26 else ""
            told = letter + fitted(look.name, inside - 0.3, LABEL_SIZE)
            middle = (left + cell / 2) / width
            figure.text(middle, (bottom + 0.08) / figure.get_figheight(), told, ha="center", fontsize=LABEL_SIZE)
            if index not in found:
                at = (bottom + NAME + high / 2) / figure.get_figheight()
                figure.text(middle, at, "no surface", ha="center", color=QUIET)
                continue
            surface, these, (axes, _) = found[index]
            place(axes, around, left + MARGIN, bottom + NAME + MARGIN, inside)
            radius = rho if rho is not None and ball_fits(surface, rho) else None
            fill(axes, surface, these, rho=radius, quadratic=quadratic and surface.quadratic is not None)
        if share:
            _colour_bar(figure, drawn.common)
    return figure


def _columns(count: int, width: float) -> int:
    most = max(int(width / NARROW), 1)
    return math.ceil(count / math.ceil(count / most))


def _colour_bar(figure: Figure, common: Heights) -> None:
    ticks, labels = common.ticks
    high = figure.get_figheight()
    bar = figure.colorbar(
        ScalarMappable(Normalize(common.low, common.high), COLOURS),
        cax=figure.add_axes((0.3, 0.36 / high, 0.4, 0.08 / high)),
        orientation="horizontal",
    )
    bar.set_ticks(ticks, labels=labels)
    bar.set_label(common.label, labelpad=1)
    bar.ax.spines[:].set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
