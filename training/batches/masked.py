"""S3Rec's pre-training instances (Zhou et al. 2020), masked and laid out in packed rows.

An instance is a prefix of a user's training sequence. It is encoded four times, bidirectionally: with items masked,
with a segment masked (the context), and with only that segment shown, as it is (the positive) and replaced by a
piece of another user's sequence (the negative). All four share one layout and one pass through the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import InputWindows, Ints, lay_out, moved_to, pieces, within_sequences
from landscape.training.data.dataset import Attributes, Dataset


@dataclass(frozen=True)
class MaskedBatch:
    """S instances with P items between them, in R rows of n positions; all tensors int64."""

    items: Tensor  # (4, R, n) items masked, context, positive, negative
    positions: Tensor  # (R, n) 0..n − 1, right-aligned within each instance
    segments: Tensor  # (R, n) 1 + the instance's number, 0 for padding
    places: Tensor  # (P,) of the items, in the flattened rows
    ends: Tensor  # (S,) of the instances' last items
    users: Tensor  # (S,)
    masked: Tensor  # (Q,) which of the P items are masked
    targets: Tensor  # (Q,) what they are
    negatives: Tensor  # (Q,) as many sampled items
    described: Tensor  # (M,) which of the P items has …
    attributes: Tensor  # (M,) … this attribute

    def to(self, device: torch.device | str) -> MaskedBatch:
        """The same batch on another device."""
        return moved_to(self, device)


class Instances:
    """All prefixes of what users' training sequences s[:-2] end with, and how batches are made of them.

    Args:
        dataset: With attributes.
        max_length: Items n of the longest prefix.
        users: (U',) whose sequences.
        share: Probability with which an item is masked; the last one of an instance always is.

    Raises:
        ValueError: The data has no attributes.
    """

    def __init__(self, dataset: Dataset, max_length: int, users: Ints, *, share: float = 0.2) -> None:
        self.dataset = dataset
        self.max_length = max_length
        self.share = share
        self.attributes = attributes_of(dataset)
        read = pieces(dataset, max_length, until=2)
        lengths = read.lengths[users]
        self.users = np.repeat(users, lengths)  # (I,)
        self.prefixes = InputWindows(np.repeat(read.starts[users], lengths), within_sequences(lengths) + 1)  # (I,)
        trained = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - 2, dataset.lengths)
        # Segments of others are cut from training parts alone; the reference's contain held-out items.
        self.pool = dataset.items[trained]
        self.sampler = NegativeSampler(dataset)

    def __len__(self) -> int:
        return len(self.users)

    def of(self, users: Ints) -> Ints:
        """The instances of these users."""
        return np.flatnonzero(np.isin(self.users, users))

    def batch(self, chosen: Ints, generator: np.random.Generator, *, padded: bool = False) -> MaskedBatch:
        """Mask the chosen instances (S,) at random and lay them out."""
        mine = self.prefixes[chosen]
        layout = lay_out(mine.lengths, self.max_length, padded=padded)
        within = within_sequences(mine.lengths)
        items = self.dataset.items[np.repeat(mine.starts, mine.lengths) + within].astype(np.int64)  # (P,)
        is_last = within + 1 == np.repeat(mine.lengths, mine.lengths)
        masked = np.flatnonzero((generator.random(len(items)) < self.share) | is_last)
        hidden = items.copy()
        hidden[masked] = self._mask
        described, attributes = self._attributes(items)
        laid = [hidden, *self._segments(items, mine.lengths, within, generator)]
        return MaskedBatch(
            items=torch.stack([layout.lay(values) for values in laid]),
            positions=layout.positions,
            segments=layout.segments,
            places=torch.from_numpy(layout.places),
            ends=torch.from_numpy(layout.ends),
            users=torch.from_numpy(self.users[chosen]),
            masked=torch.from_numpy(masked),
            targets=torch.from_numpy(items[masked]),
            negatives=torch.from_numpy(
                self.sampler.draw_for(np.repeat(self.users[chosen], mine.lengths)[masked], generator).astype(np.int64)
            ),
            described=torch.from_numpy(described),
            attributes=torch.from_numpy(attributes),
        )

    @property
    def _mask(self) -> int:
        return self.dataset.n_items + 1

    def _segments(self, items: Ints, lengths: Ints, within: Ints, generator: np.random.Generator) -> list[Ints]:
        """Context, positive and negative (P,) each; an instance of one item is all three."""
        sizes = generator.integers(1, np.maximum(lengths // 2, 1), endpoint=True)  # (S,)
        starts = generator.integers(0, lengths - sizes, endpoint=True)
        elsewhere = generator.integers(0, len(self.pool) - sizes, endpoint=True)
        first, size, other = (np.repeat(values, lengths) for values in (starts, sizes, elsewhere))
        inside = (within >= first) & (within < first + size)
        foreign = self.pool[other + np.where(inside, within - first, 0)]
        alone = np.repeat(lengths == 1, lengths)
        context, positive, negative = (
            np.where(alone, items, values)
            for values in (
                np.where(inside, self._mask, items),
                np.where(inside, items, self._mask),
                np.where(inside, foreign, self._mask),
            )
        )
        return [context, positive, negative]

    def _attributes(self, items: Ints) -> tuple[Ints, Ints]:
        """Pairs (place among the items, attribute): the targets of AAP and MAP, without a matrix of zeros."""
        starts, ends = self.attributes.offsets[items], self.attributes.offsets[items + 1]
        counts = ends - starts
        source = np.repeat(starts, counts) + within_sequences(counts)
        return np.repeat(np.arange(len(items)), counts), self.attributes.values[source].astype(np.int64)


def attributes_of(dataset: Dataset) -> Attributes:
    """The data's attributes.

    Raises:
        ValueError: It has none.
    """
    if dataset.attributes is None:
        raise ValueError(
            f"S3Rec is pre-trained on item attributes, and {dataset.name} has none: there is no "
            f"{dataset.name}_item2attributes.json beside {dataset.source}; give the file with --attributes"
        )
    return dataset.attributes
