"""The loss of a model over fixed data as a function of one flat vector: values, gradients, Hessian products."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any, Generic, NamedTuple

import numpy as np
import torch
from torch import Tensor, func, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.objectives.autograd import Graph, Graphs, derivative, edge
from landscape.objectives.jackknife import jackknife_error
from landscape.objectives.loss_terms import Batch, LossFn, LossModule, Number, moved, named_terms
from landscape.objectives.parameter_space import ParamSpace
from landscape.results import Floats

POINTS_AT_ONCE = 16  # of a plane, on a GPU; halved whenever they do not fit into its memory
REPEATABLE = 1e-4  # two evaluations may differ by this share of the loss; rounding differs by far less


class BatchTerms(NamedTuple):
    """A loss in pieces: what each batch adds to each part."""

    parts: tuple[str, ...]  # names of the P parts
    sums: Floats  # (batches, P) sums of the terms
    counts: Floats  # (batches, P) numbers of terms


class Objective(Generic[Batch]):
    """L(θ) = Σ_p w_p · (Σ_b sum_pb) / (Σ_b count_pb) over parts p and a fixed list of batches b.

    A loss function returns the *sum* of its terms and their *number*: means of batch means weigh terms wrongly as
    soon as batches hold different numbers of them. The number may depend on the data only, not on the parameters.
    Sums over batches are float64.

    The model is never moved: it is called with other parameters in place of its own, in evaluation mode, and has its
    mode back afterwards. Whatever is random in the loss (negatives, masks, views) has to be fixed in the batches.

    Args:
        model: Any module; its parameters at this moment are θ₀.
        loss: ``loss(model, batch) -> (sum, count)``, or a dict of such pairs by the name of the part. It may call
            anything of the model, in any order.
        batches: What ``loss`` takes, one after another; moved to ``device`` once.
        space: Which parameters make θ; by default all that require a gradient.
        weights: w_p by name of the part; 1 each by default.
        device: Where to compute; by default where the model's parameters are.
        dropout: None for evaluation mode. A seed for the loss in training mode, with masks that depend on the seed
            and the batch alone, and so are the same at every point.
        vmap: Whether ``along`` evaluates several points in one pass; by default on GPUs, where it pays.

    Attributes:
        params: θ₀ (n,).

    Raises:
        ValueError: There is no batch. While evaluating: the loss returns something else than sums and numbers of
            terms, has other parts than ``weights``, or has no term at all.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: LossFn[Batch],
        batches: Iterable[Batch],
        *,
        space: ParamSpace | None = None,
        weights: Mapping[str, float] | None = None,
        device: torch.device | str | None = None,
        dropout: int | None = None,
        vmap: bool | None = None,
    ) -> None:
        self.model = model
        self.space = space if space is not None else ParamSpace(model)
        own = self.space.params(model)
        self.device = torch.device(device) if device is not None else own.device
        self.params = own.to(self.device)
        self.batches: list[Batch] = [moved(batch, self.device) for batch in batches]
        if not self.batches:
            raise ValueError("an objective needs at least one batch; there is none")
        self.weights = dict(weights) if weights is not None else None
        self.dropout = dropout
        # Masks drawn for several points at once would not be those of one point.
        self.vmap = dropout is None and (self.device.type == "cuda" if vmap is None else vmap)
        self.points_at_once = POINTS_AT_ONCE if self.vmap else 1
        self._falls_back = vmap is None
        self._call = LossModule(model, loss)
        taken = set(self.space.names)
        self._rest = {  # what the model needs beside θ
            f"model.{name}": tensor.detach().to(self.device)
            for name, tensor in model.named_parameters()
            if name not in taken
        } | {  # copies: a batch norm that trains on would change the loss, and torch does not notice that it writes
            f"model.{name}": tensor.detach().to(self.device, copy=True)
            for name, tensor in model.named_buffers()
            if name not in taken
        }
        self._parts: tuple[str, ...] = ()
        self._counts: Tensor | None = None  # (batches, P) float64, once they have been found

    @property
    def loss(self) -> LossFn[Batch]:
        """The loss function."""
        return self._call.loss

    # --- values

    def value(self, params: Tensor | None = None, *, differentiable: bool = False) -> float:
        """The loss at ``params`` (n,), by default at θ₀.

        ``differentiable`` computes it as ``hvp`` does (unfused attention, with a graph of the computation): the same
        up to rounding, or two paths do not compute one loss.
        """
        return float(self._combined(self._sums(params, differentiable=differentiable).sum(0)))

    def parts(self, params: Tensor | None = None) -> dict[str, float]:
        """The parts' own means (Σ sums) / (Σ counts) by name, without their weights."""
        means = self._sums(params).sum(0) / self.counts.sum(0)
        return dict(zip(self._parts, means.tolist(), strict=True))

    def by_batch(self, params: Tensor | None = None) -> BatchTerms:
        """Sums and numbers of terms by batch and part, from which the loss and its error follow."""
        sums = self._sums(params)
        return BatchTerms(self._parts, sums.cpu().numpy(), self.counts.cpu().numpy())

    def standard_error(self, params: Tensor | None = None, population: float | None = None) -> float:
        """The jackknife error of the loss as an estimate for a larger set, of which the batches are random groups.

        Args:
            params: (n,), by default θ₀.
            population: The size of that larger set *in batches*: 20 batches from data that would fill 80 have the
                finite-population correction 1 - 20/80, and all 80 have no error. None: without limit.

        Raises:
            ValueError: The population is smaller than the sample.
        """
        _, sums, counts = self.by_batch(params)
        return jackknife_error(sums, counts, np.array(self._part_weights), population)

    @property
    def counts(self) -> Tensor:
        """Numbers of terms (batches, P), float64; found in one pass over the batches, and kept."""
        if self._counts is None:
            self._sums(None)
        assert self._counts is not None
        return self._counts

    # --- points of a plane

    def along(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None) -> Floats:
        """The loss at θ₀ + C·D, each point computed afresh from θ₀.

        Args:
            directions: D (m, n).
            coefficients: C (k, m), one point a row.
            params: Another θ₀ (n,).

        Returns:
            (k,) float64.
        """
        return self._combined(self._along(directions, coefficients, params)).cpu().numpy()

    def along_parts(
        self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None
    ) -> tuple[Floats, dict[str, Floats]]:
        """The loss (k,), as ``along`` has it, and from the same passes the parts' means (k,), as ``parts`` has them."""
        totals = self._along(directions, coefficients, params)
        means = (totals / self.counts.sum(0)).T.cpu().numpy()  # (P, k)
        return self._combined(totals).cpu().numpy(), dict(zip(self._parts, means, strict=True))

    def point(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None) -> Tensor:
        """The parameters (n,) at one point θ₀ + c·D, for c (m,) and D (m, n)."""
        return torch.addmv(self._checked(params), directions.T, self._coefficients(coefficients))

    def _along(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None) -> Tensor:
        """Sums over all batches (k, P) at points of a plane, as many at once as fit into the memory."""
        start, points = self._checked(params), self._coefficients(coefficients)
        totals: list[Tensor] = []
        done = 0
        while done < len(points):
            chunk = points[done : done + self.points_at_once]
            try:
                totals.append(self._at_once(start, directions, chunk))
            except torch.cuda.OutOfMemoryError:
                if self.points_at_once == 1:
                    raise
                self.points_at_once //= 2
                torch.cuda.empty_cache()
                continue
            done += len(chunk)
        return torch.cat(totals) if totals else torch.zeros_like(self.counts[:0])

    def _at_once(self, start: Tensor, directions: Tensor, points: Tensor) -> Tensor:
        if self.vmap and len(points) > 1:
            try:
                return self._vmapped(torch.addmm(start, points, directions))
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as problem:
                if not self._falls_back:
                    raise
                warnings.warn(f"vmap does not take this loss, points are evaluated one by one: {problem}", stacklevel=4)
                self.vmap = False
        thetas = (torch.addmv(start, directions.T, point) for point in points)
        return torch.stack([self._sums(theta).sum(0) for theta in thetas])

    def _vmapped(self, thetas: Tensor) -> Tensor:
        """Sums over all batches (k, P) at points (k, n): batches outside, points inside."""
        totals = torch.zeros(len(thetas), self.counts.shape[1], dtype=torch.float64, device=self.device)
        with self._mode(), torch.no_grad():
            for batch in self.batches:
                totals += func.vmap(lambda theta, batch=batch: torch.stack(self._terms(theta, batch)[0]))(thetas)
        return totals

    def _coefficients(self, coefficients: Tensor | Floats) -> Tensor:
        return torch.as_tensor(coefficients, dtype=self.params.dtype, device=self.device)

    # --- derivatives

    def gradient(self, params: Tensor | None = None) -> Tensor:
        """∇L (n,) at ``params``, by default at θ₀; zero where coordinates take no part."""
        return self.value_and_gradient(params)[1]

    def value_and_gradient(self, params: Tensor | None = None) -> tuple[float, Tensor]:
        """The loss and its gradient (n,) from the same passes."""
        scales, theta = self._scales, self._leaf(params)
        gradient = torch.zeros_like(theta)
        total = torch.zeros_like(self.counts[0])  # (P,)
        with self._mode(), torch.enable_grad():
            for index, batch in enumerate(self.batches):
                sums, _ = self._terms(theta, batch, index)
                total += torch.stack([term.detach() for term in sums])
                gradient += derivative(_weighted(sums, scales), theta)
        return float(self._combined(total)), self.space.project(gradient)

    def hvp(self, vector: Tensor, params: Tensor | None = None) -> Tensor:
        """∇²L · v at ``params``, by default at θ₀, restricted to the coordinates that take part.

        For many products at one point a ``HessianOperator`` is faster: it keeps what they have in common.

        Args:
            vector: v (n,), or several as (m, n), which share the first differentiation.
            params: (n,).

        Returns:
            The shape of ``vector``.
        """
        return self._hessian_products(vector, self._graphs(params))

    def _hessian_products(self, vector: Tensor, graphs: Graphs) -> Tensor:
        scales, theta = self._scales, graphs.theta
        vectors = self.space.project(vector.detach()).reshape(-1, self.space.size)  # (m, n)
        products = torch.zeros_like(vectors)

        def gradient_graph(index: int) -> Graph:
            loss = _weighted(self._terms(theta, self.batches[index], index)[0], scales)
            return Graph(edge(derivative(loss, theta, create_graph=True)))

        # Fused attention has no second derivative.
        with self._mode(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            for index in range(len(self.batches)):
                kept = graphs.kept(index, partial(gradient_graph, index))
                graph = kept or gradient_graph(index)
                for row, v in enumerate(vectors):
                    again = kept is not None or row + 1 < len(vectors)
                    products[row] += derivative(graph.derivative, theta, v, retain_graph=again)
        return self.space.project(products).reshape(vector.shape)

    def _graphs(self, params: Tensor | None, limit: int = 0) -> Graphs:
        """Graphs at a point, of which up to ``limit`` bytes are kept."""
        # A copy: graphs that are kept would not follow when the caller's vector is changed in place.
        theta = self._checked(params).clone().requires_grad_()
        return Graphs(theta, limit, owned=self._rest.values())

    # --- one pass

    def _sums(self, params: Tensor | None, *, differentiable: bool = False) -> Tensor:
        """Sums of terms (batches, P), float64, on the device: nothing here waits for the device."""
        theta = self._leaf(params) if differentiable else self._checked(params)
        sums: list[Tensor] = []
        counts: list[list[Number]] = []
        with self._mode(), torch.set_grad_enabled(differentiable), _unfused(differentiable):
            for index, batch in enumerate(self.batches):
                terms, numbers = self._terms(theta, batch, index)
                sums.append(torch.stack([term.detach() for term in terms]).double())
                counts.append(numbers)
        if self._counts is None:
            self._counts = self._checked_counts(counts)
        return torch.stack(sums)

    def _terms(self, theta: Tensor, batch: Batch, index: int = 0) -> tuple[list[Tensor], list[Number]]:
        """One batch's sums and numbers of terms, by part, in the order in which the first batch has them."""
        terms = named_terms(self._called(self._call, theta, batch, index))
        self._parts = self._parts or tuple(terms)
        if set(terms) != set(self._parts):
            raise ValueError(
                f"the loss has the parts {[*terms]} in one batch, {[*self._parts]} in another; return all in each"
            )
        return [terms[part][0] for part in self._parts], [terms[part][1] for part in self._parts]

    def _called(self, call: nn.Module, theta: Tensor, batch: Batch, index: int = 0) -> Any:
        """What ``call``, a module around this model, returns for a batch at θ, with this objective's masks."""
        tensors = {f"model.{name}": view for name, view in self.space.views(theta).items()}
        if self.dropout is None:
            return func.functional_call(call, tensors | self._rest, (batch,))
        rest = {name: tensor.clone() for name, tensor in self._rest.items()}  # a training batch norm writes to it
        with (
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            _unfused(True),  # each kernel draws its own masks: all paths have to take the same
        ):
            torch.manual_seed(self.dropout + index)
            return func.functional_call(call, tensors | rest, (batch,))

    @contextmanager
    def _mode(self) -> Iterator[None]:
        """Evaluation mode, or training mode with dropout; each module has its own mode back afterwards."""
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.train(self.dropout is not None)
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def _checked(self, params: Tensor | None) -> Tensor:
        if params is None:
            return self.params
        if params.shape != self.params.shape:
            raise ValueError(f"params has shape {tuple(params.shape)}; this objective needs ({self.space.size},)")
        return params.detach().to(self.params)

    def _leaf(self, params: Tensor | None) -> Tensor:
        return self._checked(params).detach().requires_grad_()

    def _checked_counts(self, counts: list[list[Number]]) -> Tensor:
        found = torch.tensor([[float(number) for number in row] for row in counts], dtype=torch.float64)
        for part, number in zip(self._parts, found.sum(0).tolist(), strict=True):
            if not number > 0:
                raise ValueError(f"the loss's part {part!r} has {number:g} terms in all batches; its mean is undefined")
        return found.to(self.device)

    @cached_property
    def _part_weights(self) -> list[float]:
        """The weight w_p of each part."""
        _ = self.counts  # makes the parts known
        if self.weights is None:
            return [1.0] * len(self._parts)
        if set(self.weights) != set(self._parts):
            raise ValueError(f"weights are for the parts {[*self.weights]}; the loss has {[*self._parts]}")
        return [float(self.weights[part]) for part in self._parts]

    @cached_property
    def _scales(self) -> list[float]:
        """By part, what a sum of terms contributes to the loss: w_p / Σ counts."""
        return [weight / count for weight, count in zip(self._part_weights, self.counts.sum(0).tolist(), strict=True)]

    def _combined(self, totals: Tensor) -> Tensor:
        """The losses (…) from sums over all batches (…, P)."""
        means = totals / self.counts.sum(0)
        weights = torch.tensor(self._part_weights, dtype=torch.float64, device=self.device)
        return torch.where(weights != 0, weights * means, 0).sum(-1)  # a part left out may be infinite


def repeat_difference(objective: Objective[Any], value: float, params: Tensor | None = None) -> float:
    """How far a second evaluation of the loss, at θ₀ or ``params``, is from ``value``; NaN if one is not finite.

    On GPUs, sums in varying order leave a difference far below the loss.

    Raises:
        ValueError: They differ by more: the loss is no function of the parameters.
    """
    again = objective.value(params)
    if abs(again - value) > REPEATABLE * max(abs(again), abs(value)):
        raise ValueError(
            f"two evaluations at the same point give {value:.6g} and {again:.6g}: the loss draws random numbers; "
            "draw them once and keep them in the batches"
        )
    return abs(again - value)


def path_difference(objective: Objective[Any], value: float) -> float:
    """How far the loss that is differentiated is from ``value``, the one that is evaluated, at θ₀.

    Warns when that is more than rounding: curvature and surface would then be those of two functions.
    """
    differentiated = objective.value(differentiable=True)
    if abs(differentiated - value) > REPEATABLE * max(abs(differentiated), abs(value)):
        warnings.warn(f"the loss is {value:.6g} evaluated and {differentiated:.6g} differentiated", stacklevel=2)
    return abs(differentiated - value)


def _weighted(sums: list[Tensor], scales: list[float]) -> Tensor:
    """What one batch adds to the loss. A part of weight zero is left out, since it may be infinite."""
    terms = [term * scale for term, scale in zip(sums, scales, strict=True) if scale != 0]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def _unfused(active: bool) -> Any:
    """Attention written out, where ``active``: fused kernels have no second derivative and their own dropout."""
    return sdpa_kernel(SDPBackend.MATH) if active else nullcontext()
