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
from landscape.training.batches.packing import InputWindows, Ints, input_windows, lay_out, within_sequences
from landscape.training.data.dataset import Attributes, Dataset, check_attributes
from landscape.training.data.splits import TRAINING_SEQUENCE


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


class Instances:
    """All prefixes of the last ``max_length`` items of users' training sequences s[:-2], and their batches.

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
        longest = input_windows(dataset, max_length, held_out=TRAINING_SEQUENCE)[users]
        self.users = np.repeat(users, longest.lengths)  # (I,)
        self.prefixes = InputWindows(  # (I,)
            np.repeat(longest.starts, longest.lengths), within_sequences(longest.lengths) + 1
        )
        # Segments of others are cut from training sequences alone; the reference's contain held-out items.
        self.pool = dataset.items[dataset.prefix_mask(TRAINING_SEQUENCE)]
        self.sampler = NegativeSampler(dataset)

    def __len__(self) -> int:
        return len(self.users)

    def of(self, users: Ints) -> Ints:
        """Return the numbers of these users' instances."""
        return np.flatnonzero(np.isin(self.users, users))

    def batch(self, instances: Ints, generator: np.random.Generator, *, padded: bool = False) -> MaskedBatch:
        """Mask these instances (S,), given by their numbers, at random and lay them out."""
        prefixes, users = self.prefixes[instances], self.users[instances]
        layout = lay_out(prefixes.lengths, self.max_length, padded=padded)
        within = within_sequences(prefixes.lengths)
        items = self.dataset.items[np.repeat(prefixes.starts, prefixes.lengths) + within].astype(np.int64)  # (P,)
        is_last = within + 1 == np.repeat(prefixes.lengths, prefixes.lengths)
        masked = np.flatnonzero((generator.random(len(items)) < self.share) | is_last)
        hidden = items.copy()
        hidden[masked] = self._mask
        described, attributes = self._attributes(items)
        encodings = [hidden, *self._segments(items, prefixes.lengths, within, generator)]
        owners = np.repeat(users, prefixes.lengths)[masked]
        return MaskedBatch(
            items=torch.stack([layout.lay(values) for values in encodings]),
            positions=layout.positions,
            segments=layout.segments,
            places=torch.from_numpy(layout.places),
            ends=torch.from_numpy(layout.ends),
            users=torch.from_numpy(users),
            masked=torch.from_numpy(masked),
            targets=torch.from_numpy(items[masked]),
            negatives=torch.from_numpy(self.sampler.draw_for(owners, generator).astype(np.int64)),
            described=torch.from_numpy(described),
            attributes=torch.from_numpy(attributes),
        )

    @property
    def _mask(self) -> int:
        return self.dataset.n_items + 1

    def _segments(self, items: Ints, lengths: Ints, within: Ints, generator: np.random.Generator) -> list[Ints]:
        """Return context, positive and negative, each (P,); an instance of one item is all three."""
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
        """Return pairs (place among the items, attribute): the targets of AAP and MAP, without a matrix of zeros."""
        starts, ends = self.attributes.offsets[items], self.attributes.offsets[items + 1]
        counts = ends - starts
        source = np.repeat(starts, counts) + within_sequences(counts)
        return np.repeat(np.arange(len(items)), counts), self.attributes.values[source].astype(np.int64)


def attributes_of(dataset: Dataset) -> Attributes:
    """Return the data's attributes.

    Raises:
        ValueError: It has none, or they are of none of its items.
    """
    if dataset.attributes is None:
        raise ValueError(
            f"S3Rec is pre-trained on item attributes, and {dataset.name} has none: there is no "
            f"{dataset.name}_item2attributes.json beside {dataset.source}; give the file with --attributes"
        )
    check_attributes(dataset)
    return dataset.attributes
