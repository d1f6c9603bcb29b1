"""Training losses, each as the pair (sum over terms, number of terms) that both trainer and analysis divide."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.sasrec import SASRec
from training.packing import Batch

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
