"""Eigenvalues with their residuals: of the whole matrix and of its blocks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape.figures.plotdata.eigenvalues import BLOCK_LABEL, block_limits, spectrum_limits, spectrum_rows
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, plain_grid, scale_axis, settings, single, title
from landscape.figures.style import PALETTE, eigenvalue_label, number, shortened
from landscape.results import BlockEigenvalues, Curvature, EigenPairs


def spectrum_figure(curvature: Curvature, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """Eigenvalues with bars as long as their residuals: an eigenvalue of the matrix lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, where it is known, is below in another
    colour.

    Args:
        curvature: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        count = sum(len(labels) for _, labels, *_ in spectrum_rows(curvature))
        figure, axes = single(width, 0.9 + 0.26 * count)
        draw_spectrum(axes, curvature)
        title(figure, name)
    return figure


def draw_spectrum(axes: Axes, curvature: Curvature) -> None:
    """Draw ``spectrum_figure`` into axes."""
    names: list[str] = []
    for pairs, labels, colour, _ in spectrum_rows(curvature):
        _dots(axes, pairs, np.arange(len(names), len(names) + len(labels)), colour)
        names += labels
    _frame(axes, names, spectrum_limits(curvature), eigenvalue_label(curvature.operator))


def blocks_figure(
    blocks: BlockEigenvalues, *, whole: EigenPairs | None = None, name: str | None = None, width: float = COLUMN
) -> Figure:
    """The largest eigenvalue of each diagonal block with bars as long as residuals, beside that of the whole.

    Filled marks converged, open ones did not.

    Args:
        blocks: What to draw.
        whole: Eigenvalues of the whole matrix, of which the largest is drawn as a line.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, 1.0 + 0.26 * len(blocks.names))
        draw_blocks(axes, blocks, whole)
        title(figure, name)
    return figure


def draw_blocks(axes: Axes, blocks: BlockEigenvalues, whole: EigenPairs | None) -> None:
    """Draw ``blocks_figure`` into axes."""
    if whole is not None and np.isfinite(whole.values[0]):
        value, residual = float(whole.values[0]), float(np.nan_to_num(whole.residuals[0]))
        axes.axvspan(value - residual, value + residual, color=PALETTE["vermillion"], alpha=0.3, linewidth=0)
        axes.axvline(value, color=PALETTE["vermillion"], linewidth=1.2)
        text = f"whole {number(value)}"
        axes.annotate(text, (value, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=SMALL)
    _dots(axes, blocks, np.arange(len(blocks.names)), PALETTE["blue"])
    names = [shortened(each, 24) for each in blocks.names]
    _frame(axes, names, block_limits(blocks, whole), BLOCK_LABEL)


def _dots(axes: Axes, pairs: EigenPairs | BlockEigenvalues, at: NDArray[np.int64], colour: str) -> None:
    reach = np.where(np.isfinite(pairs.residuals), pairs.residuals, 0)
    axes.errorbar(pairs.values, at, xerr=reach, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2.5)
    for chosen, fill in ((pairs.converged, colour), (~pairs.converged, "white")):
        axes.plot(pairs.values[chosen], at[chosen], "o", color=colour, mfc=fill, markersize=5.5, mew=1.2)


def _frame(axes: Axes, names: list[str], limits: tuple[float, float], label: str) -> None:
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    scale_axis(axes, "x", *limits, label)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    plain_grid(axes)
