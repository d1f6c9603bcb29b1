"""The Hessian matrix of an objective as a linear operator."""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor

from landscape.objectives.autograd import RETAINED
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.gradient_differences import GradientDifferences, lacks_second_derivative


class HessianOperator(CurvatureOperator):
    """H = ∇²L at ``params``, on the active coordinates: ``H @ v`` differentiates twice and stores no matrix.

    Products are those of ``Objective.hvp``, bit for bit, whatever is retained. Where an operation of the loss has no
    second derivative (``EmbeddingBag``, flash attention, compiled parts), they are central differences of gradients
    instead: a warning says so, ``method`` names the cause and ``relative_error`` is their error.

    Arguments and attributes are those of every ``CurvatureOperator``.

    The loss 3‖w‖² has H = 6·I:

    >>> import torch
    >>> from landscape.objectives.objective import Objective
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> objective = Objective(model, lambda model, _: (3 * model.weight.square().sum(), 1), [None])
    >>> HessianOperator(objective) @ torch.tensor([1.0, 2.0])
    tensor([ 6., 12.])

    Args:
        objective: The loss L.
        params: (n,) where to take the matrix; by default the objective's own θ₀.
        retain: The bytes that graphs kept between products may take.
        differences: Whether products are differences of gradients; None where there is no second derivative.
    """

    name = "hessian"
    takes_slices = True

    def __init__(
        self,
        objective: Objective[Any],
        params: Tensor | None = None,
        *,
        retain: int = RETAINED,
        differences: bool | None = None,
    ) -> None:
        super().__init__(objective, params, retain=retain)
        self._differences = GradientDifferences(objective, objective.checked(params)) if differences else None
        self._may_fall_back = differences is None

    @property
    def multiplied(self) -> Objective[Any] | None:
        """The objective by which products are computed, for ``product_memory``; None where they are differences."""
        return self.objective.for_products() if self._differences is None else None

    def _products(self, vectors: Tensor) -> Tensor:
        if self._differences is not None:
            return self._by_differences(self._differences, vectors)
        try:
            return self.objective.hessian_products(vectors, self._graphs)
        except RuntimeError as problem:
            if not (self._may_fall_back and lacks_second_derivative(problem)):
                raise
            cause = str(problem).strip().splitlines()[0]
        self._graphs = self.objective.graphs(self.params)  # those that were kept are of no use
        self._differences = GradientDifferences(self.objective, self.objective.checked(self.params))
        products = self._by_differences(self._differences, vectors)
        self.method += f", since the loss has no second derivative ({cause})"
        warnings.warn(f"Hessian products are {self.method}", stacklevel=4)
        return products

    def _by_differences(self, differences: GradientDifferences, vectors: Tensor) -> Tensor:
        products = differences.products(vectors)
        if not self.method:
            self.relative_error = differences.relative_error
            self.method = f"central differences of gradients, with a relative error of {self.relative_error:.1g}"
        return products
