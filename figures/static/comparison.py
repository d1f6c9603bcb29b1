"""Several models' surfaces in one picture, as in a paper: Figure 1 of Lai et al. (2023), on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from figures.drawn.comparison import LINEAR, LOG, LOSS, is_plane, quantities, quantity_of, shown
from figures.drawn.scales import Heights, heights
from figures.models import Model, looks
from figures.static.canvas import COLOURS, DPI, PAGE, QUIET, settings
from figures.static.surfaces import draw_surface
from figures.style import shortened

HEIGHT = 0.8  # of a cell, in units of its width
FOOT = 0.6  # inches, below all: the colour bar


def comparison_figure(models: Sequence[Model], *, log: bool = False, share: bool = True, metric: str = LOSS) -> Figure:
    """A grid of surfaces in three dimensions, as wide as a page, with the models' names below.

    A model without a plane to draw keeps its place, which says so.

    Args:
        models: What to draw; equal names get numbers.
        log: Whether heights, colours and contours are logarithmic.
        share: Whether all have one range of heights and colours, with one colour bar, or each its own.
        metric: What to draw: the loss, or a metric of the surfaces.

    Raises:
        ValueError: No model has such a quantity over a plane.
    """
    of = [quantity_of(model.surface, metric) for model in models]
    planes = [surface if surface is not None and is_plane(surface) else None for surface in of]
    drawn = shown(planes, LOG if log else LINEAR)
    if drawn.limits is None:
        known = ", ".join(quantities(model.surface for model in models))
        raise ValueError(f"no model has a surface of {metric!r} to draw; known are: {known}")
    columns = len(models) if len(models) < 4 else 2 if len(models) == 4 else 3
    rows = math.ceil(len(models) / columns)
    with settings(), matplotlib.rc_context({"xtick.labelsize": 6, "ytick.labelsize": 6, "axes.labelsize": 7}):
        width = PAGE / columns
        foot = FOOT if share else 0.0
        high = rows * HEIGHT * width + foot
        figure = Figure(figsize=(PAGE, high), dpi=DPI)
        for place, look in enumerate(looks(models)):
            row, column = divmod(place, columns)
            left, bottom = column / columns, (foot + (rows - 1 - row) * HEIGHT * width) / high
            cell = (1 / columns, HEIGHT * width / high)
            label = f"({chr(97 + place)}) {shortened(look.name, 34)}" if place < 26 else shortened(look.name, 34)
            figure.text(left + cell[0] / 2, bottom + 0.01 * cell[1], label, ha="center", va="bottom", fontsize=8.5)
            surface = drawn.surfaces[place]
            if surface is None:
                figure.text(left + cell[0] / 2, bottom + cell[1] / 2, "no surface", ha="center", color=QUIET)
                continue
            box = (left, bottom + 0.21 * cell[1], 0.92 * cell[0], 0.82 * cell[1])
            axes: Axes3D = figure.add_axes(box, projection="3d", computed_zorder=False)
            draw_surface(axes, surface, heights(surface, log=log, limits=drawn.limits if share else None))
            if share:
                axes.set_zlabel("")  # the colour bar has it
        if share:
            _colour_bar(figure, drawn.common, foot / high)
    return figure


def _colour_bar(figure: Figure, common: Heights, foot: float) -> None:
    ticks, labels = common.ticks
    bar = figure.colorbar(
        ScalarMappable(Normalize(common.low, common.high), COLOURS),
        cax=figure.add_axes((0.3, 0.62 * foot, 0.4, 0.14 * foot)),
        orientation="horizontal",
    )
    bar.set_ticks(ticks, labels=labels)
    bar.set_label(common.label, labelpad=1)
    bar.ax.spines[:].set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
