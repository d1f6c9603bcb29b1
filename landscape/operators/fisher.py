"""The empirical Fisher matrix of an objective as a linear operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from landscape.objectives.autograd import RETAINED
from landscape.objectives.composite_loss import Outputs, composite_of
from landscape.objectives.loss_terms import ModelFunction, describe_value
from landscape.objectives.objective import Objective, agree
from landscape.operators.base import CurvatureOperator
from landscape.operators.gauss_newton import jacobian_product

ByGroup = Callable[[Any, Any], Tensor | Mapping[str, Tensor]]  # (model, batch) -> the groups' sums (S,), also by part


class FisherOperator(CurvatureOperator):
    """F = Σ_p (w_p / N_p) Σ_i g_pi g_piᵀ at ``params``, on the active coordinates, without storing a matrix.

    g_pi = ∇ Σ_{t in i} ℓ_pt is the gradient of the *sum* of group i's terms in part p, w_p the part's weight and
    N_p = Σ_b count_pb its number of terms, as in the objective L = Σ_p (w_p / N_p) Σ_i Σ_{t in i} ℓ_pt.

    - With one term a group and one part of weight 1, F is the mean of the terms' outer products of gradients, the
      usual empirical Fisher (uncentred).
    - With several terms a group (the items of one user), dividing by the number of terms and not of groups keeps the
      scale: where gradients of different terms are uncorrelated with mean zero, the expectation of F is the same
      however the terms are grouped. Where those of one group are correlated, F is larger by just that, which is the
      matrix that a standard error clustered by groups needs.
    - F is linear in the weights, as the Hessian and the Gauss-Newton matrix are. Each part has its own Fisher:
      products of gradients of different parts do not enter.

    It is symmetric, and positive semidefinite when no weight is negative; its rank is at most the number of groups
    times that of parts. A group whose terms are spread over several batches counts as several.

    Squares of z = w·x with z = x = 1 and 2 have the gradients 2x²: F = (2² + 8²) / 2:

    >>> def by_group(model, x):
    ...     return model(x)[:, 0].square()
    >>> def loss(model, x):
    ...     return by_group(model, x).sum(), len(x)
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.ones_(model.weight)
    >>> FisherOperator(Objective(model, loss, [torch.tensor([[1.0], [2.0]])]), by_group) @ torch.ones(1)
    tensor([34.])

    Args:
        objective: The loss L.
        by_group: ``by_group(model, batch) -> (S,)`` sums of the terms of the batch's S groups, or a dict of such
            vectors by the name of the part. Parts of weight 0 may be missing. By default the groups are the examples
            of the loss's ``CompositeLoss.by_example``, as ``landscape.supervised`` and ``landscape.huggingface`` have
            it.
        params: (n,) where to take the matrix; by default the objective's own θ₀.
        retain: As for every ``CurvatureOperator``; it changes the rounding, as in ``GaussNewtonOperator``.

    Raises:
        ValueError: There is no ``by_group``, and the loss does not give its terms by example. The groups' sums are not
            vectors, are of other parts than the loss has, or do not add up to it; all batches are evaluated once to
            check that.
    """

    name = "fisher"

    def __init__(
        self,
        objective: Objective[Any],
        by_group: ByGroup | None = None,
        params: Tensor | None = None,
        *,
        retain: int = RETAINED,
    ) -> None:
        self.by_group = by_group if by_group is not None else _by_example(objective.loss)
        super().__init__(objective, params, retain=retain)
        self._check()

    def _products(self, vectors: Tensor) -> Tensor:
        products = jacobian_product(self.objective, self._sums, self._scaled, vectors, self._graphs)
        self._tell_differences()
        return products

    def _sums(self, model: Any, batch: Any) -> tuple[Tensor, ...]:
        """Return the groups' sums (S,) by part, without the parts of weight 0."""
        returned = self.by_group(model, batch)
        by_part = dict(returned) if isinstance(returned, Mapping) else {"loss": returned}
        names, scales = self.objective.part_names, self._nonzero_scales()
        if not set(scales) <= set(by_part) <= set(names):
            raise ValueError(f"by_group returns sums of the parts {[*by_part]}; the loss has {[*names]}")
        for part, sums in by_part.items():
            if not (isinstance(sums, Tensor) and sums.ndim == 1):
                raise ValueError(f"by_group must return a vector of sums for part {part!r}, not {describe_value(sums)}")
        return tuple(by_part[part] for part in scales)

    def _scaled(self, sums: Outputs, tangents: Sequence[Tensor], batch: Any) -> Sequence[Tensor]:
        # F is the Gauss-Newton matrix of Σ_p (w_p / N_p) Σ_i s_pi² / 2 as a function of the groups' sums s.
        return [scale * tangent for scale, tangent in zip(self._nonzero_scales().values(), tangents, strict=True)]

    def _nonzero_scales(self) -> dict[str, float]:
        """Return w_p / N_p by part, without those of weight 0: their gradients may be infinite."""
        scales = zip(self.objective.part_names, self.objective.scales, strict=True)
        return {part: scale for part, scale in scales if scale != 0}

    def _check(self) -> None:
        objective = self.objective
        parts, sums = objective.part_names, objective.sums(self.params)  # (batches, P) of this process
        module, theta = ModelFunction(objective.model, self._sums), objective.checked(self.params)
        totals = []  # by batch and part of nonzero weight, (Σ sums, Σ |sums|) over the groups
        with objective.mode(), torch.no_grad():
            for index in range(len(objective.batches)):
                groups = [part_sums.double() for part_sums in objective.evaluate(module, theta, index)]
                totals.append([(float(part_sums.sum()), float(part_sums.abs().sum())) for part_sums in groups])
        for column, part in enumerate(self._nonzero_scales()):
            for index, batch_sum in enumerate(sums[:, parts.index(part)].tolist()):
                total, size = totals[index][column]
                if not agree(total, batch_sum, size):
                    raise ValueError(
                        f"the groups' sums of part {part!r} add up to {total:.6g} in batch {index}, where the loss is "
                        f"{batch_sum:.6g}; by_group must return the sums of the same terms, each in one group"
                    )


def _by_example(loss: Any) -> ByGroup:
    """Return a loss's terms by example as a function of the model and the batch.

    Raises:
        ValueError: The loss has none.
    """
    composite = composite_of(loss)
    if composite is None or composite.by_example is None:
        raise ValueError(
            "a Fisher matrix needs the sums of the terms of each example, and the loss "
            f"{getattr(loss, '__name__', type(loss).__name__)!r} does not give them: write "
            "FisherOperator(objective, lambda model, batch: ...) with a function that returns them as a vector, or "
            "give the objective CompositeLoss(outputs, outer, by_example=lambda z, batch: ...) as its loss"
        )
    outputs, by_example = composite.outputs, composite.by_example
    return lambda model, batch: by_example(outputs(model, batch), batch)
