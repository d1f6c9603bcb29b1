"""Contour lines as coordinates, for 3D scenes."""

from __future__ import annotations

import numpy as np
from contourpy import LineType, contour_generator

from landscape.results import Floats


def contour_lines(
    alphas: Floats, betas: Floats, values: Floats, levels: Floats, *, shortest: float = 0
) -> tuple[Floats, Floats]:
    """Return lines of equal height.

    Args:
        alphas: (A,).
        betas: (B,).
        values: (B, A); NaN for a hole, at whose edge lines end.
        levels: (L,) heights.
        shortest: Open lines that reach less far along both axes are left out; in units of the axes' lengths.

    Returns:
        Points (N, 2) as (α, β), with a row of NaN between one line and the next, and the level of each point (N,).
    """
    generator = contour_generator(alphas, betas, np.ma.masked_invalid(values), line_type=LineType.ChunkCombinedNan)
    gap = np.full((1, 2), np.nan)
    sides = np.array([np.ptp(alphas), np.ptp(betas)])
    points, heights = [gap[:0]], [gap[:0, 0]]
    for level in levels.tolist():
        for chunk in generator.lines(level)[0]:
            if chunk is None:
                continue
            for line in np.split(chunk, np.flatnonzero(np.isnan(chunk[:, 0]))):
                line = line[np.isfinite(line[:, 0])]
                closed = len(line) > 1 and np.array_equal(line[0], line[-1])
                if closed or (len(line) and (np.ptp(line, axis=0) / sides).max() >= shortest):
                    points += [line, gap]
                    heights.append(np.full(len(line) + 1, level))
    return np.concatenate(points), np.concatenate(heights)
