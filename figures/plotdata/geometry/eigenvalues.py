"""Eigenvalues of a whole matrix, of its blocks, and of several models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import LAMBDA_MAX, LAMBDA_MIN, PALETTE, SMALLEST_COLOUR, eigenvalue_name
from landscape.results import BlockEigenvalues, EigenPairs, Floats

BLOCK_LABEL = f"{LAMBDA_MAX} of the block"
DODGE = 0.6  # of the distance between two eigenvalues: the models' marks of one rank are spread over it
LARGEST, SMALLEST = "largest", "smallest"


@dataclass(frozen=True)
class SpectrumEnd:
    """One end of the spectrum."""

    pairs: EigenPairs
    labels: list[str]  # of the eigenvalues
    colour: str
    name: str  # ``LARGEST`` or ``SMALLEST``


def spectrum_ends(pairs: EigenPairs) -> list[SpectrumEnd]:
    """Return the known ends of the spectrum, the top first."""
    names = [eigenvalue_name(rank + 1) for rank in range(len(pairs.values))]
    ends = [SpectrumEnd(pairs, names, PALETTE["blue"], LARGEST)]
    if pairs.bottom is not None:
        count = len(pairs.bottom.values)
        names = [LAMBDA_MIN] + [f"{LAMBDA_MIN} + {rank}" for rank in range(1, count)]
        ends.append(SpectrumEnd(pairs.bottom, names, SMALLEST_COLOUR, SMALLEST))
    return ends


def compared_ranks(pairs: Iterable[EigenPairs]) -> tuple[int, list[str]]:
    """Return how many ranks the models have at most, and the ticks of an axis of ranks, λmin last if it is known."""
    pairs = list(pairs)
    count = max(len(model.values) for model in pairs)
    bottom = any(model.bottom is not None and len(model.bottom.values) for model in pairs)
    names = [eigenvalue_name(rank + 1) for rank in range(count)]
    return count, [*names, LAMBDA_MIN] if bottom else names


def dodge(place: int, count: int) -> float:
    """Return the horizontal shift of the marks of one of ``count`` models."""
    return DODGE * ((place + 0.5) / count - 0.5)


def spectrum_limits(models: Iterable[EigenPairs]) -> tuple[float, float]:
    """Return an interval with zero, all eigenvalues of all models with their residuals, and a margin."""
    return eigenvalue_limits(
        (end.pairs.values, end.pairs.residuals) for pairs in models for end in spectrum_ends(pairs)
    )


def block_limits(blocks: BlockEigenvalues, whole: EigenPairs | None) -> tuple[float, float]:
    """Return such an interval for the eigenvalues of blocks, and the largest of the whole if it is given."""
    largest = [] if whole is None else [(whole.values[:1], whole.residuals[:1])]
    return eigenvalue_limits([(blocks.values, blocks.residuals), *largest])


def eigenvalue_limits(parts: Iterable[tuple[Floats, Floats]]) -> tuple[float, float]:
    """Return an interval with zero, all values ± residuals, and a margin."""
    ends = [np.zeros(1)]
    for values, residuals in parts:
        reach = np.where(np.isfinite(residuals), residuals, 0.0)
        ends += [values - reach, values + reach]
    finite = np.concatenate(ends)
    finite = finite[np.isfinite(finite)]
    margin = 0.08 * float(np.ptp(finite)) or 1.0
    return float(finite.min()) - margin, float(finite.max()) + margin
