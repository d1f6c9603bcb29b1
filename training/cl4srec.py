"""CL4SRec (Xie et al. 2022): the loss of the next item, and a contrastive one between two views of each user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape.split import Split
from models.sasrec import SASRec
from training.augment import Augmentation, Ragged, views
from training.contrast import nt_xent_terms, similarities
from training.datasets import Dataset
from training.losses import NextItem, Terms
from training.packing import Batch, Ints, Pieces, lay_out, moved_to, within_sequences


@dataclass(frozen=True)
class ViewedBatch:
    """A group of users: what is read of them, and two views of it.

    The contrastive loss couples the users of a group, whose views are therefore never regrouped.
    """

    read: Batch  # of S users, with targets and negatives
    views: Batch  # 2S sequences: the first views of the S users, then the second ones

    def to(self, device: torch.device | str) -> ViewedBatch:
        """The same batch on another device."""
        return moved_to(self, device)


def view_batch(
    dataset: Dataset,
    read: Pieces,
    users: Ints,
    max_length: int,
    augmentation: Augmentation,
    generator: np.random.Generator,
    *,
    padded: bool = False,
) -> Batch:
    """Two views of what each of the users reads, drawn and laid out in rows; users with nothing to read have none."""
    users = users[read.lengths[users] > 0]
    mine = read[users]
    source = np.repeat(mine.starts, mine.lengths) + within_sequences(mine.lengths)
    drawn = views(
        Ragged(dataset.items[source].astype(np.int64), mine.lengths),
        augmentation,
        mask_item=dataset.n_items + 1,
        generator=generator,
    )
    layout = lay_out(drawn.lengths, max_length, padded=padded)
    return Batch(
        items=layout.lay(drawn.values),
        positions=layout.positions,
        segments=layout.segments,
        ends=torch.from_numpy(layout.ends),
        users=torch.from_numpy(np.tile(users, 2)),
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
        ends = model(views.items, views.positions, views.segments, select=views.ends)  # (2S, d)
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
    def split(self) -> Split[Batch]:
        """The similarities, and what is convex in them."""
        return Split(self.logits, self.summed)

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
            "recommendation": self.next_item(model, batch.read),
            "contrastive": self.contrast(model, batch.views),
        }

    @property
    def split(self) -> Split[ViewedBatch]:
        """Scores and similarities, and what is convex in them."""

        def outputs(model: SASRec, batch: ViewedBatch) -> tuple[Tensor, Tensor]:
            return self.next_item.scores(model, batch.read), self.contrast.logits(model, batch.views)

        def outer(found: tuple[Tensor, Tensor], batch: ViewedBatch) -> dict[str, Terms]:
            return {
                "recommendation": self.next_item.summed(found[0], batch.read),
                "contrastive": self.contrast.summed(found[1], batch.views),
            }

        return Split(outputs, outer)

    def by_user(self, model: SASRec, batch: ViewedBatch) -> dict[str, Tensor]:
        """(S,) each part's sums of each user's terms."""
        return {
            "recommendation": self.next_item.by_user(model, batch.read),
            "contrastive": self.contrast.by_user(model, batch.views),
        }
