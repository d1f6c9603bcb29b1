"""The loss of a model of the Transformers library, over batches with labels, as the loss of an objective."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from landscape.adapters.criterion import at_least_float32, sums_by_example
from landscape.adapters.label_losses import BY_PROBLEM_TYPE, LabelLoss, NextTokens, Tokens
from landscape.objectives.composite_loss import CompositeLoss
from landscape.objectives.loss_terms import Terms, describe_value

CLASSIFICATION = "classification"
TASKS: dict[str, type[LabelLoss] | None] = {
    "causal-lm": NextTokens,
    "masked-lm": Tokens,
    "seq2seq-lm": Tokens,
    "token-classification": Tokens,
    CLASSIFICATION: None,  # by the problem type
}
TASK_OF_CLASS = {  # by how the names of the classes end
    "ForCausalLM": "causal-lm",
    "LMHeadModel": "causal-lm",
    "ForMaskedLM": "masked-lm",
    "ForTokenClassification": "token-classification",
    "ForSequenceClassification": CLASSIFICATION,
    "ForImageClassification": CLASSIFICATION,
    "ForVideoClassification": CLASSIFICATION,
    "ForAudioClassification": CLASSIFICATION,
    "ForMultipleChoice": CLASSIFICATION,
    "ForNextSentencePrediction": CLASSIFICATION,
    "ForConditionalGeneration": "causal-lm",  # or seq2seq-lm, by the configuration
}
OWN_LOSS, IN_HALF_PRECISION = 1e-4, 1e-2  # by what share the model's own loss may differ


def huggingface(task: str | None = None) -> CompositeLoss[Any]:
    """Return the loss of a model of the Transformers library for ``Objective``, Gauss-Newton and Fisher matrices.

    Batches are what the model takes, with ``labels``: dicts or ``BatchEncoding``s, as a ``DataLoader`` or
    ``trainer.get_eval_dataloader()`` has them. The objective is the mean over all labels that are not -100, however
    the data are split into batches; the groups of a Fisher matrix are the rows. Labels of a causal model are shifted by
    one, and those of an encoder-decoder make its inputs. Once for each model, the result is compared with the model's
    own loss.

    >>> sorted(TASKS)
    ['causal-lm', 'classification', 'masked-lm', 'seq2seq-lm', 'token-classification']

    Args:
        task: One of ``TASKS``; by default by the model's class and configuration. A classification is of one label or
            of several, or a regression, by ``config.problem_type``; without it, as in Transformers, by the number of
            outputs and the type of the labels.

    Raises:
        ValueError: The task is none of these. While evaluating: it is not given, and not known for the model; a batch
            has no labels, or ones that do not fit the logits; the model's own loss is another.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    compared: WeakSet[nn.Module] = WeakSet()

    def outputs(model: Any, batch: Any) -> LabelLoss:
        labels = _labels(batch)
        known = task or _task(model)
        logits = _logits(model, _arguments(model, batch, known))
        kind = TASKS[known] or _of_problem_type(model, logits, labels)
        z = kind(logits)
        if model not in compared and not model.training:  # in training mode, dropout differs from call to call
            _compare(model, batch, _terms(z, labels), known)
            compared.add(model)
        return z

    def outer(z: Any, batch: Any) -> Terms:
        terms, number = _terms(z, _labels(batch))
        return terms.sum(), number

    return CompositeLoss(outputs, outer, by_example=lambda z, batch: sums_by_example(_terms(z, _labels(batch))[0]))


def _terms(z: LabelLoss, labels: Tensor) -> Terms:
    """Return the terms (B, …) and their number."""
    wide: LabelLoss = at_least_float32(z)
    return wide.terms(labels)


def _labels(batch: Any) -> Tensor:
    if isinstance(batch, Mapping) and isinstance(batch.get("labels"), Tensor):
        labels: Tensor = batch["labels"]
        return labels
    form = f"the keys {', '.join(map(repr, batch))}" if isinstance(batch, Mapping) else describe_value(batch)
    raise ValueError(
        f"a batch must be a dict with 'labels', where -100 is not counted; it has {form}. For a language model: "
        "batch['labels'] = batch['input_ids'].masked_fill(batch['attention_mask'] == 0, -100)"
    )


