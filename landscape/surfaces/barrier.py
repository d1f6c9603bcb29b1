"""The barrier of the loss on the path between two points."""

from __future__ import annotations

import numpy as np

from landscape.results import Barrier, Surface
from landscape.results.interpolation import interpolant, resample

PATH_POINTS = 1001  # from α = 0 to α = 1, of an interpolant


def barrier(line: Surface) -> Barrier:
    """Compute the barrier on a path from α = 0 to α = 1 (Frankle et al. 2020, section 2).

    The path is read from the polynomial by which the line was interpolated; where it was not, from its points, with
    straight segments between them.

    Raises:
        ValueError: The line does not reach from 0 to 1, or its loss is not finite there.

    Example:
        >>> alphas, ones = np.array([0.0, 0.5, 1.0]), np.ones((1, 3), bool)
        >>> barrier(Surface(alphas, np.zeros(1), np.array([[1.0, 4.0, 3.0]]), ones, {})).height  # above (1 + 3) / 2
        2.0
    """
    if not (line.is_line and line.alphas[0] <= 0 and line.alphas[-1] >= 1):
        raise ValueError(
            f"a barrier needs a line from 0 to 1 at least; this one goes from {line.alphas[0]:g} to {line.alphas[-1]:g}"
        )
    if interpolant(line) is not None:
        t = np.linspace(0, 1, PATH_POINTS)
        loss = resample(line, alphas=t)[0]
    else:
        t = np.unique(np.concatenate([[0.0, 1.0], line.alphas[(line.alphas > 0) & (line.alphas < 1)]]))
        loss = np.interp(t, line.alphas, line.loss[0])
    if not np.isfinite(loss).all():
        raise ValueError("the loss is not finite somewhere on the path: the barrier has no height")
    above = loss - ((1 - t) * loss[0] + t * loss[-1])
    highest = int(np.argmax(above))
    return Barrier(
        height=float(max(above[highest], 0.0)),
        at=float(t[highest]),
        above_ends=float(max((loss - max(loss[0], loss[-1])).max(), 0.0)),
        error=line.error.absolute if line.error is not None else 0.0,
    )
