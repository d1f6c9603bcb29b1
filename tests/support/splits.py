"""The small problems with losses in two stages and groups of terms, and dense matrices written out from definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.functional import hessian, jacobian
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.objectives.composite_loss import CompositeLoss
from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import batch as packed
from landscape.training.batches.packing import input_windows
from tests.support.problems import Problem, convolutional, flat, linear_regression, logistic, transformer, two_parts
from tests.support.small import random_dataset, small_model


@dataclass
class SplitProblem:
    """A problem whose loss is a ``CompositeLoss``, and the sums of its terms by group."""

    problem: Problem
    by_group: Callable[[nn.Module, Any], Any]
    parts: tuple[str, ...] = ("loss",)
    linear: bool = False  # whether the outputs are linear in the parameters

    def objective(self, **options: Any):
        return self.problem.objective(**options)

    @property
    def mask(self) -> Tensor:
        """(n, n), 0 where a coordinate takes no part."""
        mask = self.objective().space.mask
        mask = torch.ones(len(flat(self.problem.model))) if mask is None else mask
        return torch.outer(mask, mask).double()

    def weights(self) -> dict[str, float]:
        """w_p / (the number of all terms of part p)."""
        totals = dict.fromkeys(self.parts, 0.0)
        for batch in self.problem.batches:
            for part, (_, count) in named(self.problem.loss(self.problem.model.eval(), batch)).items():
                totals[part] += float(count)
        return {part: (self.problem.weights or {part: 1.0})[part] / totals[part] for part in self.parts}

    def at(self, theta: Tensor, function: Callable[[nn.Module, Any], Any], batch: Any) -> Any:
        """A function of the model and a batch, of a vector in the order of ``named_parameters``."""
        names = dict(self.problem.model.named_parameters())
        pieces = theta.split([tensor.numel() for tensor in names.values()])
        tensors = {f"model.{name}": piece.view_as(names[name]) for name, piece in zip(names, pieces, strict=True)}

        class Both(nn.Module):
            def __init__(self, model: nn.Module) -> None:
                super().__init__()
                self.model = model

            def forward(self, batch: Any) -> Any:
                return function(self.model, batch)

        return functional_call(Both(self.problem.model).eval(), tensors, (batch,))

    def dense_gauss_newton(self) -> Tensor:
        """Σ_b Jᵀ H J with J and H row by row, of everything that the network puts out as one vector."""
        theta, split, total = flat(self.problem.model), self.problem.loss, 0
        with sdpa_kernel(SDPBackend.MATH):
            for batch in self.problem.batches:
                outputs = self.at(theta, split.outputs, batch)
                single = isinstance(outputs, Tensor)
                shapes = [each.shape for each in ((outputs,) if single else outputs)]

                def vector(theta, batch=batch, single=single):
                    found = self.at(theta, split.outputs, batch)
                    return torch.cat([each.reshape(-1) for each in ((found,) if single else found)])

                def loss(z, batch=batch, single=single, shapes=shapes):
                    cut = z.split([shape.numel() for shape in shapes])
                    tensors = tuple(piece.view(shape) for piece, shape in zip(cut, shapes, strict=True))
                    terms = named(split.outer(tensors[0] if single else tensors, batch))
                    return sum(weight * terms[part][0] for part, weight in self.weights().items())

                J = jacobian(vector, theta)  # (Z, n)
                total = total + J.T @ hessian(loss, vector(theta)) @ J
        return total * self.mask

    def dense_fisher(self) -> Tensor:
        """Σ_p (w_p / N_p) Σ_i g gᵀ, one group's gradient after the other."""
        total = torch.zeros(len(flat(self.problem.model)), len(flat(self.problem.model)), dtype=torch.float64)
        for part, weight in self.weights().items():
            for g in self.gradients(part):
                total += weight * torch.outer(g, g)
        return total * self.mask

    def gradients(self, part: str) -> list[Tensor]:
        """The gradient of each group's sum."""
        theta, found = flat(self.problem.model).requires_grad_(), []
        for batch in self.problem.batches:
            sums = self.at(theta, self.by_group, batch)
            for each in sums[part] if isinstance(sums, dict) else sums:
                found += torch.autograd.grad(each, theta, retain_graph=True)
        return found


def named(terms: Any) -> dict[str, Any]:
    return terms if isinstance(terms, dict) else {"loss": terms}