def _task(model: Any) -> str:
    inner = _inner(model)
    for name in (kind.__name__ for kind in (*type(model).__mro__, *type(inner).__mro__)):
        for end, task in TASK_OF_CLASS.items():
            if name.endswith(end):
                encodes = getattr(getattr(inner, "config", None), "is_encoder_decoder", False)
                return "seq2seq-lm" if end == "ForConditionalGeneration" and encodes else task
    raise ValueError(
        f"the loss of {type(inner).__name__} is not known from its class: write huggingface(task=...) with one of "
        f"{', '.join(TASKS)}, or a CompositeLoss"
    )


def _inner(model: Any) -> Any:
    """Return the model that an adapter of peft is built around."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _arguments(model: Any, batch: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return what the model is called with: the batch without labels, so that it computes no loss of its own."""
    inner = _inner(model)
    arguments = {name: value for name, value in batch.items() if name != "labels"}
    if "use_cache" in _parameters(inner):
        arguments["use_cache"] = False
    if task == "seq2seq-lm" and not {"decoder_input_ids", "decoder_inputs_embeds"} & set(arguments):
        shift = getattr(inner, "prepare_decoder_input_ids_from_labels", None)
        if shift is None:
            arguments["labels"] = batch["labels"]  # the model makes the decoder's inputs, and a loss that is not used
        else:
            arguments["decoder_input_ids"] = shift(labels=batch["labels"])
    return arguments


def _parameters(model: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model.forward).parameters


def _logits(model: Any, arguments: Mapping[str, Any]) -> Tensor:
    result = model(**arguments)
    logits = getattr(result, "logits", None)
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"{type(_inner(model)).__name__} must return an object with logits; it returned {describe_value(result)}. "
            "Models of Transformers do with config.return_dict = True"
        )
    return logits


def _of_problem_type(model: Any, logits: Tensor, labels: Tensor) -> type[LabelLoss]:
    """Return the kind of classification, chosen as in Transformers."""
    problem = getattr(getattr(_inner(model), "config", None), "problem_type", None)
    if problem is None:
        classes = not labels.is_floating_point()
        several = "single_label_classification" if classes else "multi_label_classification"
        problem = "regression" if logits.shape[-1] == 1 else several
    if problem not in BY_PROBLEM_TYPE:
        raise ValueError(f"config.problem_type must be one of {', '.join(BY_PROBLEM_TYPE)}, got {problem!r}")
    return BY_PROBLEM_TYPE[problem]


@torch.no_grad()
def _compare(model: Any, batch: Mapping[str, Any], terms: Terms, task: str) -> None:
    """Compare the mean of a batch's terms with the loss that the model itself computes.

    Raises:
        ValueError: They differ.
    """
    inner = _inner(model)
    if "labels" not in _parameters(inner):
        return
    config = getattr(inner, "config", None)
    problem = getattr(config, "problem_type", None)
    own = getattr(model(**_arguments(model, batch, task) | {"labels": batch["labels"]}), "loss", None)
    if config is not None and getattr(config, "problem_type", None) != problem:
        config.problem_type = problem  # the model writes there what it took it for
    if not isinstance(own, Tensor):
        return
    total, number = float(terms[0].sum()), float(terms[1])
    mean = total / number if number else math.nan
    share = OWN_LOSS if own.dtype.itemsize >= torch.float32.itemsize else IN_HALF_PRECISION
    if math.isfinite(mean) and not abs(float(own) - mean) <= share * max(abs(mean), abs(float(own))):
        raise ValueError(
            f"the own loss of {type(inner).__name__} is {float(own):.6g} on a batch where {task} gives {mean:.6g}: "
            f"write huggingface(task=...) with another of {', '.join(TASKS)}, switch off what the model adds to its "
            "loss, or write a CompositeLoss"
        )
