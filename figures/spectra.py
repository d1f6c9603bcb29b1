"""What is drawn of a spectrum, whichever library draws it."""

from __future__ import annotations

import numpy as np

from figures.style import LAMBDA_MIN, PALETTE, eigenvalue_name
from landscape.results import Curvature, EigenPairs


def spectrum_rows(curvature: Curvature) -> list[tuple[EigenPairs, list[str], str, str]]:
    """(pairs, their labels, colour, which end) for each end of the spectrum that is known, the top first."""
    pairs = curvature.pairs
    rows = [(pairs, [eigenvalue_name(rank + 1) for rank in range(len(pairs.values))], PALETTE["blue"], "largest")]
    if pairs.bottom is not None:
        count = len(pairs.bottom.values)
        labels = [LAMBDA_MIN] + [f"{LAMBDA_MIN} + {rank}" for rank in range(1, count)]
        rows.append((pairs.bottom, labels, PALETTE["vermillion"], "smallest"))
    return rows


def spectrum_limits(curvature: Curvature) -> tuple[float, float]:
    """An interval that holds zero and every eigenvalue with its residual, and a margin."""
    ends = [0.0]
    for pairs, *_ in spectrum_rows(curvature):
        for value, residual in zip(pairs.values, pairs.residuals, strict=True):
            reach = residual if np.isfinite(residual) else 0.0
            ends += [float(value - reach), float(value + reach)]
    finite = [end for end in ends if np.isfinite(end)]
    margin = 0.08 * (max(finite) - min(finite)) or 1.0
    return min(finite) - margin, max(finite) + margin
