"""The curvature of a loss at a point: its extreme eigenvalues, and the values needed to interpret them."""

from __future__ import annotations

import math
import time
from typing import Any

from landscape.linalg.lanczos import top_eigenpairs
from landscape.linalg.vectors import norm
from landscape.objectives.objective import Objective, check_loss, path_difference, repeat_difference
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
from landscape.progress import Progress, silent
from landscape.provenance import run_metadata
from landscape.results import Curvature, LanczosState


def curvature(
    objective: Objective[Any],
    k: int = 1,
    *,
    operator: CurvatureOperator | None = None,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    bottom: int = 1,
    memory: int | None = None,
    resume_from: LanczosState | None = None,
    seed: int = 0,
    population: float | None = None,
    progress: Progress = silent,
) -> Curvature:
    """Compute the k largest eigenvalues of the loss's Hessian at θ₀, the smallest, and the norm of the gradient.

    Args:
        objective: The loss.
        k: How many eigenvalues.
        operator: Another matrix of this objective, whose eigenvalues are computed instead.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products to use; see ``top_eigenpairs``, also for ``memory`` and ``resume_from``.
        bottom: How many eigenvalues from the other end.
        memory: The most bytes for the Krylov basis.
        resume_from: The ``lanczos_state`` of an earlier result to continue.
        seed: Of the start.
        population: For the loss's standard error: the number of batches in the data from which these were drawn; the
            number of these batches for an error of 0, None for an infinite population.
        progress: Called after each product with (products done, products at most, text).

    Raises:
        ValueError: An argument is out of range, the loss or its derivatives are not finite, or the loss differs when
            evaluated twice.

    Example:
        The Hessian of L = 3‖W‖² + ‖b‖² has the eigenvalues 6 and 2:

        >>> import torch
        >>> model = torch.nn.Linear(2, 2).double()
        >>> def loss(model, batch):
        ...     return 3 * model.weight.square().sum() + model.bias.square().sum(), 1
        >>> result = curvature(Objective(model, loss, [None]))
        >>> result.pairs.values.round(6), result.pairs.bottom.values.round(6)
        (array([6.]), array([2.]))
    """
    started = time.monotonic()
    loss = check_loss(objective.value(), objective)
    checks = {
        "repeat_difference": repeat_difference(objective, loss),
        "gradient_path_difference": path_difference(objective, loss),
    }
    gradient = objective.gradient()
    if not math.isfinite(norm(gradient, objective.space.processes)):
        raise ValueError(
            f"the gradient of the loss is not finite, where the loss is {loss:.6g}: look for a root, a norm or a "
            "division at zero in the loss"
        )
    H = operator if operator is not None else HessianOperator(objective)
    pairs = top_eigenpairs(
        H,
        k,
        tolerance=tolerance,
        max_products=max_products,
        bottom=bottom,
        memory=memory,
        resume_from=resume_from,
        seed=seed,
        progress=progress,
    )
    return Curvature(
        pairs=pairs,
        loss=loss,
        loss_stderr=objective.standard_error(population=population),
        gradient_norm=norm(gradient, objective.space.processes),
        params_norm=norm(objective.space.project(objective.params), objective.space.processes),
        asymmetry=pairs.asymmetry,
        operator=H.name,
        metadata={
            **checks,
            **({"products": H.method} if H.method else {}),
            "tolerance": tolerance,
            "seed": seed,
            **run_metadata(objective, started),
        },
    )
