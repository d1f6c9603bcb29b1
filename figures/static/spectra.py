"""The eigenvalues of several models, a colour a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from landscape.figures.entries import ModelEntry, looks
from landscape.figures.plotdata.eigenvalues import spectra_limits, spectrum_rows
from landscape.figures.static.canvas import COLUMN, QUIET, SMALL, fitted, plain_grid, scale_axis, settings, single
from landscape.figures.style import LAMBDA_MIN, eigenvalue_label, eigenvalue_name

DODGE = 0.6  # of the distance between two eigenvalues, for the models beside each other


def spectra_figure(models: Sequence[ModelEntry], *, width: float = COLUMN) -> Figure:
    """Eigenvalues by rank, the smallest last, the models beside each other; bars are as long as the residuals.

    Filled marks converged, open ones did not.

    Args:
        models: What to draw; those without a curvature are left out, and equal names get numbers.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: No model has a curvature, or they are of different matrices.
    """
    known = [(look, model.curvature) for look, model in zip(looks(models), models, strict=True) if model.curvature]
    if not known:
        raise ValueError("no model has a curvature to draw")
    operators = sorted({curvature.operator for _, curvature in known})
    if len(operators) > 1:
        raise ValueError(f"eigenvalues of different matrices have no axis in common: {', '.join(operators)}")
    count = max(len(curvature.pairs.values) for _, curvature in known)
    names = [eigenvalue_name(rank + 1) for rank in range(count)]
    with settings():
        figure, axes = single(width)
        axes.axhline(0, color=QUIET, linewidth=0.9, zorder=1)
        for place, (look, curvature) in enumerate(known):
            shift = DODGE * ((place + 0.5) / len(known) - 0.5)
            label = fitted(look.name, 0.5 * width, SMALL)
            for pairs, _, _, end in spectrum_rows(curvature):
                shown = slice(None) if end == "largest" else slice(1)
                values, residuals, done = pairs.values[shown], pairs.residuals[shown], pairs.converged[shown]
                at = (np.arange(len(values)) if end == "largest" else np.full(len(values), count)) + shift
                reach = np.where(np.isfinite(residuals), residuals, 0)
                axes.errorbar(at, values, yerr=reach, fmt="none", ecolor=look.colour, elinewidth=1.2, capsize=2.5)
                for chosen, fill in ((done, look.colour), (~done, "white")):
                    axes.plot(at[chosen], values[chosen], "o", color=look.colour, mfc=fill, markersize=4.5, mew=1.1)
            axes.plot([], [], "o", color=look.colour, markersize=4.5, label=label)
        bottom = any(curvature.pairs.bottom is not None for _, curvature in known)
        ticks = [*names, LAMBDA_MIN] if bottom else names
        scale_axis(axes, "y", *spectra_limits(curvature for _, curvature in known), eigenvalue_label(operators[0]))
        plain_grid(axes, which="y")
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set_xlim(-0.5, len(ticks) - 0.5)
        axes.legend()
    return figure
