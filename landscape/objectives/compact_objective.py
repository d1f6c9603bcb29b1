"""Derivatives of a loss computed on larger batches, and from tables of the rows alone that these look up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from landscape.objectives.autograd import Graphs
from landscape.objectives.loss_terms import Batch, LossFn
from landscape.objectives.objective import Objective


class CompactObjective(Objective[Batch]):
    """An objective that takes gradients and Hessian products from another one, and is the same in all else.

    Batches are the groups that errors are estimated from, and may be too small for quick products: those of ``small``
    may be larger, with the same terms. And the derivative by a table is a tensor of its size, in each batch, however
    few rows the batch looks up: the tables of ``small`` may have the rows alone that some batch looks up, and its
    batches these rows' numbers in them. Vectors are those of the whole tables. Gauss-Newton and Fisher matrices are
    computed as ever.

    Args:
        model: As for ``Objective``, and so are the others.
        loss: Likewise.
        batches: Likewise.
        small: The same loss to rounding. Its parameters have the same names and order, and its tables may be smaller.
        rows: By the name of a table, the rows of the whole one that the smaller one has, in its order.

    Raises:
        ValueError: A parameter of ``small`` has neither the shape of the whole one nor that of its ``rows``.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: LossFn[Batch],
        batches: Iterable[Batch],
        *,
        small: Objective[Batch],
        rows: Mapping[str, Tensor],
        **options: Any,
    ) -> None:
        super().__init__(model, loss, batches, **options)
        self._small = small
        self._rows = {name: numbers.to(self.device) for name, numbers in rows.items()}
        self._made_for = self._identity()
        expected = {
            name: (len(rows[name]), *shape[1:]) if name in rows else tuple(shape)
            for name, shape in zip(self.space.names, self.space.shapes, strict=True)
        }
        if expected != dict(zip(small.space.names, map(tuple, small.space.shapes), strict=True)):
            raise ValueError("the parameters of the smaller objective are not the rows of this one's")

    def value_and_gradient(self, params: Tensor | None = None) -> tuple[float, Tensor]:
        """Return the loss and its gradient (n,) from the same passes."""
        if not self._is_whole:
            return super().value_and_gradient(params)
        loss, gradient = self._small.value_and_gradient(self._shrunk(self.checked(params)))
        whole = gradient.new_zeros(self.space.size)
        self._grow(gradient, whole)
        return loss, whole

    def hessian_products(self, vector: Tensor, graphs: Graphs) -> Tensor:
        """Return the same as ``hvp`` at the point of ``graphs``."""
        if not isinstance(graphs, _CompactGraphs):
            return super().hessian_products(vector, graphs)
        vectors = torch.stack([self._shrunk(v) for v in vector.detach().reshape(-1, self.space.size)])  # (m, n')
        products = self._small.hessian_products(vectors, graphs.small)
        whole = vector.new_zeros(len(products), self.space.size)
        for row, product in zip(whole, products, strict=True):
            self._grow(product, row)
        return whole.reshape(vector.shape)

    def graphs(self, params: Tensor | None, limit: int = 0) -> Graphs:
        """Return the graphs at a point, of which up to ``limit`` bytes are kept; for operators."""
        graphs = super().graphs(params, limit)
        if not self._is_whole:
            return graphs
        small = self._small.graphs(self._shrunk(graphs.theta.detach()), limit)
        return _CompactGraphs(graphs.theta, limit, owned=self.fixed.values(), small=small)

    def for_products(self) -> Objective[Batch]:
        """Return the objective that computes ``hessian_products``: the smaller one."""
        return self._small if self._is_whole else self

    @property
    def _is_whole(self) -> bool:
        """Whether this is no copy with other parameters or batches, as blocks and pieces are."""
        return all(now is then for now, then in zip(self._identity(), self._made_for, strict=True))

    def _identity(self) -> tuple[Any, ...]:
        return self.space, self.batches, self.params, self.fixed

    def _shrunk(self, vector: Tensor) -> Tensor:
        """Return the entries (n',) of a vector (n,) that the smaller objective has."""
        views = self.space.views(vector)
        pieces = [view[self._rows[name]] if name in self._rows else view for name, view in views.items()]
        return torch.cat([piece.reshape(-1) for piece in pieces])

    def _grow(self, vector: Tensor, whole: Tensor) -> None:
        """Write these entries (n',) to their places in a vector (n,)."""
        views = self.space.views(whole)
        for name, piece in self._small.space.views(vector).items():
            views[name][self._rows.get(name, slice(None))] = piece


class _CompactGraphs(Graphs):
    """Graphs of the whole objective, which operators other than Hessians use, and those of the smaller one."""

    def __init__(self, theta: Tensor, limit: int, owned: Iterable[Tensor], *, small: Graphs) -> None:
        super().__init__(theta, limit, owned)
        self.small = small
