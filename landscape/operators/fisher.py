"""The empirical Fisher matrix of an objective as a linear operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from landscape.objectives.autograd import RETAINED
from landscape.objectives.composite_loss import Outputs
from landscape.objectives.loss_terms import _described
from landscape.objectives.objective import REPEATABLE, Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.gauss_newton import Calling, jacobian_product

ByGroup = Callable[[Any, Any], Tensor | Mapping[str, Tensor]]  # (model, batch) -> the groups' sums (S,), also by part


class FisherOperator(CurvatureOperator):
    """F = Σ_p (w_p / N_p) Σ_i g_pi g_piᵀ at ``params``, on the coordinates that take part, without storing a matrix.

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

    Args:
        objective: The loss L.
        by_group: ``by_group(model, batch) -> (S,)`` sums of the terms of the batch's S groups, or a dict of such
            vectors by the name of the part. Parts of weight 0 may be missing.
        params: (n,) where to take the matrix; by default the objective's own θ₀.
        retain: As for every ``CurvatureOperator``; it changes the rounding, as in ``GaussNewtonOperator``.

    Raises:
        ValueError: The groups' sums are no vectors, are of other parts than the loss has, or do not add up to it; all
            batches are evaluated once to see that. NotImplementedError and CheckpointError in products are those of
            ``GaussNewtonOperator``.
    """

    name = "fisher"

    def __init__(
        self, objective: Objective[Any], by_group: ByGroup, params: Tensor | None = None, *, retain: int = RETAINED
    ) -> None:
        super().__init__(objective, params, retain=retain)
        self.by_group = by_group
        self._check()

    def _products(self, vectors: Tensor) -> Tensor:
        return jacobian_product(self.objective, self._sums, self._scaled, vectors, self._graphs)

    def _sums(self, model: Any, batch: Any) -> tuple[Tensor, ...]:
        """The groups' sums (S,) by part, of those parts that weigh something."""
        returned = self.by_group(model, batch)
        found = dict(returned) if isinstance(returned, Mapping) else {"loss": returned}
        parts, weighing = self.objective._parts, self._weighing()
        if not set(weighing) <= set(found) <= set(parts):
            raise ValueError(f"by_group returns sums of the parts {[*found]}; the loss has {[*parts]}")
        for part, sums in found.items():
            if not (isinstance(sums, Tensor) and sums.ndim == 1):
                raise ValueError(f"by_group must return a vector of sums for part {part!r}, not {_described(sums)}")
        return tuple(found[part] for part in weighing)

    def _scaled(self, sums: Outputs, tangents: Sequence[Tensor], batch: Any) -> Sequence[Tensor]:
        # F is the Gauss-Newton matrix of Σ_p (w_p / N_p) Σ_i s_pi² / 2 as a function of the groups' sums s.
        return [scale * tangent for scale, tangent in zip(self._weighing().values(), tangents, strict=True)]

    def _weighing(self) -> dict[str, float]:
        """w_p / N_p by part, without those of weight 0: their gradients may be infinite."""
        scales = self.objective._scales  # makes the parts known
        return {part: scale for part, scale in zip(self.objective._parts, scales, strict=True) if scale != 0}

    def _check(self) -> None:
        objective = self.objective
        parts, sums, _ = objective.by_batch(self.params)  # sums (batches, P)
        call, theta = Calling(objective.model, self._sums), objective._checked(self.params)
        found = []
        with objective._mode(), torch.no_grad():
            for index, batch in enumerate(objective.batches):
                groups = objective._called(call, theta, batch, index)
                found.append([(float(each.double().sum()), float(each.double().abs().sum())) for each in groups])
        for column, part in enumerate(self._weighing()):
            for index, batch_sums in enumerate(sums[:, parts.index(part)].tolist()):
                total, size = found[index][column]
                if abs(total - batch_sums) > REPEATABLE * max(size, abs(batch_sums)):
                    raise ValueError(
                        f"the groups' sums of part {part!r} add up to {total:.6g} in batch {index}, where the loss is "
                        f"{batch_sums:.6g}; by_group must return the sums of the same terms, each in one group"
                    )
