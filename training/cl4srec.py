"""CL4SRec (Xie et al. 2022): the loss of the next item, and a contrastive one between two views of each user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from models.sasrec import SASRec
from training.augment import Augmentation, Ragged, views
from training.contrast import nt_xent
from training.datasets import Dataset
from training.losses import Terms
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


def contrast(*, temperature: float, similarity: str) -> Callable[[SASRec, Batch], Terms]:
    """NT-Xent between the views of a group of users.

    A view is represented by the output at its last item, without a projection head.
    """

    def loss(model: SASRec, seen: Batch) -> Terms:
        ends = model(seen.items, seen.positions, seen.segments, select=seen.ends)  # (2S, d)
        return nt_xent(ends, temperature=temperature, similarity=similarity)

    return loss


def with_contrast(
    next_item: Callable[[SASRec, Batch], Terms], *, temperature: float, similarity: str
) -> Callable[[SASRec, ViewedBatch], dict[str, Terms]]:
    """CL4SRec's loss in its two parts, ``recommendation`` by ``next_item`` and ``contrastive``."""
    contrastive = contrast(temperature=temperature, similarity=similarity)

    def loss(model: SASRec, batch: ViewedBatch) -> dict[str, Terms]:
        return {"recommendation": next_item(model, batch.read), "contrastive": contrastive(model, batch.views)}

    return loss
