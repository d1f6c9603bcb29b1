"""Adam for a large table of which each batch has few rows: its steps, taken when a row is next needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # torch's defaults; the constants below belong to them
DENSE = 100  # first steps, in which all rows are touched: the bias correction of v still changes fast
WINDOW = 220  # steps after a row's last gradient in which it moves: 0.9^220 is below 1e-10
DEGREE = 3  # of the polynomial for the sum of these steps; its relative error is below 2e-7 from step DENSE on
CENTRE = 11  # steps after the gradient, at which v's decay and correction are taken as the typical ones
ROWS_AT_ONCE = 2**13  # what a catch-up of all rows holds in memory


class RowAdam(torch.optim.Adam):
    """Adam that leaves rows of embedding tables alone while no batch has them, and gives the same numbers to rounding.

    A row without a gradient still moves, by its decaying moments: k steps after the gradient of step s it has moved by
    m Σ aⱼ / (√v bⱼ + ε), j = 1…k, with aⱼ = lr β₁ʲ / (1 − β₁ˢ⁺ʲ) and bⱼ = √(β₂ʲ / (1 − β₂ˢ⁺ʲ)). With b̄ = b₁₁ and
    r = √v b̄ / (√v b̄ + ε), which lies in [0, 1], the sum is Σ aⱼ / (1 + (bⱼ/b̄ − 1) r), divided by √v b̄ + ε. It is
    smooth in r, so that its values at four nodes, kept for each s, give it for all rows and entries by a cubic
    polynomial. Learning rates may change from step to step. A row is caught up before it is looked up and before it is
    stepped; ``catch_up`` does it for all rows, and has to be called before tables are used otherwise.

    The lookups give sparse gradients. The first 100 steps are Adam's, and so is a step with a dense gradient.
    ``state_dict`` is Adam's as well.

    Args:
        params: As for Adam; one group or several.
        lr: The learning rate.
        tables: Embeddings whose weights are among the parameters. They are made ``sparse``, and get a hook.
    """

    def __init__(self, params: Iterable[Any], lr: float, *, tables: Iterable[nn.Embedding]) -> None:
        super().__init__(params, lr=lr, betas=(BETA1, BETA2), eps=EPS, fused=True)
        self._tables: dict[Tensor, _Table] = {}
        for embedding in tables:
            table = self._tables[embedding.weight] = _Table(embedding.weight)
            embedding.sparse = True
            embedding.register_forward_pre_hook(self._before_lookup(table))

    @torch.no_grad()
    def catch_up(self) -> None:
        """Take the steps of all rows that are behind."""
        for p, table in self._tables.items():
            if self.state[p]:
                table.catch_up_all(self.state[p])

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Take one step, of rows for tables with a sparse gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        gradients = {p: p.grad for p in self._tables if p.grad is not None}
        by_rows = {p: g for p, g in gradients.items() if g.is_sparse and self._tables[p].step >= DENSE}
        for p, gradient in gradients.items():
            if p in by_rows:
                p.grad = None  # not for Adam
                continue
            if self.state[p]:
                self._tables[p].catch_up_all(self.state[p])
            p.grad = gradient.to_dense()
        super().step()
        for p, gradient in gradients.items():
            if p in by_rows:
                self._tables[p].move_rows(self.state[p], gradient.coalesce(), self._rate(p))
            else:
                self._tables[p].start(self.state[p])
            p.grad = gradient
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return Adam's state, with all rows caught up."""
        self.catch_up()
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of an Adam, or of this class; the weights are those of the same time."""
        super().load_state_dict(state_dict)
        for p, table in self._tables.items():
            table.start(self.state[p])

    def _before_lookup(self, table: _Table) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def catch_up(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            with torch.no_grad():
                table.catch_up(self.state[table.weight], inputs[0].flatten())

        return catch_up

    def _rate(self, p: Tensor) -> float:
        return next(float(group["lr"]) for group in self.param_groups if any(p is own for own in group["params"]))


class _Table:
    """How far each row is behind, and what the sums of the steps since then are.

    Attributes:
        step: t, the steps taken.
        first: All rows were caught up at this step.
        current: (V,) the step that each row has been taken to.
        sums: (≥ t − first + 1, DEGREE + 1) for rows that are at step first + i, the sum at each node.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight
        self.current = torch.zeros(len(weight), dtype=torch.int32, device=weight.device)
        self.start({})

    def start(self, state: dict[str, Any]) -> None:
        """Take all rows for caught up."""
        self.step = self.first = int(state["step"]) if state else 0
        self.current.fill_(self.step)
        self.sums = torch.zeros(1, DEGREE + 1, dtype=torch.float64)

    def catch_up_all(self, state: dict[str, Any]) -> None:
        if self.step > self.first:
            for rows in torch.arange(len(self.current), device=self.current.device).split(ROWS_AT_ONCE):
                self.catch_up(state, rows, distinct=True)
            self.start(state)

    def catch_up(self, state: dict[str, Any], rows: Tensor, *, distinct: bool = False) -> None:
        """Take the steps of these rows (N,) that are behind."""
        rows = rows[self.current[rows] < self.step]
        if len(rows) == 0:
            return
        rows = rows if distinct else rows.unique()
        since = self.current[rows].cpu().long()
        polynomial = self.sums[since - self.first] @ COEFFICIENTS  # (N, DEGREE + 1)
        ages = (self.step - since).double()
        columns = torch.stack([_root(since + CENTRE, CENTRE), BETA1**ages, BETA2**ages, *polynomial.T])
        typical, *decays = columns.to(self.weight.device, self.weight.dtype)[:, :, None]  # each (N, 1)
        decay1, decay2, *polynomial = decays
        weights, first, second = self._rows(state, rows)
        scale = second.sqrt().mul_(typical)
        divisor = scale + EPS
        scale.div_(divisor)  # r
        move = polynomial[-1] * scale
        for coefficient in polynomial[-2:0:-1]:
            move.add_(coefficient).mul_(scale)
        move.add_(polynomial[0])
        weights.sub_(move.div_(divisor).mul_(first))
        self._store(state, rows, weights, first.mul_(decay1), second.mul_(decay2))

    def move_rows(self, state: dict[str, Any], gradient: Tensor, lr: float) -> None:
        """Take a step of the rows of a coalesced gradient, and note by what the others move."""
        rows = gradient.indices()[0]
        self.catch_up(state, rows, distinct=True)
        moved = self._rows(state, rows)
        adam(
            [moved[0]], [gradient.values()], [moved[1]], [moved[2]], [], [state["step"]], fused=True, amsgrad=False,
            beta1=BETA1, beta2=BETA2, lr=lr, weight_decay=0.0, eps=EPS, maximize=False,
        )  # fmt: skip
        self._advance(lr)
        self._store(state, rows, *moved)

    def _advance(self, lr: float) -> None:
        self.step += 1
        if len(self.sums) <= self.step - self.first:
            self.sums = torch.cat([self.sums, torch.zeros_like(self.sums)])
        since = torch.arange(max(self.first, self.step - WINDOW), self.step)  # s of rows that still move
        ages = (self.step - since).double()
        rates = lr * BETA1**ages / (1 - BETA1**self.step)  # a
        excess = _root(torch.full_like(since, self.step), ages) / _root(since + CENTRE, CENTRE) - 1  # b/b̄ − 1
        self.sums[since - self.first] += rates[:, None] / (1 + excess[:, None] * NODES)

    def _rows(self, state: dict[str, Any], rows: Tensor) -> list[Tensor]:
        return [tensor.index_select(0, rows) for tensor in (self.weight, state["exp_avg"], state["exp_avg_sq"])]

    def _store(self, state: dict[str, Any], rows: Tensor, *values: Tensor) -> None:
        for tensor, value in zip((self.weight, state["exp_avg"], state["exp_avg_sq"]), values, strict=True):
            tensor.index_copy_(0, rows, value)
        self.current[rows] = self.step


def _root(steps: Tensor, ages: Tensor | int) -> Tensor:
    """√(β₂ᵃ / (1 − β₂ᵗ)) of ages a at steps t, in float64."""
    return (BETA2 ** torch.as_tensor(ages, dtype=torch.float64) / (1 - BETA2 ** steps.double())).sqrt()


NODES = torch.from_numpy(
    (np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1)) + 1) / 2
)  # Chebyshev's on [0, 1]
COEFFICIENTS = torch.linalg.inv(torch.vander(NODES, increasing=True)).T.contiguous()  # from values to Σ cᵢ rⁱ
