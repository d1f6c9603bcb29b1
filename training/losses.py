"""Losses of the next item, each as the pair (sum over terms, number of terms) that trainer and analysis divide."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from models.sasrec import SASRec
from training.packing import Batch
from training.softmax import softmax_loss

Terms = tuple[Tensor, Tensor]


def recommendation(model: SASRec, batch: Batch) -> Terms:
    """Binary cross-entropy of each next item against one sampled item (SAMRec, Eq. 2).

    Written with softplus: the reference's log(1 − σ(x) + 1e-24) has no gradient beyond x ≈ 17 in float32.

    Returns:
        The sum over positions with a target, each with its positive and its negative, and their number.
    """
    assert batch.targets is not None and batch.negatives is not None, "this loss needs targets and negatives"
    hidden = model(batch.items, batch.positions, batch.segments)  # (R, n, d)
    either = model.items(torch.stack([batch.targets, batch.negatives]))  # (2, R, n, d)
    positive, negative = (hidden * either).sum(-1)  # (R, n) each
    terms = F.softplus(-positive) + F.softplus(negative)
    real = batch.targets > 0
    return (terms * real).sum(), real.sum()


def cross_entropy(model: SASRec, batch: Batch) -> Terms:
    """−log softmax of each next item over all items; padding and [mask] are no candidates.

    Returns:
        The sum over positions with a target, and their number.
    """
    assert batch.targets is not None, "this loss needs targets"
    hidden = model(batch.items, batch.positions, batch.segments).flatten(0, 1)  # (R·n, d)
    table = model.items.weight[1 : model.n_items + 1]  # (V, d): row i − 1 is item i
    return softmax_loss(hidden, table, batch.targets.flatten() - 1), (batch.targets > 0).sum()


def sampled_softmax(model: SASRec, batch: Batch) -> Terms:
    """−log softmax of each next item among itself and its K sampled items.

    Samples are uniform over the items that the user has not had, so that no correction by log q is needed.

    Returns:
        The sum over positions with a target, and their number.
    """
    assert batch.targets is not None and batch.negatives is not None, "this loss needs targets and negatives"
    negatives = batch.negatives if batch.negatives.ndim == 3 else batch.negatives[None]  # (K, R, n)
    hidden = model(batch.items, batch.positions, batch.segments)  # (R, n, d)
    candidates = model.items(torch.cat([batch.targets[None], negatives]))  # (1 + K, R, n, d)
    scores = (hidden * candidates).sum(-1)  # (1 + K, R, n)
    terms = torch.logsumexp(scores, 0) - scores[0]
    real = batch.targets > 0
    return (terms * real).sum(), real.sum()


NEXT_ITEM: dict[str, Callable[[SASRec, Batch], Terms]] = {
    "bce": recommendation,
    "ce": cross_entropy,
    "sampled-softmax": sampled_softmax,
}
