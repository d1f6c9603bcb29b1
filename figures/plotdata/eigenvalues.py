"""What is drawn of eigenvalues: of a whole matrix and of its blocks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from landscape.figures.style import LAMBDA_MAX, LAMBDA_MIN, PALETTE, eigenvalue_name
from landscape.results import BlockEigenvalues, Curvature, EigenPairs, Floats

BLOCK_LABEL = f"{LAMBDA_MAX} of the block"


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
    return spectra_limits([curvature])


def spectra_limits(curvatures: Iterable[Curvature]) -> tuple[float, float]:
    """The same for the eigenvalues of several models."""
    return _limits((pairs.values, pairs.residuals) for each in curvatures for pairs, *_ in spectrum_rows(each))


def block_limits(blocks: BlockEigenvalues, whole: EigenPairs | None) -> tuple[float, float]:
    """The same for the eigenvalues of blocks, and the largest of the whole if it is given."""
    largest = [] if whole is None else [(whole.values[:1], whole.residuals[:1])]
    return _limits([(blocks.values, blocks.residuals), *largest])


def _limits(ends: Iterable[tuple[Floats, Floats]]) -> tuple[float, float]:
    at = [np.zeros(1)]
    for values, residuals in ends:
        reach = np.where(np.isfinite(residuals), residuals, 0.0)
        at += [values - reach, values + reach]
    finite = np.concatenate(at)
    finite = finite[np.isfinite(finite)]
    margin = 0.08 * float(np.ptp(finite)) or 1.0
    return float(finite.min()) - margin, float(finite.max()) + margin
