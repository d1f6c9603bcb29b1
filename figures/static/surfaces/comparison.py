"""Several models' surfaces in one picture, as in a paper: Figure 1 of Lai et al. (2023), on one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.scales import Heights, plot_heights
from landscape.figures.plotdata.surfaces.comparison import (
    LINEAR,
    LOSS,
    SCALES,
    ComparedSurfaces,
    ball_fits,
    compare_surfaces,
    quantities,
    quantity_of,
)
from landscape.figures.static.canvas import COLOURS, DPI, LABEL_SIZE, PAGE, QUIET, checked, settings
from landscape.figures.static.scenes import Scene, extent, place
from landscape.figures.static.surfaces.surface import MARGIN, fill, framed
from landscape.figures.static.text import fitted
from landscape.results import Surface

NARROW = 1.6  # inches, the least width of a scene beside others
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
    names: Sequence[str] | None = None,
    width: float = PAGE,
) -> Figure:
    """Draw a grid of surfaces in three dimensions with the models' names below: (a), (b), and so on.

    The place of a model without a plane says "no surface". Four fit in a row of a page, or two in a column.

    Args:
        models: What to draw; equal names get numbers.
        scale: Of heights, colours and contours: ``linear``, ``log``, or ``rise``, which is above each one's lowest.
        share: Whether all have one range of heights and colours, with one colour bar, or separate ranges.
        metric: What to draw: the loss, or a metric of the surfaces.
        rho: The radius of a ball around each centre, drawn for surfaces with the lengths of their directions.
        quadratic: Whether to draw the quadratic models, if there are any.
        columns: How many stand side by side; by default as many as fit, in rows of about the same number.
        names: What stands below each; by default the names of the models.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has such a quantity over a plane, or the scale is unknown.
    """
    compared = _compared(models, metric, scale)
    if columns is None:
        columns = _columns(len(models), checked(width))
    with settings(), matplotlib.rc_context({"xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.labelsize": 7.5}):
        figure = Figure(figsize=(checked(width), width), dpi=DPI)
        scenes = _scenes(figure, compared, share, width / columns)
        below = [style.name for style in model_styles(models)] if names is None else names
        _place(figure, scenes, below, columns, FOOT if share else 0.0)
        for drawn in scenes.values():
            radius = rho if rho is not None and ball_fits(drawn.surface, rho) else None
            model = quadratic and drawn.surface.quadratic is not None
            fill(drawn.scene[0], drawn.surface, drawn.heights, rho=radius, quadratic=model)
        if share:
            _colour_bar(figure, compared.common)
    return figure


def _compared(models: Sequence[ModelEntry], metric: str, scale: str) -> ComparedSurfaces:
    """The planes of the models on a scale; a model without one has None.

    Raises:
        ValueError: No model has such a quantity over a plane, or the scale is unknown.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    quantity = [quantity_of(model.surface, metric) for model in models]
    planes = [surface if surface is not None and is_plane(surface) else None for surface in quantity]
    compared = compare_surfaces(planes, scale)
    if compared.limits is None:
        known = ", ".join(quantities(model.surface for model in models))
        raise ValueError(
            f"no model has a plane with a finite {metric} for a picture (known are: {known}); leave the picture out"
        )
    return compared


@dataclass(frozen=True)
class _Scene:
    surface: Surface
    heights: Heights
    scene: Scene


def _scenes(figure: Figure, compared: ComparedSurfaces, share: bool, width: float) -> dict[int, _Scene]:
    scenes = {}
    for index, surface in enumerate(compared.surfaces):
        if surface is not None:
            heights = plot_heights(surface, log=compared.log, limits=compared.limits if share else None)
            scenes[index] = _Scene(surface, heights, framed(figure, surface, heights, width))
            if share:
                scenes[index].scene[0].set_zlabel("")  # the colour bar has it
    return scenes


def _place(figure: Figure, scenes: Mapping[int, _Scene], names: Sequence[str], columns: int, foot: float) -> None:
    """Set the figure's height, put the scenes into rows, and the names below them; ``foot`` inches stay free below."""
    width = figure.get_figwidth()
    rows, cell = math.ceil(len(names) / columns), width / columns
    inside = cell - 2 * MARGIN
    around = extent([drawn.scene for drawn in scenes.values()], inside)
    high = around.height(inside) + NAME + 2 * MARGIN
    figure.set_size_inches(width, rows * high + foot)
    for index, name in enumerate(names):
        left, bottom = index % columns * cell, foot + (rows - 1 - index // columns) * high
        middle = (left + cell / 2) / width
        _name(figure, index, name, inside, (middle, bottom))
        if index in scenes:
            place(scenes[index].scene[0], around, left + MARGIN, bottom + NAME + MARGIN, inside)
        else:
            at = (bottom + NAME + high / 2) / figure.get_figheight()
            figure.text(middle, at, "no surface", ha="center", color=QUIET)


def _name(figure: Figure, index: int, name: str, width: float, at: tuple[float, float]) -> None:
    letter = f"({chr(97 + index)}) " if index < 26 else ""
    text = letter + fitted(name, width - 0.3, LABEL_SIZE)
    figure.text(at[0], (at[1] + 0.08) / figure.get_figheight(), text, ha="center", fontsize=LABEL_SIZE)


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
