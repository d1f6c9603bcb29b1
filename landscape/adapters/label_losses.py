"""Logits of the kinds that models of the Transformers library return, each with its loss for given labels."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch.nn.functional as F
from torch import Tensor

from landscape.objectives.loss_terms import Terms

IGNORED = -100  # a label that does not count


class LabelLoss(Protocol):
    """Logits that know their loss. As named tuples they stay what they are where outputs are differentiated."""

    def __init__(self, logits: Tensor) -> None: ...

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B, …) for the labels of B rows, and their number."""
        ...


class Tokens(NamedTuple):
    """Cross-entropy of a class for each token."""

    logits: Tensor  # (B, n, V)

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B, n), zero where labels (B, n) are -100, and the number of the others."""
        return _class_terms(self.logits, labels)


class NextTokens(NamedTuple):
    """The same, of the token after each."""

    logits: Tensor  # (B, n, V)

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B, n - 1), zero where labels (B, n) are -100, and the number of the others."""
        _check_shape(self.logits, labels)
        return _class_terms(self.logits[:, :-1], labels[:, 1:])


class SingleLabel(NamedTuple):
    """Cross-entropy of one class for each row."""

    logits: Tensor  # (B, K)

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B,), zero where labels (B,) are -100, and the number of the others."""
        return _class_terms(self.logits, labels.reshape(-1))


class MultiLabel(NamedTuple):
    """Binary cross-entropy of each class for each row."""

    logits: Tensor  # (B, K)

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B, K) for labels (B, K), and their number."""
        return F.binary_cross_entropy_with_logits(self.logits, labels.to(self.logits), reduction="none"), labels.numel()


class Regression(NamedTuple):
    """Squared errors."""

    logits: Tensor  # (B, K)

    def terms(self, labels: Tensor) -> Terms:
        """Return the terms (B, K) for labels (B, K), or (B,) where K is 1, and their number."""
        if self.logits.numel() != labels.numel():
            raise ValueError(f"logits {tuple(self.logits.shape)} and labels {tuple(labels.shape)} do not fit")
        return (self.logits - labels.to(self.logits).view_as(self.logits)).square(), labels.numel()


BY_PROBLEM_TYPE: dict[str, type[LabelLoss]] = {  # by the names that Transformers has for them
    "single_label_classification": SingleLabel,
    "multi_label_classification": MultiLabel,
    "regression": Regression,
}


def _class_terms(logits: Tensor, labels: Tensor) -> Terms:
    _check_shape(logits, labels)
    terms = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none", ignore_index=IGNORED)
    return terms.view(labels.shape), (labels != IGNORED).sum()


def _check_shape(logits: Tensor, labels: Tensor) -> None:
    if logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"labels {tuple(labels.shape)} do not fit logits {tuple(logits.shape)}: there must be one for each"
        )
