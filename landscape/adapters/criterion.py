"""A criterion of torch, such as ``F.cross_entropy``: its terms, and the number by which its mean divides their sum."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landscape.objectives.batches import to_device
from landscape.objectives.loss_terms import Number, describe_value

OF_TORCH = (F.__name__, "torch._C._nn", nn.modules.loss.__name__)  # modules whose criteria are known
OWN_MEAN = 1e-3  # by how much of the terms' size a criterion's own mean may differ


class Criterion:
    """The terms of a criterion, and their number: its mean over data is Σ terms / Σ numbers over any of its batches.

    The number is that of the terms, with three exceptions that PyTorch makes: targets of cross-entropy that are
    ``ignore_index`` do not count, class weights count instead of the targets, and ``batchmean`` divides by the number
    of examples. Criteria that are not torch's are compared with their own mean whenever values are computed.

    Args:
        criterion: A function of (outputs, targets, reduction), also as a ``functools.partial``, or a module with an
            attribute ``reduction``, of which a copy is made. Its tensors follow the outputs' device and dtype.

    Raises:
        ValueError: It has no ``reduction``.
    """

    def __init__(self, criterion: Callable[..., Any]) -> None:
        self.name = _name(criterion)
        _check_reduction(criterion, self.name)
        self._of_torch = _of_torch(criterion)
        self._call: Callable[..., Any]
        self._options: dict[str, Any]
        if isinstance(criterion, nn.Module):
            self._call = copy.deepcopy(criterion)
            self._options = {name: getattr(criterion, name, None) for name in ("weight", "ignore_index", "reduction")}
            classes = isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss))
        else:
            function, self._options = _unbound(criterion)
            self._call = function
            classes = function in (F.cross_entropy, F.nll_loss)
        self._classes = classes  # whether integer targets are classes, with weights and an index that is ignored
        self._by_batch = self._options.get("reduction") == "batchmean"

    def terms(self, outputs: Any, targets: Any) -> Tensor:
        """Return the terms, of any shape whose first dimension is that of the examples.

        Raises:
            ValueError: They are none, or outputs and targets of different shapes were broadcast.
        """
        terms = self._reduced(outputs, targets, "none")
        shapes = f"outputs {describe_value(outputs)} and targets {describe_value(targets)}"
        if not isinstance(terms, Tensor):
            raise ValueError(f"{self.name} must return a tensor; it returned {describe_value(terms)}")
        sizes = [each.numel() for each in (outputs, targets) if isinstance(each, Tensor)]
        if self._of_torch and sizes and terms.numel() > min(sizes):
            raise ValueError(
                f"{self.name} would broadcast {shapes} to {tuple(terms.shape)} terms; give them one shape, such as by "
                "supervised(..., outputs=lambda z: z.squeeze(-1))"
            )
        # Cross-entropy with probabilities for a single example has one term.
        several = isinstance(targets, Tensor) and targets.ndim > int(self._classes and targets.is_floating_point())
        if terms.ndim == 0 and several:
            raise ValueError(f"{self.name} reduces {shapes} to one number in spite of reduction='none'")
        return terms

    def number(self, terms: Tensor, outputs: Any, targets: Any) -> Number:
        """Return the number by which the mean divides the sum of these terms.

        Raises:
            ValueError: The criterion's own mean is another.
        """
        number: Number = len(terms) if self._by_batch else terms.numel()
        if self._classes and isinstance(targets, Tensor) and not targets.is_floating_point():
            number = self._number_of_targets(outputs, targets)
        if not self._of_torch and not torch.is_grad_enabled():
            self._check_mean(terms, number, outputs, targets)
        return number

    def _reduced(self, outputs: Any, targets: Any, reduction: str) -> Any:
        """Call the criterion; what it raises says as well with what it was called."""
        like = next((each for each in _tensors(outputs) if each.is_floating_point()), None)
        try:
            if isinstance(self._call, nn.Module):
                module = self._call if like is None else self._call.to(like.device, like.dtype)
                module.reduction = reduction  # type: ignore[assignment]
                return module(outputs, targets)
            options = {name: _moved(value, like) for name, value in self._options.items()}
            return self._call(outputs, targets, **(options | {"reduction": reduction}))
        except Exception as problem:
            problem.add_note(
                f"{self.name} was called with outputs {describe_value(outputs)} and targets {describe_value(targets)}; "
                "supervised's arguments inputs=, targets= and outputs= say what it gets"
            )
            raise

    def _number_of_targets(self, outputs: Any, targets: Tensor) -> Tensor:
        ignored: int = self._options.get("ignore_index", -100)
        counted = targets.ne(ignored)
        weight = self._options.get("weight")
        if weight is None:
            return counted.sum()
        weights: Tensor = _moved(weight, outputs)
        return (weights[targets.where(counted, 0)] * counted).sum()

    def _check_mean(self, terms: Tensor, number: Number, outputs: Any, targets: Any) -> None:
        mean = self._reduced(outputs, targets, "batchmean" if self._by_batch else "mean")
        if not isinstance(mean, Tensor) or mean.ndim > 0:
            return  # it has no mean of its own
        try:
            own, total, size = float(mean) * float(number), float(terms.sum()), float(terms.abs().sum())
        except RuntimeError:  # several points at once, in torch.func.vmap: one by one they were compared before
            return
        if math.isfinite(own - total) and abs(own - total) > OWN_MEAN * size:
            raise ValueError(
                f"the mean of {self.name} is {float(mean):.6g}, where its {float(number):g} terms have the mean "
                f"{total / float(number):.6g}: say what counts as a term with CompositeLoss(outputs, outer), where "
                "outer(z, batch) returns (sum, count)"
            )


def at_least_float32(value: Any) -> Any:
    """Return a tensor, or a tuple of tensors, with half precision widened: sums of many terms need it."""
    if isinstance(value, tuple):
        entries = [at_least_float32(each) for each in value]
        return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)
    return value.float() if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16) else value


def sums_by_example(terms: Tensor) -> Tensor:
    """Return the sums (S,) of terms (S, …) over all dimensions but the first; a single term is one example."""
    return terms.flatten(1).sum(1) if terms.ndim > 1 else terms.reshape(-1)


def _name(criterion: Any) -> str:
    while isinstance(criterion, partial):
        criterion = criterion.func
    return str(getattr(criterion, "__name__", type(criterion).__name__))


def _of_torch(criterion: Any) -> bool:
    while isinstance(criterion, partial):
        criterion = criterion.func
    where = type(criterion).__module__ if isinstance(criterion, nn.Module) else getattr(criterion, "__module__", None)
    return where in OF_TORCH


def _check_reduction(criterion: Any, name: str) -> None:
    if isinstance(criterion, type):
        raise ValueError(f"supervised takes a criterion, not its class: write supervised({name}())")
    if not callable(criterion):
        raise ValueError(f"supervised takes a function of outputs and targets, not {criterion!r}")
    if isinstance(criterion, nn.Module):
        known = hasattr(criterion, "reduction")
    else:
        parameters = inspect.signature(criterion).parameters
        known = "reduction" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    if not known:
        raise ValueError(
            f"{name} has no argument reduction, so that neither its terms nor their number are known. If it returns a "
            f"term for each example, write supervised(lambda z, y, reduction: {name}(z, y)); otherwise "
            "CompositeLoss(outputs=lambda model, batch: model(batch[0]), outer=lambda z, batch: (sum, count))"
        )


def _unbound(criterion: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a function without the keywords that a ``partial`` binds, and these."""
    if isinstance(criterion, partial) and not criterion.args:
        return criterion.func, dict(criterion.keywords)
    return criterion, {}


def _moved(value: Any, like: Tensor | None) -> Any:
    """Return an option of a criterion on the device, and in the dtype, of the outputs."""
    if not isinstance(value, Tensor) or like is None:
        return value
    moved = to_device(value, like.device)
    return moved.to(like.dtype) if value.is_floating_point() else moved


def _tensors(value: Any) -> tuple[Tensor, ...]:
    entries = value if isinstance(value, tuple) else (value,)
    return tuple(each for each in entries if isinstance(each, Tensor))
