"""Losses of the next item, each as the pair (sum over terms, number of terms) that trainer and analysis divide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from landscape.models.sasrec import SASRec
from landscape.objectives.composite_loss import CompositeLoss
from landscape.training.batches.packing import Batch
from landscape.training.losses.blockwise_softmax import softmax_loss

Terms = tuple[Tensor, Tensor]


def pair_scores(model: SASRec, batch: Batch) -> Tensor:
    """(2, R, n) scores of each next item and of its sampled one."""
    assert batch.targets is not None and batch.negatives is not None, "this loss needs targets and negatives"
    hidden, either = _hidden_and_candidates(model, batch, torch.stack([batch.targets, batch.negatives]))
    scores: Tensor = (hidden * either).sum(-1)
    return scores


def _hidden_and_candidates(model: SASRec, batch: Batch, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs (R, n, d) and embeddings (C, R, n, d) of candidates (C, R, n).

    Inputs and candidates are looked up together: each lookup has a gradient of the table's size.
    """
    looked_up = model.items(torch.cat([batch.items[None], candidates]))
    inputs, others = looked_up.split([1, len(candidates)])
    return model.encode(inputs.squeeze(0), batch.positions, batch.segments), others


def pair_terms(scores: Tensor, batch: Batch) -> Tensor:
    """(R, n) −log σ(positive) − log σ(−negative), of which those without a target do not count.

    Written with softplus: the reference's log(1 − σ(x) + 1e-24) has no gradient beyond x ≈ 17 in float32.
    """
    positive, negative = scores
    return F.softplus(-positive) + F.softplus(negative)


def candidate_scores(model: SASRec, batch: Batch) -> Tensor:
    """(1 + K, R, n) scores of each next item and of its K sampled ones."""
    assert batch.targets is not None and batch.negatives is not None, "this loss needs targets and negatives"
    negatives = batch.negatives if batch.negatives.ndim == 3 else batch.negatives[None]  # (K, R, n)
    hidden, candidates = _hidden_and_candidates(model, batch, torch.cat([batch.targets[None], negatives]))
    scores: Tensor = (hidden * candidates).sum(-1)
    return scores


def candidate_terms(scores: Tensor, batch: Batch) -> Tensor:
    """(R, n) −log softmax of each next item among the candidates."""
    return torch.logsumexp(scores, 0) - scores[0]


def gbce_terms(scores: Tensor, batch: Batch) -> Tensor:
    """(R, n) −β log σ(positive) − Σ log(1 − σ(negative)): generalised binary cross-entropy (Petrov and Macdonald 2023).

    β is the batch's ``positive_weight`` (``gbce_weight``). With β = 1 and one negative these are ``pair_terms``.

    The paper has −log σ(s)^β, and its code transforms the score in float64 until σ of it is σ(s)^β, because such a
    power loses its digits near 1. That logarithm is β log σ(s) exactly, and softplus has it to rounding in any
    precision. Two deviations: the terms are not divided by K + 1, a constant to which the steps of Adam and SAM are
    indifferent, so that β = 1 is the binary cross-entropy of Eq. 2; and negatives are sampled as for the other losses,
    from the items that the user's sequence lacks.

    Raises:
        ValueError: The batch has no weight.
    """
    if batch.positive_weight is None:
        raise ValueError("the loss gbce needs batches with a positive_weight: pass gbce_t to SampledRows")
    return batch.positive_weight * F.softplus(-scores[0]) + F.softplus(scores[1:]).sum(0)


def item_scores(model: SASRec, batch: Batch) -> Tensor:
    """(R, n, V) scores of all items; padding and [mask] are no candidates."""
    hidden = model(batch.items, batch.positions, batch.segments)
    scores: Tensor = hidden @ model.items.weight[1 : model.n_items + 1].T
    return scores


def item_terms(scores: Tensor, batch: Batch) -> Tensor:
    """(R, n) −log softmax of each next item over all items."""
    assert batch.targets is not None, "this loss needs targets"
    targets = (batch.targets - 1).clamp_min(0)
    return torch.logsumexp(scores, -1) - scores.gather(-1, targets[..., None])[..., 0]


def cross_entropy(model: SASRec, batch: Batch) -> Terms:
    """The sum of ``item_terms``, made in blocks so that memory does not grow with the batch or the items."""
    assert batch.targets is not None, "this loss needs targets"
    hidden = model(batch.items, batch.positions, batch.segments).flatten(0, 1)  # (R·n, d)
    table = model.items.weight[1 : model.n_items + 1]  # (V, d): row i − 1 is item i
    return softmax_loss(hidden, table, batch.targets.flatten() - 1), (batch.targets > 0).sum()


@dataclass(frozen=True)
class NextItem:
    """A loss of the next item, over the positions that have a target.

    It is convex in the scores, where a Gauss-Newton matrix splits it.
    """

    scores: Callable[[SASRec, Batch], Tensor]
    terms: Callable[[Tensor, Batch], Tensor]  # of the scores, (R, n)
    whole: Callable[[SASRec, Batch], Terms] | None = None  # the same at less memory, where there is a way

    def __call__(self, model: SASRec, batch: Batch) -> Terms:
        """The sum over positions with a target, and their number."""
        return self.whole(model, batch) if self.whole else self.summed(self.scores(model, batch), batch)

    def summed(self, scores: Tensor, batch: Batch) -> Terms:
        """The sum of the terms and their number."""
        assert batch.targets is not None
        real = batch.targets > 0
        return (self.terms(scores, batch) * real).sum(), real.sum()

    @property
    def composite(self) -> CompositeLoss[Batch]:
        """The scores, and what is convex in them."""
        return CompositeLoss(self.scores, self.summed)

    def by_user(self, model: SASRec, batch: Batch) -> Tensor:
        """(S,) the sums of each user's terms."""
        assert batch.targets is not None
        real = batch.targets > 0
        terms = (self.terms(self.scores(model, batch), batch) * real).flatten()
        sums = terms.new_zeros(len(batch.users) + 1)  # segment 0 is padding
        return sums.index_add(0, batch.segments.flatten(), terms)[1:]


NEXT_ITEM = {
    "bce": NextItem(pair_scores, pair_terms),  # SAMRec, Eq. 2
    "ce": NextItem(item_scores, item_terms, whole=cross_entropy),
    "sampled-softmax": NextItem(candidate_scores, candidate_terms),
    "gbce": NextItem(candidate_scores, gbce_terms),
}
recommendation = NEXT_ITEM["bce"]
