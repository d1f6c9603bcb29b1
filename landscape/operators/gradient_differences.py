"""Products with a Hessian from gradients at two points, where a loss has no second derivative."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from landscape.linalg.vectors import norm
from landscape.objectives.objective import Objective

STEPS = 8  # that are tried, each half of the one before
LARGEST = 16.0  # the first of them, in units of the step at which rounding and truncation are alike
SIGNS = (  # of a missing second derivative, in the words of torch's errors
    "is not implemented",
    "double backward",
    "does not support double",
    "differentiate twice",
    "once_differentiable",
    "donated buffer",
)


def lacks_second_derivative(problem: BaseException) -> bool:
    """Return whether an error says that an operation cannot be differentiated twice."""
    return isinstance(problem, RuntimeError) and any(sign in str(problem) for sign in SIGNS)


class GradientDifferences:
    """H v ≈ ‖v‖ (∇L(θ + h u) - ∇L(θ - h u)) / 2h for u = v / ‖v‖.

    The first product tries several steps h, and takes the one at which the result changes least when the step is
    halved; that change is the error's estimate. Halving divides the truncation by four and doubles the rounding.

    Args:
        objective: The loss L.
        theta: (n,) where to take the Hessian.

    Attributes:
        step: h; NaN before the first product.
        relative_error: Of the first product; NaN before.
    """

    def __init__(self, objective: Objective[Any], theta: Tensor) -> None:
        self.objective = objective
        self.processes = objective.processes
        self.theta = theta.detach()
        self.step = self.relative_error = float("nan")

    def products(self, vectors: Tensor) -> Tensor:
        """Return the products with a vector (n,), or with the rows of (m, n), in the same shape."""
        rows = self.objective.space.project(vectors.detach()).reshape(-1, self.objective.space.size)
        return torch.stack([self._product(row) for row in rows]).reshape(vectors.shape)

    def _product(self, vector: Tensor) -> Tensor:
        length = norm(vector, self.processes)
        if length == 0:
            return torch.zeros_like(vector)
        direction = vector / length
        if self.step != self.step:
            return self._first(direction) * length
        return self._difference(direction, self.step) * length

    def _first(self, direction: Tensor) -> Tensor:
        scale = norm(self.objective.space.project(self.theta), self.processes) or 1.0
        step = LARGEST * self.objective.space.resolution ** (1 / 3) * scale
        best = coarse = self._difference(direction, step)
        smallest = float("inf")
        for _ in range(STEPS - 1):
            step /= 2
            fine = self._difference(direction, step)
            change = norm(fine - coarse, self.processes)
            if change < smallest or self.step != self.step:
                best, smallest, self.step = fine, change, step
            coarse = fine
        size = norm(best, self.processes)
        self.relative_error = smallest / size if size else smallest
        return best

    def _difference(self, direction: Tensor, step: float) -> Tensor:
        ahead = self.objective.gradient(self.theta + step * direction)
        behind = self.objective.gradient(self.theta - step * direction)
        return (ahead - behind) / (2 * step)
