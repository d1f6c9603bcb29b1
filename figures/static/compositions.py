"""All that is known of a curvature, in one picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from landscape.figures.plotdata.localization import table
from landscape.figures.static.localization import draw_shares
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.plotdata.eigenvalues import spectrum_rows
from landscape.figures.static.canvas import COLUMN, DPI, PAGE, checked, settings, title
from landscape.figures.static.densities import draw_density
from landscape.figures.static.eigenvalues import draw_blocks, draw_spectrum
from landscape.figures.static.sharpness import draw_sharpness
from landscape.results import Curvature

Draw = Callable[[Axes], None]
HEIGHT = 2.6  # inches, of a panel with axes of numbers
SIDE_BY_SIDE = 5.5  # inches: a narrower figure has its panels one below the other


def curvature_figure(curvature: Curvature, *, name: str | None = None, width: float | None = None) -> Figure:
    """A panel for each thing that is known, two side by side where there is room.

    Args:
        curvature: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows. By default two columns of a paper, or one where all panels
            stand in one column.
    """
    rows = _rows(curvature)
    if width is None:
        width = PAGE if max(map(len, rows)) > 1 else COLUMN
    if checked(width) < SIDE_BY_SIDE:
        rows = [[panel] for row in rows for panel in row]
    heights = [max(height for _, height in row) for row in rows]
    with settings():
        figure = Figure(figsize=(width, sum(heights) + (0.25 if name else 0)), dpi=DPI, layout="constrained")
        # A figure of its own for each row: long labels in one do not squeeze the others.
        strips = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
        for strip, row in zip(strips, rows, strict=True):
            for place, (draw, _) in enumerate(row, 1):
                draw(strip.add_subplot(1, len(row), place))
        title(figure, name)
    return figure


def _rows(curvature: Curvature) -> list[list[tuple[Draw, float]]]:
    """How to draw each panel, and how many inches high it should be; two that go together share a row."""
    spectrum, blocks, sharpness = curvature.spectrum, curvature.blocks, curvature.sharpness
    count = sum(len(labels) for _, labels, *_ in spectrum_rows(curvature))
    values: list[tuple[Draw, float]] = [(lambda axes: draw_spectrum(axes, curvature), max(0.9 + 0.26 * count, 1.4))]
    if blocks is not None:
        values.append((lambda axes: draw_blocks(axes, blocks, curvature.pairs), 1.0 + 0.26 * len(blocks.names)))
    curves: list[tuple[Draw, float]] = []
    if spectrum is not None:
        curves.append((lambda axes: draw_density(axes, spectrum), HEIGHT))
    if sharpness is not None:
        curves.append((lambda axes: draw_sharpness(axes, sharpness), HEIGHT))
    tables: list[tuple[Draw, float]] = [
        (partial(draw_shares, shares=each), 0.9 + 0.22 * len(table(each).rows)) for each in curvature.localization
    ]
    pairs = [tables[start : start + 2] for start in range(0, len(tables), 2)]
    return [row for row in (values, curves, *pairs) if row]
