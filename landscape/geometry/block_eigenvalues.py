"""The largest eigenvalue of each diagonal block of a curvature operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from landscape.linalg.lanczos import top_eigenpairs
from landscape.objectives.blocks import block, matches
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
from landscape.results import BlockEigenvalues, EigenPairs


def block_eigenvalues(
    objective: Objective[Any],
    blocks: Mapping[str, str],
    operator: Callable[[Objective[Any]], CurvatureOperator] = HessianOperator,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> BlockEigenvalues:
    """The largest eigenvalue of each diagonal block of a curvature operator.

    Args:
        objective: The loss.
        blocks: Patterns of parameters' names by the name of the block; those that match none are left out.
        operator: Makes the operator of an objective.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products for a block; see ``top_eigenpairs``.
        seed: Of the starts.
        progress: Called with (blocks done, blocks in all).

    Raises:
        ValueError: No block has a parameter, or as ``top_eigenpairs`` raises it.
    """
    present = {
        name: patterns
        for name, patterns in blocks.items()
        if any(matches(parameter, patterns) for parameter in objective.space.names)
    }
    if not present:
        raise ValueError(f"no parameter is in any of the blocks {', '.join(blocks)}")
    found: list[tuple[int, EigenPairs]] = []
    for patterns in present.values():
        kept = ",".join(
            each for each in patterns.split(",") if any(matches(name, each) for name in objective.space.names)
        )
        part = block(objective, kept)
        generator = torch.Generator().manual_seed(seed)
        pairs = top_eigenpairs(
            operator(part), 1, tolerance=tolerance, max_products=max_products, generator=generator, bottom=0
        )
        found.append((part.space.active, pairs))
        if progress is not None:
            progress(len(found), len(present))
    return BlockEigenvalues(
        names=tuple(present),
        values=np.array([pairs.values[0] for _, pairs in found]),
        residuals=np.array([pairs.residuals[0] for _, pairs in found]),
        converged=np.array([pairs.converged[0] for _, pairs in found]),
        sizes=np.array([size for size, _ in found]),
        products=np.array([pairs.products for _, pairs in found]),
    )
