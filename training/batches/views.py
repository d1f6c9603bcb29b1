"""Batches of CL4SRec (Xie et al. 2022): a group of users and two augmented views of each sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from landscape.training.batches.augmentation import Augmentation, Ragged, views
from landscape.training.batches.packing import Batch, InputWindows, Ints, lay_out, within_sequences
from landscape.training.data.dataset import Dataset


@dataclass(frozen=True)
class ViewedBatch:
    """A group of users: their inputs, and two views of them.

    The contrastive loss couples the users of a group, whose views are therefore never regrouped.
    """

    inputs: Batch  # of S users, with targets and negatives
    views: Batch  # 2S sequences: the first views of the S users, then the second ones


def view_batch(
    dataset: Dataset,
    inputs: InputWindows,
    users: Ints,
    max_length: int,
    augmentation: Augmentation,
    generator: np.random.Generator,
    *,
    padded: bool = False,
) -> Batch:
    """Draw two views of the inputs of each user and lay them out in rows; users without inputs have none."""
    users = users[inputs.lengths[users] > 0]
    windows = inputs[users]
    source = np.repeat(windows.starts, windows.lengths) + within_sequences(windows.lengths)
    drawn = views(
        Ragged(dataset.items[source].astype(np.int64), windows.lengths),
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
