"""Batches of CL4SRec (Xie et al. 2022): a group of users and two augmented views of each sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from landscape.training.batches.augmentation import Augmentation, Ragged, views
from landscape.training.batches.packing import Batch, InputWindows, Ints, lay_out, moved_to, within_sequences
from landscape.training.data.dataset import Dataset


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
    read: InputWindows,
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
