"""The largest eigenvalue of each diagonal block of a curvature operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from landscape.linalg.lanczos import top_eigenpairs
from landscape.objectives.blocks import block, matches
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
from landscape.progress import Progress, silent
from landscape.results import BlockEigenvalues, EigenPairs


def block_eigenvalues(
    objective: Objective[Any],
    blocks: Mapping[str, str],
    operator: Callable[[Objective[Any]], CurvatureOperator] = HessianOperator,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> BlockEigenvalues:
    """Compute the largest eigenvalue of each diagonal block of a curvature operator.

    Args:
        objective: The loss.
        blocks: Patterns of parameter names by the name of the block; blocks without a parameter are left out.
        operator: From an objective to its operator.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products for a block; see ``top_eigenpairs``.
        seed: Of the starts.
        progress: Called with (blocks done, blocks in all, text).

    Raises:
        ValueError: No block has a parameter, the loss is not finite, or as ``top_eigenpairs`` raises it.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(2, 2).double()
        >>> def loss(model, batch):
        ...     return 3 * model.weight.square().sum() + model.bias.square().sum(), 1
        >>> result = block_eigenvalues(Objective(model, loss, [None]), {"weights": "weight", "biases": "bias"})
        >>> result.names, result.values.round(6)
        (('weights', 'biases'), array([6., 2.]))
    """
    names = objective.space.names
    present = {block_name: _present(patterns, names) for block_name, patterns in blocks.items()}
    present = {block_name: patterns for block_name, patterns in present.items() if patterns}
    if not present:
        raise ValueError(f"no parameter is in any of the blocks {', '.join(blocks)}")
    sizes: list[int] = []
    pairs: list[EigenPairs] = []
    for patterns in present.values():
        part = block(objective, patterns)
        pairs.append(
            top_eigenpairs(operator(part), 1, tolerance=tolerance, max_products=max_products, seed=seed, bottom=0)
        )
        sizes.append(part.space.active)
        progress(len(pairs), len(present), "blocks")
    return BlockEigenvalues(
        names=tuple(present),
        values=np.array([top.values[0] for top in pairs]),
        residuals=np.array([top.residuals[0] for top in pairs]),
        converged=np.array([top.converged[0] for top in pairs]),
        sizes=np.array(sizes),
        products=np.array([top.products for top in pairs]),
    )


def _present(patterns: str, names: tuple[str, ...]) -> str:
    """Those of the patterns, separated by commas, that match a name."""
    return ",".join(pattern for pattern in patterns.split(",") if any(matches(name, pattern) for name in names))
