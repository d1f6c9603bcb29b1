"""All figures of a curvature in one picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.registry import CURVATURE_FIGURES
from landscape.figures.static.canvas import COLUMN, DPI, PAGE, checked, settings
from landscape.figures.static.geometry.densities import draw_density
from landscape.figures.static.geometry.eigenvalues import blocks_height, draw_blocks, draw_spectrum, spectrum_height
from landscape.figures.static.geometry.localization import draw_localization, localization_height
from landscape.figures.static.geometry.sharpness import draw_sharpness
from landscape.figures.static.text import title
from landscape.results import Curvature

HEIGHT = 2.6  # inches, of a panel of curves
SIDE_BY_SIDE = 5.5  # inches: a narrower figure has its panels one below the other
_Drawing = tuple[Callable[[Axes], None], float]  # how to draw a panel, and how many inches high it should be


@dataclass(frozen=True)
class Panel:
    """How a figure is drawn as a part of a larger one; both functions take the arguments of the figure."""

    draw: Callable[..., None]  # into axes, its first argument
    height: Callable[..., float]  # in inches
    row: str  # panels of one row stand side by side, two at a time


def _height(**arguments: Any) -> float:
    return HEIGHT


PANELS: dict[str, Panel] = {  # by name in ``plotdata.registry``, in the order of the picture
    "spectrum": Panel(draw_spectrum, spectrum_height, "eigenvalues"),
    "blocks": Panel(draw_blocks, blocks_height, "eigenvalues"),
    "density": Panel(draw_density, _height, "curves"),
    "sharpness": Panel(draw_sharpness, _height, "curves"),
    "localization": Panel(draw_localization, localization_height, "localization"),
}


def curvature_figure(curvature: Curvature, *, name: str | None = None, width: float | None = None) -> Figure:
    """Draw a panel for each part of the curvature that is known, two side by side if there is room.

    Args:
        curvature: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows. By default two columns of a paper, or one if no two panels
            stand side by side.
    """
    rows = _rows(curvature)
    if width is None:
        width = PAGE if max(map(len, rows)) > 1 else COLUMN
    if checked(width) < SIDE_BY_SIDE:
        rows = [[panel] for row in rows for panel in row]
    heights = [max(height for _, height in row) for row in rows]
    with settings():
        figure = Figure(figsize=(width, sum(heights) + (0.25 if name else 0)), dpi=DPI, layout="constrained")
        # A subfigure for each row: long labels in one row do not narrow the others.
        strips = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
        for strip, row in zip(strips, rows, strict=True):
            for place, (draw, _) in enumerate(row, 1):
                draw(strip.add_subplot(1, len(row), place))
        title(figure, name)
    return figure


def _rows(curvature: Curvature) -> list[list[_Drawing]]:
    panels: dict[str, list[_Drawing]] = {}
    for name, panel in PANELS.items():
        for arguments in CURVATURE_FIGURES[name](curvature):
            panels.setdefault(panel.row, []).append((partial(panel.draw, **arguments), panel.height(**arguments)))
    return [row[start : start + 2] for row in panels.values() for start in range(0, len(row), 2)]
