"""Eigenvalues with their residuals: of the whole matrix and of its blocks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape.figures.plotdata.geometry.eigenvalues import BLOCK_LABEL, block_limits, spectrum_ends, spectrum_limits
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, settings, single
from landscape.figures.static.text import title
from landscape.figures.style import MARK, PALETTE, eigenvalue_label, number, shortened
from landscape.results import BlockEigenvalues, Curvature, EigenPairs


def spectrum_figure(curvature: Curvature, *, name: str | None = None, width: float = COLUMN) -> Figure:
    """Draw eigenvalues with bars as long as their residuals: an eigenvalue of the matrix lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, if it is known, is below in another
    colour.

    Args:
        curvature: What to draw.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, _spectrum_height(curvature))
        draw_spectrum(axes, curvature)
        title(figure, name)
    return figure


def _spectrum_height(curvature: Curvature) -> float:
    return 0.9 + 0.26 * sum(len(end.labels) for end in spectrum_ends(curvature.pairs))


def spectrum_height(curvature: Curvature) -> float:
    """Return the height of the panel, in inches."""
    return max(_spectrum_height(curvature), 1.4)


def draw_spectrum(axes: Axes, curvature: Curvature) -> None:
    """Draw ``spectrum_figure`` into axes."""
    draw_pairs(axes, curvature.pairs, label=eigenvalue_label(curvature.operator))


def draw_pairs(axes: Axes, pairs: EigenPairs, *, label: str = "eigenvalue") -> None:
    """Draw eigenvalues with their residuals into axes, as ``spectrum_figure`` does."""
    names: list[str] = []
    for end in spectrum_ends(pairs):
        _dots(axes, end.pairs, np.arange(len(names), len(names) + len(end.labels)), end.colour)
        names += end.labels
    _frame(axes, names, spectrum_limits([pairs]), label)


def blocks_figure(
    blocks: BlockEigenvalues, *, whole: EigenPairs | None = None, name: str | None = None, width: float = COLUMN
) -> Figure:
    """Draw the largest eigenvalue of each diagonal block with bars as long as residuals, beside that of the whole.

    Filled marks converged, open ones did not.

    Args:
        blocks: What to draw.
        whole: Eigenvalues of the whole matrix, of which the largest is drawn as a line.
        name: Of the model, shown as the title.
        width: Of the figure, in inches; its height follows.
    """
    with settings():
        figure, axes = single(width, blocks_height(blocks))
        draw_blocks(axes, blocks, whole)
        title(figure, name)
    return figure


def blocks_height(blocks: BlockEigenvalues, whole: EigenPairs | None = None) -> float:
    """Return the height of the panel, in inches."""
    return 1.0 + 0.26 * len(blocks.names)


def draw_blocks(axes: Axes, blocks: BlockEigenvalues, whole: EigenPairs | None = None) -> None:
    """Draw ``blocks_figure`` into axes."""
    if whole is not None and np.isfinite(whole.values[0]):
        value, residual = float(whole.values[0]), float(np.nan_to_num(whole.residuals[0]))
        axes.axvspan(value - residual, value + residual, color=MARK, alpha=0.3, linewidth=0)
        axes.axvline(value, color=MARK, linewidth=1.2)
        text = f"whole {number(value)}"
        axes.annotate(text, (value, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=SMALL)
    _dots(axes, blocks, np.arange(len(blocks.names)), PALETTE["blue"])
    names = [shortened(block, 24) for block in blocks.names]
    _frame(axes, names, block_limits(blocks, whole), BLOCK_LABEL)


def _dots(axes: Axes, pairs: EigenPairs | BlockEigenvalues, at: NDArray[np.int64], colour: str) -> None:
    reach = np.where(np.isfinite(pairs.residuals), pairs.residuals, 0)
    axes.errorbar(pairs.values, at, xerr=reach, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2.5)
    for part, fill in ((pairs.converged, colour), (~pairs.converged, "white")):
        axes.plot(pairs.values[part], at[part], "o", color=colour, mfc=fill, markersize=5.5, mew=1.2)


def _frame(axes: Axes, names: list[str], limits: tuple[float, float], label: str) -> None:
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    scale_axis(axes, "x", *limits, label)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    plain_grid(axes)
