"""Functions of two coordinates as losses of a model whose parameters are the coordinates themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape import Objective
from landscape.results import Floats, Surface

Function = Callable[[Tensor, Tensor], Tensor]

X, Y = torch.eye(2, dtype=torch.float64)


class Plane(nn.Module):
    """A model whose parameters are the coordinates of the plane themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(2, dtype=torch.float64))


class Counting(Objective[Any]):
    """Records the points that it evaluates, and may fail on the way. Several functions are parts of the loss."""

    def __init__(self, *functions: Function, fails_at: int | None = None, **options: Any) -> None:
        def loss(model: nn.Module, batch: None) -> Any:
            terms = {f"part{index}": (f(*model.at), 1) for index, f in enumerate(functions)}
            return terms if len(terms) > 1 else terms["part0"]

        super().__init__(Plane(), loss, [None], **options)
        self.seen: list[tuple[float, ...]] = []
        self.fails_at = fails_at

    def along(self, directions: Tensor, coefficients: Any, params: Tensor | None = None) -> Floats:
        self._see(coefficients)
        return super().along(directions, coefficients, params)

    def along_parts(
        self, directions: Tensor, coefficients: Any, params: Tensor | None = None
    ) -> tuple[Floats, dict[str, Floats]]:
        self._see(coefficients)
        return super().along_parts(directions, coefficients, params)

    def _see(self, coefficients: Any) -> None:
        for point in np.asarray(coefficients).tolist():
            if len(self.seen) == self.fails_at:
                raise KeyboardInterrupt
            self.seen.append(tuple(point))


def smooth(a: Tensor, b: Tensor) -> Tensor:
    """97 evaluations are enough for a thousandth of its range."""
    return torch.exp(a - 0.5 * b) + torch.sin(2 * a * b) + b**2


def bumpy(a: Tensor, b: Tensor) -> Tensor:
    """Poles at a = ±0.2i: needs many nodes."""
    return 1 / (1 + 25 * a**2) + 0.1 * b


def spike(a: Tensor, b: Tensor) -> Tensor:
    """So narrow that no number of nodes is enough."""
    return 0.1 * (a + b) + 10 * torch.exp(-(a**2 + b**2) / 2e-4)


def holed(a: Tensor, b: Tensor) -> Tensor:
    """Not a number beyond a line."""
    return torch.log(a + b + 0.5)


def true(f: Function, result: Surface) -> Floats:
    """The function on a surface's grid."""
    a, b = torch.from_numpy(result.alphas), torch.from_numpy(result.betas)[:, None]
    values: Floats = (f(a, b) + 0 * a * b).numpy()
    return values
