"""Contour lines as coordinates, for 3D scenes."""

from __future__ import annotations

import numpy as np
from contourpy import LineType, contour_generator

from landscape.results import Floats


def contour_lines(alphas: Floats, betas: Floats, values: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Return lines of equal height.

    Args:
        alphas: (A,).
        betas: (B,).
        values: (B, A); NaN for a hole, at whose edge lines end.
        levels: (L,) heights.

    Returns:
        Points (N, 2) as (α, β), with a row of NaN between one line and the next, and the level of each point (N,).
    """
    generator = contour_generator(alphas, betas, np.ma.masked_invalid(values), line_type=LineType.ChunkCombinedNan)
    gap = np.full((1, 2), np.nan)
    points, heights = [gap[:0]], [gap[:0, 0]]
    for level in levels.tolist():
        for line in generator.lines(level)[0]:
            if line is not None:
                points += [line, gap]
                heights.append(np.full(len(line) + 1, level))
    return np.concatenate(points), np.concatenate(heights)
