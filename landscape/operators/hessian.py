"""The Hessian matrix of an objective as a linear operator."""

from __future__ import annotations

from torch import Tensor

from landscape.operators.base import CurvatureOperator


class HessianOperator(CurvatureOperator):
    """H = ∇²L at ``params``, on the active coordinates: ``H @ v`` differentiates twice and stores no matrix.

    Products are those of ``Objective.hvp``, bit for bit, whatever is retained.

    Arguments and attributes are those of every ``CurvatureOperator``.

    The loss 3‖w‖² has H = 6·I:

    >>> import torch
    >>> from landscape.objectives.objective import Objective
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> objective = Objective(model, lambda model, _: (3 * model.weight.square().sum(), 1), [None])
    >>> HessianOperator(objective) @ torch.tensor([1.0, 2.0])
    tensor([ 6., 12.])
    """

    name = "hessian"

    def _products(self, vectors: Tensor) -> Tensor:
        return self.objective.hessian_products(vectors, self._graphs)
