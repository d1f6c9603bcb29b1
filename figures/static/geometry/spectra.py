"""The eigenvalues of several models, a colour a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, ModelStyle, model_styles
from landscape.figures.plotdata.geometry.eigenvalues import (
    LARGEST,
    compared_ranks,
    dodge,
    spectrum_ends,
    spectrum_limits,
)
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, settings, single
from landscape.figures.static.text import fitted
from landscape.figures.style import eigenvalue_label
from landscape.results import Curvature
from landscape.results.display.display_names import display_name


def spectra_figure(models: Sequence[ModelEntry], *, width: float = COLUMN) -> Figure:
    """Draw eigenvalues by rank, the smallest last, the models side by side; bars are as long as the residuals.

    Filled marks converged, open ones did not.

    Args:
        models: What to draw; models without a curvature are left out, and equal names get numbers.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has a curvature, or they are of different matrices.
    """
    drawn = [
        (style, model.curvature) for style, model in zip(model_styles(models), models, strict=True) if model.curvature
    ]
    if not drawn:
        raise ValueError("no model has a curvature to draw")
    operators = sorted({curvature.operator for _, curvature in drawn})
    if len(operators) > 1:
        names = ", ".join(map(display_name, operators))
        raise ValueError(f"eigenvalues of different matrices have no axis in common: {names}")
    count, ticks = compared_ranks(curvature.pairs for _, curvature in drawn)
    with settings():
        figure, axes = single(width)
        axes.axhline(0, color=QUIET, linewidth=0.9, zorder=1)
        for place, (style, curvature) in enumerate(drawn):
            _eigenvalues(axes, style, curvature, count, dodge(place, len(drawn)))
            label = fitted(style.name, 0.5 * width, SMALL)
            axes.plot([], [], "o", color=style.colour, markersize=4.5, label=label)
        limits = spectrum_limits(curvature.pairs for _, curvature in drawn)
        scale_axis(axes, "y", *limits, eigenvalue_label(operators[0]))
        plain_grid(axes, which="y")
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set_xlim(-0.5, len(ticks) - 0.5)
        axes.legend()
    return figure


def _eigenvalues(axes: Axes, style: ModelStyle, curvature: Curvature, count: int, shift: float) -> None:
    for end in spectrum_ends(curvature.pairs):
        shown = slice(None) if end.name == LARGEST else slice(1)
        values, residuals = end.pairs.values[shown], end.pairs.residuals[shown]
        done = end.pairs.converged[shown]
        at = (np.arange(len(values)) if end.name == LARGEST else np.full(len(values), count)) + shift
        reach = np.where(np.isfinite(residuals), residuals, 0)
        axes.errorbar(at, values, yerr=reach, fmt="none", ecolor=style.colour, elinewidth=1.2, capsize=2.5)
        for part, fill in ((done, style.colour), (~done, "white")):
            axes.plot(at[part], values[part], "o", color=style.colour, mfc=fill, markersize=4.5, mew=1.1)
