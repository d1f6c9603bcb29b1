"""Small problems in float64 whose derivatives have an independent reference: what the analyses are tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape import Objective


@dataclass
class Problem:
    """A model, its loss and ragged batches."""

    model: nn.Module
    loss: Callable[[nn.Module, Any], Any]
    batches: list[Any]
    weights: Mapping[str, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def objective(self, **options: Any) -> Objective[Any]:
        return Objective(self.model, self.loss, self.batches, weights=self.weights, **{**self.options, **options})

    def reference(self, theta: Tensor) -> Tensor:
        """The loss as its definition has it, batch by batch, of a vector in the order of ``named_parameters``."""
        named = dict(self.model.named_parameters())
        pieces = theta.split([tensor.numel() for tensor in named.values()])
        tensors = {f"model.{name}": piece.view_as(named[name]) for name, piece in zip(named, pieces, strict=True)}

        class Both(nn.Module):
            def __init__(self, problem: Problem) -> None:
                super().__init__()
                self.model, self.problem = problem.model, problem

            def forward(self, batch: Any) -> Any:
                return self.problem.loss(self.model, batch)

        both = Both(self).eval()
        terms = [functional_call(both, tensors, (batch,)) for batch in self.batches]
        terms = [each if isinstance(each, dict) else {"loss": each} for each in terms]
        weights = self.weights or dict.fromkeys(terms[0], 1.0)
        return sum(
            weights[part] * sum(each[part][0] for each in terms) / sum(float(each[part][1]) for each in terms)
            for part in terms[0]
        )

    def dense_hessian(self) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            # Row by row: with vmap, as in torch.func.hessian, LayerNorm's second derivative is wrong in torch 2.13.
            return hessian(self.reference, flat(self.model))


def flat(model: nn.Module) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in model.parameters()])


def squares(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    x, y = batch
    return ((model(x) - y) ** 2).sum(), len(y)


def crossentropy(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    x, y = batch
    return F.cross_entropy(model(x), y, reduction="sum"), len(y)


def linear_regression() -> Problem:
    """Mean squared error of Xw: its Hessian is 2 XᵀX / N."""
    torch.manual_seed(0)
    batches = [(torch.randn(rows, 5).double(), torch.randn(rows, 1).double()) for rows in (2, 7, 13)]
    return Problem(nn.Linear(5, 1, bias=False).double(), squares, batches)


def logistic() -> Problem:
    torch.manual_seed(1)
    batches = [(torch.randn(rows, 4).double(), torch.randint(3, (rows,))) for rows in (3, 11, 6)]
    return Problem(nn.Linear(4, 3).double(), crossentropy, batches)


class Convolutional(nn.Module):
    """Batch norm included, whose running statistics must neither change nor be missed."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(3 * 4, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.dropout(F.avg_pool2d(torch.tanh(self.norm(self.filters(images))), 2).flatten(1)))


def convolutional() -> Problem:
    torch.manual_seed(2)
    model = Convolutional().double()
    model.norm.running_mean.uniform_(-1, 1)
    model.norm.running_var.uniform_(0.5, 2)
    batches = [(torch.randn(rows, 1, 4, 4).double(), torch.randint(2, (rows,))) for rows in (5, 2, 8)]
    return Problem(model, crossentropy, batches)


class Transformer(nn.Module):
    """Next items with tied scores; row 0 of the table is padding, and the idle head is nobody's."""

    def __init__(self, items: int = 7, width: int = 4) -> None:
        super().__init__()
        self.items = nn.Embedding(items, width, padding_idx=0)
        self.qkv = nn.Linear(width, 3 * width)
        self.norm = nn.LayerNorm(width)
        self.idle = nn.Linear(width, 2)

    def forward(self, sequences: Tensor) -> Tensor:
        x = self.items(sequences)  # (B, n, d)
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        x = self.norm(x + F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], is_causal=True)[:, 0])
        return x @ self.items.weight[1:].T  # (B, n, V - 1)


def next_item(model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    targets = batch[:, 1:]
    losses = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), (targets - 1).clamp_min(0).flatten(), reduction="none")
    real = (targets != 0).flatten()
    return (losses * real).sum(), real.sum()


def transformer() -> Problem:
    """Padding makes the batches' numbers of terms differ, so that a mean of means would be wrong."""
    torch.manual_seed(3)
    batches = [torch.randint(1, 7, (rows, 5)) for rows in (2, 4)]
    batches[0][:, :3] = 0
    return Problem(Transformer().double(), next_item, batches)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.a, self.b, self.idle = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.trunk(x))
        return self.a(h), self.b(h)


def two_parts() -> Problem:
    """Two weighted parts with numbers of terms of their own, the second absent from the first batch."""
    torch.manual_seed(4)

    def parts(model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, tuple[Tensor, Tensor | int]]:
        x, labels = batch
        a, b = model(x)
        known = labels >= 0
        each = F.cross_entropy(b, labels.clamp_min(0), reduction="none")
        return {"squares": (((a[:, 0] - x.sum(1)) ** 2).sum(), len(x)), "labels": ((each * known).sum(), known.sum())}

    batches = [(torch.randn(rows, 3).double(), torch.randint(2, (rows,))) for rows in (4, 9, 3)]
    batches[0][1].fill_(-1)
    return Problem(TwoHeads().double(), parts, batches, weights={"squares": 0.3, "labels": 2.0})


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "linear_regression": linear_regression,
    "logistic": logistic,
    "convolutional": convolutional,
    "transformer": transformer,
    "two_parts": two_parts,
}


def with_spectrum(values: ArrayLike, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """A symmetric matrix with these eigenvalues and random eigenvectors."""
    eigenvalues = torch.as_tensor(np.array(values, float))
    generator = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(len(eigenvalues), len(eigenvalues), generator=generator, dtype=torch.float64)).Q
    matrix = (q * eigenvalues) @ q.T
    return ((matrix + matrix.T) / 2).to(dtype)
