"""The loss of a model over fixed data as a function of one flat vector: values, gradients, Hessian products."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.objectives.autograd import Graph, Graphs, derivative, edge
from landscape.objectives.function_check import REPEATABLE
from landscape.objectives.jackknife import jackknife_error
from landscape.objectives.loss_terms import Batch, weighted_sum
from landscape.objectives.plane_evaluation import PlaneEvaluation
from landscape.results import Floats
from landscape.results.display.tables import NotebookDisplay, Row, Table


class BatchTerms(NamedTuple):
    """A loss in pieces: what each batch adds to each part."""

    parts: tuple[str, ...]  # names of the P parts
    sums: Floats  # (batches, P) sums of the terms
    counts: Floats  # (batches, P) numbers of terms


class Objective(PlaneEvaluation[Batch], NotebookDisplay):
    """L(θ) = Σ_p w_p · (Σ_b sum_pb) / (Σ_b count_pb) over parts p and a fixed list of batches b.

    A loss function returns the *sum* of its terms and their *number*: means of batch means weigh terms wrongly as
    soon as batches hold different numbers of them. The number may depend on the data only, not on the parameters.
    Sums over batches are float64.

    The model itself does not change: it is called with other parameters in place of its own, in evaluation mode, and
    gets its mode back afterwards. Whatever is random in the loss (negatives, masks, views) has to be fixed in the
    batches.

    The mean of (w - x)² over x = 1, 2, 6, at w = 1:

    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.ones_(model.weight)
    >>> objective = Objective(
    ...     model,
    ...     lambda model, x: ((model.weight - x).square().sum(), len(x)),
    ...     [torch.tensor([1.0, 2.0]), torch.tensor([6.0])],
    ... )
    >>> round(objective.value(), 4), objective.gradient(), objective.hvp(torch.tensor([1.0]))
    (8.6667, tensor([-4.]), tensor([2.]))

    Args:
        model: Any module; its parameters at this moment are θ₀.
        loss: ``loss(model, batch) -> (sum, count)``, or a dict of such pairs by the name of the part. It may call
            anything of the model, in any order.
        batches: What ``loss`` takes, one after another; moved to ``device`` once.
        space: Which parameters make θ; by default all that require a gradient.
        weights: w_p by name of the part; 1 each by default.
        device: Where to compute; by default where the model's parameters are.
        training_mode_seed: None for evaluation mode. A seed for the loss in training mode, with dropout masks that
            depend on the seed and the batch alone, and so are the same at every point.
        process_group: Processes of torch.distributed that share out the batches: each gives its own, all call the same
            methods in the same order, and all get the sums over all batches. One may have no batch.
        vmap: Whether ``along`` evaluates several points in one pass; by default on GPUs, where it is faster.

    Attributes:
        params: θ₀ (n,).

    Raises:
        ValueError: There is no batch. While evaluating: the loss returns something else than sums and numbers of
            terms, has other parts than ``weights``, has no term at all, or is not a function of the parameters and the
            batches alone: it does not depend on them, differs when evaluated again, or writes to the model
            (``check_function``, once, on the first batch).
        TypeError: ``training_mode_seed`` is a bool or a float, or the loss is a function of outputs and targets.
    """

    def value(self, params: Tensor | None = None, *, differentiable: bool = False) -> float:
        """Return the loss at ``params`` (n,), by default at θ₀.

        ``differentiable`` computes it as ``hvp`` does (unfused attention, with a graph of the computation): the same
        up to rounding, or the two code paths do not compute one loss.
        """
        return float(self.combine(self.totals(params, differentiable=differentiable)))

    def parts(self, params: Tensor | None = None) -> dict[str, float]:
        """Return the parts' own means (Σ sums) / (Σ counts) by name, without their weights."""
        means = self.totals(params) / self.total_counts
        return dict(zip(self.part_names, means.tolist(), strict=True))

    def by_batch(self, params: Tensor | None = None) -> BatchTerms:
        """Return sums and numbers of terms by batch and part, from which the loss and its error follow.

        The batches of all processes, in the order of their ranks.
        """
        sums, counts = self.sums(params).cpu().numpy(), self.counts.cpu().numpy()
        pairs = self.processes.gathered((sums, counts))
        return BatchTerms(self.part_names, *(np.concatenate(tables) for tables in zip(*pairs, strict=True)))

    def standard_error(self, params: Tensor | None = None, population: float | None = None) -> float:
        """Return the jackknife error of the loss as an estimate for a larger set, with the batches as random groups.

        Args:
            params: (n,), by default θ₀.
            population: The size of that larger set *in batches*: 20 batches from data that would fill 80 have the
                finite-population correction 1 - 20/80, and all 80 have no error. None: without limit.

        Raises:
            ValueError: The population is smaller than the sample.
        """
        _, sums, counts = self.by_batch(params)
        return jackknife_error(sums, counts, np.array(self.part_weights), population)

    def gradient(self, params: Tensor | None = None) -> Tensor:
        """Return ∇L (n,) at ``params``, by default at θ₀; zero at inactive coordinates."""
        return self.value_and_gradient(params)[1]

    def value_and_gradient(self, params: Tensor | None = None) -> tuple[float, Tensor]:
        """Return the loss and its gradient (n,) from the same passes."""
        self.require_gradient()
        scales, theta = self.scales, self.leaf(params)
        gradient = torch.zeros_like(theta)
        total = torch.zeros_like(self.total_counts)  # (P,)
        with self.mode(), torch.enable_grad():
            for index in range(len(self.batches)):
                sums, _ = self.terms(theta, index)
                total += torch.stack([term.detach() for term in sums])
                gradient += derivative(weighted_sum(sums, scales), theta)
        loss = float(self.combine(self.processes.summed(total)))
        return loss, self.space.project(self.processes.summed(gradient))

    def hvp(self, vector: Tensor, params: Tensor | None = None) -> Tensor:
        """Return ∇²L · v at ``params``, by default at θ₀, restricted to the active coordinates.

        For many products at one point a ``HessianOperator`` is faster: it keeps what they have in common.

        Args:
            vector: v (n,), or several as (m, n), which share the first differentiation.
            params: (n,).

        Returns:
            The shape of ``vector``.
        """
        return self.hessian_products(vector, self.graphs(params))

    def hessian_products(self, vector: Tensor, graphs: Graphs) -> Tensor:
        """Return the same as ``hvp`` at the point of ``graphs``, which are used where they are kept; for operators."""
        scales, theta = self.scales, graphs.theta
        vectors = self.space.project(vector.detach()).reshape(-1, self.space.size)  # (m, n)
        products = torch.zeros_like(vectors)

        def gradient_graph(index: int) -> Graph:
            loss = weighted_sum(self.terms(theta, index)[0], scales)
            return Graph(edge(derivative(loss, theta, create_graph=True)))

        # Fused attention has no second derivative.
        with self.mode(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            for index in range(len(self.batches)):
                kept = graphs.kept(index, partial(gradient_graph, index))
                graph = kept or gradient_graph(index)
                for row, v in enumerate(vectors):
                    needed_again = kept is not None or row + 1 < len(vectors)
                    products[row] += derivative(graph.derivative, theta, v, retain_graph=needed_again)
        return self.space.project(self.processes.summed(products)).reshape(vector.shape)

    def for_products(self) -> Objective[Batch]:
        """Return the objective that computes ``hessian_products``: this one, or a smaller form of the same loss."""
        return self

    def table(self) -> Table:
        """Return what the loss is of: model, batches, parameters, and where and how it is computed."""
        seed = self.training_mode_seed
        rows: list[Row] = [
            ("model", type(self.model).__name__),
            ("batches", len(self.batches)),
            ("coordinates", self.space.total),
            ("active", self.space.active),
            ("mode", "evaluation" if seed is None else f"training, seed {seed}"),
            ("numbers", str(self.params.dtype).removeprefix("torch.")),
            ("device", str(self.device)),
        ]
        return Table("Objective", ("", ""), rows)

    def __repr__(self) -> str:
        return (
            f"Objective({type(self.model).__name__}, {len(self.batches)} batches, {self.space.total:,} coordinates, "
            f"{self.space.active:,} active)"
        )

    def graphs(self, params: Tensor | None, limit: int = 0) -> Graphs:
        """Return the graphs at a point, of which up to ``limit`` bytes are kept; for operators."""
        self.require_gradient()
        # A copy: graphs that are kept would not follow when the caller's vector is changed in place.
        theta = self.checked(params).clone().requires_grad_()
        return Graphs(theta, limit, owned=self.fixed.values())


def agree(a: float, b: float, size: float = 0.0, *, resolution: float = 0.0) -> bool:
    """Return whether two losses are the same up to rounding of terms of this ``size``; False if one is not finite.

    ``resolution`` is that of the numbers they are computed in, where it is coarser than float32's.
    """
    # An infinite loss would also make the limit infinite, so the difference is compared only if it is finite.
    return math.isfinite(a - b) and abs(a - b) <= max(REPEATABLE, resolution) * max(size, abs(a), abs(b))


def check_loss(
    value: float, objective: Objective[Any] | None = None, params: Tensor | None = None, *, name: str = "the loss"
) -> float:
    """Return ``value``, the loss at the centre of an analysis.

    Args:
        value: The loss as it is evaluated.
        objective: Whose loss it is, to say whether it is finite as it is differentiated.
        params: (n,) the centre; by default θ₀.
        name: Of the loss, in the error.

    Raises:
        ValueError: It is not finite.
    """
    if math.isfinite(value):
        return value
    differentiated = objective.value(params, differentiable=True) if objective is not None else math.nan
    if math.isfinite(differentiated):
        raise ValueError(_paths_differ(value, differentiated, name))
    raise ValueError(f"{name} is {value} at the parameters themselves: check the parameters, the batches and the loss")


def repeat_difference(objective: Objective[Any], value: float, params: Tensor | None = None) -> float:
    """Return |L - ``value``| for a second evaluation L of the loss, at θ₀ or ``params``.

    On GPUs, sums in varying order leave a difference far below the loss.

    Raises:
        ValueError: They differ by more, or one is not finite: the loss is not a function of the parameters.
    """
    repeated = objective.value(params)
    if not agree(repeated, value, resolution=objective.space.resolution):
        raise ValueError(
            f"two evaluations at the same point give {value:.6g} and {repeated:.6g}: the loss draws random numbers; "
            "draw them once and keep them in the batches"
        )
    return abs(repeated - value)


def path_difference(objective: Objective[Any], value: float) -> float:
    """Return |L - ``value``| for the loss L at θ₀ as it is differentiated, with ``value`` as it is evaluated.

    Warns when that is more than rounding, or not finite: curvature and surface would then be those of two functions.
    """
    differentiated = objective.value(differentiable=True)
    if not agree(differentiated, value, resolution=objective.space.resolution):
        warnings.warn(_paths_differ(value, differentiated), stacklevel=2)
    return abs(differentiated - value)


def _paths_differ(value: float, differentiated: float, name: str = "the loss") -> str:
    # torch's fused encoder layer returns NaN in rows whose keys are all masked, where the other path returns zeros.
    return (
        f"{name} is {value:.6g} evaluated and {differentiated:.6g} differentiated: a layer computes otherwise without "
        "gradients; with nn.TransformerEncoder, call torch.backends.mha.set_fastpath_enabled(False), and mask no row "
        "of attention completely"
    )
