"""A criterion of torch over batches of inputs and targets as the loss of an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from landscape.adapters.criterion import Criterion, at_least_float32, sums_by_example
from landscape.objectives.composite_loss import CompositeLoss
from landscape.objectives.loss_terms import Terms, describe_value

Choice = Callable[[Any], Any] | str | int  # of a part of a batch: a function of the batch, or a key


def supervised(
    criterion: Callable[..., Any],
    *,
    inputs: Choice | None = None,
    targets: Choice | None = None,
    outputs: Callable[[Any], Any] | None = None,
) -> CompositeLoss[Any]:
    """Return the mean of a criterion over all data as a loss for ``Objective``, Gauss-Newton and Fisher matrices.

    The objective is what the criterion returns with ``reduction="mean"`` for all data at once, whatever its own
    reduction and however the data are split into batches: targets that are ``ignore_index`` do not count, and class
    weights divide as in torch. Gauss-Newton matrices are split at the model's outputs, and the groups of a Fisher
    matrix are the examples, the first dimension of the terms.

    >>> import torch
    >>> from landscape.objectives.objective import Objective
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.ones_(model.weight)
    >>> batches = [(torch.ones(1, 1), torch.zeros(1, 1)), (torch.ones(3, 1), torch.ones(3, 1))]
    >>> Objective(model, supervised(torch.nn.functional.mse_loss), batches).value()
    0.25

    Args:
        criterion: A function of (outputs, targets) with an argument ``reduction``, such as ``F.cross_entropy`` or
            ``functools.partial(F.cross_entropy, label_smoothing=0.1)``, or a module, such as
            ``nn.BCEWithLogitsLoss()``, of which a copy is made. A criterion of your own whose mean is not that of its
            terms is refused.
        inputs: Where they are in a batch: a key, or a function of the batch. By default batches are (inputs, targets).
            A tuple or list is several arguments of the model, a mapping its keyword arguments.
        targets: The same for the targets.
        outputs: ``outputs(result) -> z``, from what the model returns to what the criterion takes, a tensor or a tuple
            of tensors: ``lambda result: result[0]``, ``lambda z: z.squeeze(-1)``. By default the model returns a
            tensor, or an object with the attribute ``logits``.

    Raises:
        ValueError: The criterion has no ``reduction``. While evaluating: a batch or the model's result has another
            form, the criterion would broadcast outputs and targets, or its own mean is not that of its terms.
    """
    measured = Criterion(criterion)

    def network(model: Any, batch: Any) -> Any:
        return _outputs(_called(model, _chosen(batch, inputs, 0)), outputs)

    def terms(z: Any, batch: Any) -> tuple[Tensor, Any, Any]:
        z, expected = at_least_float32(z), _chosen(batch, targets, 1)
        return measured.terms(z, expected), z, expected

    def outer(z: Any, batch: Any) -> Terms:
        found, z, expected = terms(z, batch)
        return found.sum(), measured.number(found, z, expected)

    return CompositeLoss(network, outer, by_example=lambda z, batch: sums_by_example(terms(z, batch)[0]))


def _chosen(batch: Any, choice: Choice | None, index: int) -> Any:
    """Return a batch's inputs (index 0) or targets (1)."""
    if callable(choice):
        return choice(batch)
    if choice is not None:
        return batch[choice]
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[index]
    form = describe_value(tuple(batch) if isinstance(batch, list) else batch)
    raise ValueError(
        f"a batch must be (inputs, targets), and `batches` a list of such pairs; it is {_keys(batch) or form}: say "
        "where they are with supervised(criterion, inputs=lambda batch: ..., targets=lambda batch: ...)"
    )


def _keys(batch: Any) -> str:
    return f"a mapping with the keys {', '.join(map(repr, batch))}" if isinstance(batch, Mapping) else ""


def _called(model: Any, inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


def _outputs(result: Any, choose: Callable[[Any], Any] | None) -> Any:
    """Return what the criterion takes of a model's result."""
    if choose is not None:
        return choose(result)
    logits = getattr(result, "logits", result)
    if not isinstance(logits, Tensor):
        form = _keys(result) or describe_value(result)
        raise ValueError(
            f"the model must return a tensor, or an object with logits; it returned {form}: "
            "say which is meant with supervised(criterion, outputs=lambda result: ...), such as result[0]"
        )
    return logits