def logits(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return model(batch[0])


def pairs(terms: Tensor) -> Tensor:
    """Terms (N,) in groups of two, the last of which may have one: sums (⌈N/2⌉,)."""
    return F.pad(terms, (0, len(terms) % 2)).view(-1, 2).sum(1)


def squared(z: Tensor, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    return ((z - batch[1]) ** 2).sum(), len(batch[1])


def softmax(z: Tensor, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    return F.cross_entropy(z, batch[1], reduction="sum"), len(batch[1])


def softmax_terms(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1], reduction="none")


def least_squares() -> SplitProblem:
    problem = replace(linear_regression(), loss=CompositeLoss(logits, squared))
    return SplitProblem(problem, lambda model, batch: pairs(((model(batch[0]) - batch[1]) ** 2)[:, 0]), linear=True)


def classes() -> SplitProblem:
    problem = replace(logistic(), loss=CompositeLoss(logits, softmax))
    return SplitProblem(problem, softmax_terms, linear=True)


def images() -> SplitProblem:
    problem = replace(convolutional(), loss=CompositeLoss(logits, softmax))
    return SplitProblem(problem, lambda model, batch: pairs(softmax_terms(model, batch)))


def sequences() -> SplitProblem:
    """A group is a sequence; sequences have different numbers of terms, and so have batches."""

    def each(z: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        targets = batch[:, 1:]
        losses = F.cross_entropy(z.flatten(0, 1), (targets - 1).clamp_min(0).flatten(), reduction="none")
        return losses.view(targets.shape) * (targets != 0), (targets != 0).sum()

    def outputs(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch[:, :-1])

    def outer(z: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        terms, count = each(z, batch)
        return terms.sum(), count

    problem = replace(transformer(), loss=CompositeLoss(outputs, outer))
    return SplitProblem(problem, lambda model, batch: each(outputs(model, batch), batch)[0].sum(1))


def parts() -> SplitProblem:
    """Two weighted parts of two outputs, with numbers of terms of their own."""

    def each(z: tuple[Tensor, Tensor], batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        (a, b), (x, labels) = z, batch
        known = labels >= 0
        return (a[:, 0] - x.sum(1)) ** 2, F.cross_entropy(b, labels.clamp_min(0), reduction="none") * known, known

    def outer(z: tuple[Tensor, Tensor], batch: tuple[Tensor, Tensor]) -> dict[str, tuple[Tensor, Tensor | int]]:
        squares, labels, known = each(z, batch)
        return {"squares": (squares.sum(), len(squares)), "labels": (labels.sum(), known.sum())}

    def by_group(model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        squares, labels, _ = each(logits(model, batch), batch)
        return {"labels": labels, "squares": pairs(squares)}  # another order than the loss's

    problem = replace(two_parts(), loss=CompositeLoss(logits, outer))
    return SplitProblem(problem, by_group, ("squares", "labels"))


def scores(model: Any, batch: Any) -> tuple[Tensor, Tensor]:
    """Of the next item and of a sampled one, (R, n) each."""
    hidden = model(batch.items, batch.positions, batch.segments)  # (R, n, d)
    return (hidden * model.items(batch.targets)).sum(-1), (hidden * model.items(batch.negatives)).sum(-1)


def pairwise(z: tuple[Tensor, Tensor], batch: Any) -> tuple[Tensor, Tensor]:
    real = batch.targets > 0
    return ((F.softplus(-z[0]) + F.softplus(z[1])) * real).sum(), real.sum()


def recommender() -> SplitProblem:
    """SASRec over packed rows; a group is a user, whose terms are part of a row."""
    dataset = random_dataset([4, 5, 7, 9, 4, 6], n_items=12)
    inputs, negatives = input_windows(dataset, 4, held_out=3), NegativeSampler(dataset).draw(np.random.default_rng(0))
    batches = [
        packed(dataset, inputs, np.array(users), 4, targets="each", negatives=negatives)
        for users in ([0, 2], [1, 3, 4, 5])
    ]

    def by_user(model: Any, batch: Any) -> Tensor:
        positive, negative = scores(model, batch)
        terms = (F.softplus(-positive) + F.softplus(negative)) * (batch.targets > 0)
        return terms.new_zeros(len(batch.users) + 1).index_add(0, batch.segments.flatten(), terms.flatten())[1:]

    model = small_model(12, max_length=4, width=4, layers=1, heads=2)
    return SplitProblem(Problem(model, CompositeLoss(scores, pairwise), batches), by_user)


SPLITS: dict[str, Callable[[], SplitProblem]] = {
    "least_squares": least_squares,
    "classes": classes,
    "images": images,
    "sequences": sequences,
    "parts": parts,
    "recommender": recommender,
}
