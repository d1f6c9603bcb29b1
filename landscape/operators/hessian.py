"""The Hessian matrix of an objective as a linear operator."""

from __future__ import annotations

from torch import Tensor

from landscape.operators.base import CurvatureOperator


class HessianOperator(CurvatureOperator):
    """H = ∇²L at ``params``, on the coordinates that take part: ``H @ v`` differentiates twice and stores no matrix.

    Products are those of ``Objective.hvp``, bit for bit, whatever is retained.

    Arguments and attributes are those of every ``CurvatureOperator``.
    """

    name = "hessian"

    def _products(self, vectors: Tensor) -> Tensor:
        return self.objective._hessian_products(vectors, self._graphs)
