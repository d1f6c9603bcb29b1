"""The curvature of a loss at a point: its extreme eigenvalues, with what one must know to read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from landscape.linalg.lanczos import top_eigenpairs
from landscape.objectives.objective import Objective, path_difference, repeat_difference
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
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
    progress: Callable[[int, float], None] | None = None,
) -> Curvature:
    """The k largest eigenvalues of the loss's Hessian at θ₀, the smallest, and the gradient's norm.

    Args:
        objective: The loss.
        k: How many eigenvalues.
        operator: Of another matrix of this objective, whose eigenvalues are wanted instead.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products to use; as ``bottom``, ``memory`` and ``resume_from``: see ``top_eigenpairs``.
        bottom: How many eigenvalues from the other end.
        memory: The most bytes for the Krylov basis.
        resume_from: Where an earlier result left off.
        seed: Of the start.
        population: For the loss's standard error: how many batches the data would make that these were drawn from;
            as many as there are for no error, None for no limit.
        progress: Called after each product with the number of products and the largest relative residual.

    Raises:
        ValueError: An argument is out of range, the loss or its derivatives are not finite, or the loss is not the
            same when evaluated twice.
    """
    started = time.monotonic()
    loss = objective.value()
    checks = {
        "repeat_difference": repeat_difference(objective, loss),
        "gradient_path_difference": path_difference(objective, loss),
    }
    gradient = objective.gradient()
    H = operator if operator is not None else HessianOperator(objective)
    pairs = top_eigenpairs(
        H,
        k,
        tolerance=tolerance,
        max_products=max_products,
        bottom=bottom,
        memory=memory,
        resume_from=resume_from,
        generator=torch.Generator().manual_seed(seed),
        progress=progress,
    )
    return Curvature(
        pairs=pairs,
        loss=loss,
        loss_stderr=objective.standard_error(population=population),
        gradient_norm=float(gradient.double().norm()),
        params_norm=float(objective.space.project(objective.params).double().norm()),
        asymmetry=pairs.asymmetry,
        operator=H.name,
        metadata={
            **checks,
            "tolerance": tolerance,
            "seed": seed,
            "parameters": objective.space.size,
            "parameters_taking_part": objective.space.active,
            "device": str(objective.device),
            "torch": torch.__version__,
            "seconds": time.monotonic() - started,
        },
    )
