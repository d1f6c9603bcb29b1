"""CL4SRec (Xie et al. 2022): the loss of the next item, and a contrastive one between two views of each user."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.models.encoder import Ends
from landscape.models.sasrec import SASRec
from landscape.objectives.composite_loss import CompositeLoss
from landscape.training.batches.packing import Batch
from landscape.training.batches.views import ViewedBatch
from landscape.training.losses.next_item import NextItem, Terms
from landscape.training.losses.nt_xent import nt_xent_terms, similarities


def view_outputs(model: SASRec, views: Batch) -> Tensor:
    """Return the outputs (S, d) at the last item of each sequence."""
    none = views.ends[:0]
    return model.encode(
        model.items(views.items),
        views.positions,
        views.segments,
        select=none,
        ends=Ends.of(views.segments, views.ends),
    )


@dataclass(frozen=True)
class Contrast:
    """NT-Xent between the views of a group of users.

    A view is represented by the output at its last item, without a projection head. The loss is convex in the
    similarities, where a Gauss-Newton matrix splits it.
    """

    temperature: float = 1.0
    similarity: str = "dot"

    def logits(self, model: SASRec, views: Batch) -> Tensor:
        """(2S, 2S) similarities of all pairs of views."""
        ends = view_outputs(model, views)
        return similarities(ends, temperature=self.temperature, similarity=self.similarity)

    @staticmethod
    def summed(logits: Tensor, views: Batch) -> Terms:
        """The sum over the 2S views, and their number."""
        terms = nt_xent_terms(logits)
        return terms.sum(), torch.full((), len(terms), device=terms.device)

    def __call__(self, model: SASRec, views: Batch) -> Terms:
        """The loss of a group."""
        return self.summed(self.logits(model, views), views)

    @property
    def composite(self) -> CompositeLoss[Batch]:
        """The similarities, and what is convex in them."""
        return CompositeLoss(self.logits, self.summed)

    def by_user(self, model: SASRec, views: Batch) -> Tensor:
        """(S,) the terms of both of each user's views."""
        return nt_xent_terms(self.logits(model, views)).view(2, -1).sum(0)


@dataclass(frozen=True)
class WithContrast:
    """CL4SRec's loss in its two parts, ``recommendation`` and ``contrastive``."""

    next_item: NextItem
    contrast: Contrast

    def __call__(self, model: SASRec, batch: ViewedBatch) -> dict[str, Terms]:
        """Both parts of a group's loss."""
        return {
            "recommendation": self.next_item(model, batch.inputs),
            "contrastive": self.contrast(model, batch.views),
        }

    @property
    def composite(self) -> CompositeLoss[ViewedBatch]:
        """Scores and similarities, and what is convex in them."""

        def outputs(model: SASRec, batch: ViewedBatch) -> tuple[Tensor, Tensor]:
            return self.next_item.scores(model, batch.inputs), self.contrast.logits(model, batch.views)

        def outer(logits: tuple[Tensor, Tensor], batch: ViewedBatch) -> dict[str, Terms]:
            return {
                "recommendation": self.next_item.summed(logits[0], batch.inputs),
                "contrastive": self.contrast.summed(logits[1], batch.views),
            }

        return CompositeLoss(outputs, outer)

    def by_user(self, model: SASRec, batch: ViewedBatch) -> dict[str, Tensor]:
        """(S,) each part's sums of each user's terms."""
        return {
            "recommendation": self.next_item.by_user(model, batch.inputs),
            "contrastive": self.contrast.by_user(model, batch.views),
        }
