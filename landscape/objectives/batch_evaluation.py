"""One pass over fixed batches, with other parameters in place of the model's own.

``Objective`` is built on it, and so are blocks and curvature operators: what these need beside the public interface
of an objective are the methods below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any, Generic

import torch
from torch import Tensor, func, nn
from torch.distributed import ProcessGroup
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.loss import _Loss

from landscape.objectives.autograd import pullback
from landscape.objectives.batches import to_device
from landscape.objectives.function_check import check_function, written
from landscape.objectives.loss_terms import Batch, LossFn, ModelFunction, Number, describe_value, named_terms
from landscape.parameters.parameter_space import ParamSpace, padding_rows
from landscape.parameters.replacements import replaced, replacements
from landscape.parameters.wrappers import refuse_sharded, unwrapped
from landscape.processes import Processes, refuse_slices

POINTS_AT_ONCE = 16  # of a plane, on a GPU; halved whenever they do not fit into its memory


class BatchEvaluation(Generic[Batch]):
    """Sums and numbers of a loss's terms in each batch, as functions of one flat vector θ.

    Arguments are those of ``Objective``. The attributes and methods beside the arguments are for operators and
    blocks; they may change between versions.

    Attributes:
        params: θ₀ (n,).
        fixed: What the model needs beside θ: its other parameters and its buffers, by name below ``model.``.
        vmap: Whether several points of a plane are evaluated in one pass.
        points_at_once: How many.
        processes: Those that share out the batches.
        rounds: The number of passes over single batches that a pass over all takes.
        falls_back: Whether a loss that ``vmap`` does not take is evaluated point by point instead.
    """

    takes_slices = False  # whether the model is one of ``fully_shard``

    def __init__(
        self,
        model: nn.Module,
        loss: LossFn[Batch],
        batches: Iterable[Batch],
        *,
        space: ParamSpace | None = None,
        weights: Mapping[str, float] | None = None,
        device: torch.device | str | None = None,
        training_mode_seed: int | None = None,
        vmap: bool | None = None,
        process_group: ProcessGroup | None = None,
    ) -> None:
        _refuse_criterion(loss)
        self.model = model = unwrapped(model)
        if not self.takes_slices:
            refuse_sharded(model, model.parameters())
            if space is not None:
                refuse_slices(space.processes, "an Objective")
        self.loss = loss
        self.space = space if space is not None else ParamSpace(model)
        own = self.space.params(model)
        self.device = torch.device(device) if device is not None else own.device
        self.params = own.to(self.device)
        self.batches: list[Batch] = [to_device(batch, self.device) for batch in batches]
        self._pair = isinstance(batches, tuple) and all(isinstance(batch, Tensor) for batch in batches)
        self.processes = Processes(process_group)
        if not self.batches and process_group is None:
            raise ValueError("an objective needs at least one batch; there is none")
        self.weights = dict(weights) if weights is not None else None
        self.training_mode_seed = _checked_seed(training_mode_seed)
        self.fixed = _fixed_tensors(model, self.space, self.device)
        # Masks drawn for several points at once would not be those of one point.
        self.vmap = training_mode_seed is None and (self.device.type == "cuda" if vmap is None else vmap)
        self.points_at_once = POINTS_AT_ONCE if self.vmap else 1
        self.falls_back = vmap is None
        self._loss_module = ModelFunction(model, loss)
        self._replacements = replacements(model, self.space)
        self._part_names: tuple[str, ...] = ()
        self._counts: Tensor | None = None
        self._without_gradient: str | None = None  # why; None before the loss was checked
        self._refusal = ""
        if space is None:
            self._include_moving_padding()

    @property
    def counts(self) -> Tensor:
        """Numbers of terms (batches, P) of this process, float64; computed in one pass over the batches, and kept."""
        if self._counts is None:
            self.sums(None)
        assert self._counts is not None
        return self._counts

    @cached_property
    def total_counts(self) -> Tensor:
        """Numbers of terms (P,) in all batches of all processes.

        Raises:
            ValueError: A part has none.
        """
        totals = self.processes.summed(self.counts.sum(0))
        for part, number in zip(self._part_names, totals.tolist(), strict=True):
            if not 0 < number < math.inf:
                raise ValueError(f"the loss's part {part!r} has {number:g} terms in all batches; its mean is undefined")
        return totals

    def totals(self, params: Tensor | None, *, differentiable: bool = False) -> Tensor:
        """Return the sums of terms (P,) over all batches of all processes."""
        return self.processes.summed(self.sums(params, differentiable=differentiable).sum(0))

    def require_gradient(self) -> None:
        """Check the loss, if it was not checked before.

        Raises:
            ValueError: It is not a function of the parameters and the batches (``check_function``), or has no gradient.
        """
        self._check()
        if self._without_gradient:
            raise ValueError(self._without_gradient)

    def _check(self) -> None:
        """Check the loss once; a loss that was refused stays refused, since it may have changed what it is made of."""
        if self._refusal:
            raise ValueError(self._refusal)
        if self._without_gradient is not None:
            return
        self._require_same_point()
        try:
            found = self._examine()
        except ValueError as problem:
            self._refusal = str(problem)
            raise
        self._without_gradient = max(self.processes.gathered(found), key=len)
        names = [names for names in self.processes.gathered(self._part_names) if names]
        if any(set(other) != set(names[0]) for other in names):
            raise ValueError(f"the loss has the parts {[*names[0]]} in one process, {[*names[-1]]} in another")
        self._part_names = names[0]

    def _require_same_point(self) -> None:
        self.processes.require_equal(self.params, "the parameters")

    def _examine(self) -> str:
        """Check that the loss is a function; return why it has no gradient, or an empty text."""
        return self.processes.all_or_none(lambda: check_function(self) if self.batches else "")

    def _include_moving_padding(self) -> None:
        """Make rows of padding active that have a gradient on the first batch, as with scores from the table itself."""
        rows = padding_rows(self.model)
        if not rows:
            return
        leaf = self.leaf(None)
        try:
            with self.mode(), torch.enable_grad():
                gradient = pullback([torch.stack(self.terms(leaf, 0)[0]).sum()], [leaf])[0]
        except Exception:  # whatever is wrong with the loss is said where it is used
            return
        views = self.space.views(gradient)
        still = {
            name: [row for row in indices if not views[name][row].any()]
            for name, indices in rows.items()
            if name in views
        }
        if still != {name: rows[name] for name in still}:
            self.space = ParamSpace(self.model, exclude_rows=still, exclude_padding=False)
            self._replacements = replacements(self.model, self.space)

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of the P parts, in the order in which the first batch has them."""
        _ = self.counts
        return self._part_names

    @cached_property
    def part_weights(self) -> list[float]:
        """The weight w_p of each part.

        Raises:
            ValueError: The weights are for other parts than the loss has.
        """
        names = self.part_names
        if self.weights is None:
            return [1.0] * len(names)
        if set(self.weights) != set(names):
            raise ValueError(f"weights are for the parts {[*self.weights]}; the loss has {[*names]}")
        return [float(self.weights[part]) for part in names]

    @cached_property
    def scales(self) -> list[float]:
        """The factor w_p / N_p by which a sum of terms of each part enters the loss, with N_p = Σ_b count_pb."""
        return [weight / count for weight, count in zip(self.part_weights, self.total_counts.tolist(), strict=True)]

    def combine(self, totals: Tensor) -> Tensor:
        """Return the losses (…) from sums over all batches (…, P)."""
        means = totals / self.total_counts
        weights = torch.tensor(self.part_weights, dtype=torch.float64, device=self.device)
        return torch.where(weights != 0, weights * means, 0).sum(-1)  # a part left out may be infinite

    def sums(self, params: Tensor | None, *, differentiable: bool = False) -> Tensor:
        """Return the sums of terms (batches, P) of this process, float64, on the device, without waiting for it."""
        self._check()
        theta = self.leaf(params) if differentiable else self.checked(params)
        own = len(self.batches)
        version, parts = theta._version, len(self._part_names)
        sums: list[Tensor] = []
        counts: list[list[Number]] = []
        with self.mode(), torch.set_grad_enabled(differentiable), unfused_attention(differentiable):
            for index in range(self.rounds):
                terms, numbers = self.terms(theta, index)
                if index < own:
                    sums.append(torch.stack([term.detach() for term in terms]).double())
                    counts.append(numbers)
        if theta._version != version:
            self._refusal = written(["a parameter"])
            raise ValueError(self._refusal)
        if self._counts is None:
            table = [[float(number) for number in row] for row in counts]
            self._counts = torch.tensor(table, dtype=torch.float64, device=self.device).reshape(-1, parts)
        return torch.stack(sums) if sums else torch.zeros(0, parts, dtype=torch.float64, device=self.device)

    @property
    def rounds(self) -> int:
        """The number of passes over single batches that a pass over all takes."""
        return len(self.batches)

    def batch(self, index: int) -> Batch:
        """Return what the loss gets in a round."""
        return self.batches[index]

    def terms(self, theta: Tensor, index: int) -> tuple[list[Tensor], list[Number]]:
        """Return one batch's sums () and numbers of terms, by part.

        Raises:
            ValueError: The batch has other parts than the first one.
        """
        try:
            terms = named_terms(self.evaluate(self._loss_module, theta, index))
        except Exception as problem:
            batch = describe_value(self.batch(index))
            if self._pair:
                raise ValueError(
                    f"the loss fails on batch {index}, {batch}: {problem}. `batches` is a list of batches; for one "
                    "batch (inputs, targets) write [(inputs, targets)]"
                ) from problem
            problem.add_note(f"while the loss was called with batch {index}: {batch}")
            raise
        self._part_names = self._part_names or tuple(terms)
        if set(terms) != set(self._part_names):
            raise ValueError(
                f"the loss has the parts {[*terms]} in one batch, {[*self._part_names]} in another; return all in each"
            )
        return [terms[part][0] for part in self._part_names], [terms[part][1] for part in self._part_names]

    def evaluate(self, function: nn.Module, theta: Tensor, index: int) -> Any:
        """Return what a ``ModelFunction`` of this model returns for a batch at θ, with this objective's masks."""
        batch = self.batch(index)
        tensors = {f"model.{name}": view for name, view in self.space.tensors(theta).items()}
        if self.training_mode_seed is None:
            return func.functional_call(function, tensors | self.fixed, (batch,))
        fixed = {name: tensor.clone() for name, tensor in self.fixed.items()}  # a training batch norm writes to it
        with (
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            unfused_attention(True),  # each kernel draws its own masks: all paths have to use the same
        ):
            torch.manual_seed(self.training_mode_seed + index)
            return func.functional_call(function, tensors | fixed, (batch,))

    def writable(self, theta: Tensor) -> dict[str, Tensor]:
        """Return the tensors that the loss could write to, by name: θ's views, and what the model needs beside them."""
        # In training mode a copy is written to, as batch norms do.
        return {**self.space.views(theta), **(self.fixed if self.training_mode_seed is None else {})}

    @contextmanager
    def mode(self) -> Iterator[None]:
        """Put the model into this objective's mode; each module gets its own mode back afterwards."""
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.train(self.training_mode_seed is not None)
        try:
            with replaced(self._replacements):
                yield
        finally:
            for module, mode in modes:
                module.training = mode

    def checked(self, params: Tensor | None) -> Tensor:
        """Return the point (n,) in the dtype and on the device of θ₀, by default θ₀ itself.

        Raises:
            ValueError: It has another length.
        """
        if params is None:
            return self.params
        if params.shape != self.params.shape:
            raise ValueError(f"params has shape {tuple(params.shape)}; this objective needs ({self.space.size},)")
        return params.detach().to(self.params)

    def leaf(self, params: Tensor | None) -> Tensor:
        """Return the point (n,) as a tensor to differentiate by."""
        return self.checked(params).detach().requires_grad_()


def _refuse_criterion(loss: Any) -> None:
    """Refuse a function of outputs and targets in the place of a function of a model and a batch."""
    while isinstance(loss, partial):
        loss = loss.func
    if isinstance(loss, _Loss) or getattr(loss, "__module__", None) in (functional.__name__, "torch._C._nn"):
        name = getattr(loss, "__name__", type(loss).__name__)
        raise TypeError(
            f"{name} takes outputs and targets, where the loss of an objective takes the model and a batch; write "
            f"Objective(model, landscape.supervised(...), batches) with {name} in it, for batches (inputs, targets)"
        )


def _checked_seed(seed: int | None) -> int | None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise TypeError(
            f"training_mode_seed={seed!r} must be an int, the seed of the masks in training mode, or None for "
            "evaluation mode; it is neither a switch nor a dropout rate"
        )
    return seed


def _fixed_tensors(model: nn.Module, space: ParamSpace, device: torch.device) -> dict[str, Tensor]:
    """Return what the model needs beside θ, by name below ``model.``.

    Copies: training that goes on would change the loss, and torch does not notice what a batch norm writes.
    """
    names = set(space.names)
    return {
        f"model.{name}": tensor.detach().to(device, copy=True)
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if name not in names
    }


def unfused_attention(active: bool) -> Any:
    """Return a context with attention written out: fused kernels have no second derivative and their own dropout."""
    return sdpa_kernel(SDPBackend.MATH) if active else nullcontext()
