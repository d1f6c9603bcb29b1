"""Items that a user has not had: what a loss holds the right item against, and batches that have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.training.batches.packing import Batch, InputWindows, Ints, batch
from landscape.training.data.dataset import Dataset


class NegativeSampler:
    """Draws items uniformly from those that a user's sequence s[:-until] lacks, by exact rejection.

    For training that is the training sequence, ``until`` 2: the reference also rejects the user's validation and
    test items, which leaks them.
    """

    def __init__(self, dataset: Dataset, *, until: int = 2) -> None:
        self.n_items = dataset.n_items
        self.owner = np.repeat(np.arange(dataset.n_users), dataset.lengths)  # (T,) whose item it is
        trained = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - until, dataset.lengths)
        self.taken = np.unique(self._key(self.owner[trained], dataset.items[trained]))
        counts = np.bincount(self.taken // (self.n_items + 1), minlength=dataset.n_users)
        if (counts >= self.n_items).any():
            user = int(np.argmax(counts >= self.n_items))
            raise ValueError(
                f"user {user} of {dataset.name} has had all {self.n_items} items: no negative is left to sample"
            )

    def _key(self, users: Ints, items: NDArray[np.integer]) -> Ints:
        return users * (self.n_items + 1) + items

    def draw(self, generator: np.random.Generator) -> NDArray[np.int32]:
        """One negative for every item of the dataset, (T,), to go with that item as a target."""
        return self.draw_for(self.owner, generator)

    def draw_for(self, users: Ints, generator: np.random.Generator) -> NDArray[np.int32]:
        """One negative for each of these users, (N,)."""
        drawn = generator.integers(1, self.n_items + 1, len(users), dtype=np.int32)
        wrong = np.arange(len(drawn))
        while len(wrong := wrong[self._is_taken(users[wrong], drawn[wrong])]):
            drawn[wrong] = generator.integers(1, self.n_items + 1, len(wrong), dtype=np.int32)
        return drawn

    def _is_taken(self, users: Ints, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        keys = self._key(users, items)
        found = np.searchsorted(self.taken, keys).clip(max=len(self.taken) - 1)
        return self.taken[found] == keys


class SampledRows:
    """Batches of users' next items, with ``count`` sampled items for each.

    Args:
        dataset: Where the items are.
        read: What each user of the dataset reads.
        max_length: Positions n a row.
        sampler: Of the items beside the targets.
        count: How many; (R, n) of them for 1, (count, R, n) for more, none for 0.
        generator: Of the samples. A single one a target is drawn for all interactions of the data at once, so that
            it does not depend on the grouping of users.
        targets: As ``batch`` takes them.
        padded: Likewise.
    """

    def __init__(
        self,
        dataset: Dataset,
        read: InputWindows,
        max_length: int,
        sampler: NegativeSampler,
        count: int,
        generator: np.random.Generator,
        *,
        targets: str = "each",
        padded: bool = False,
    ) -> None:
        self.dataset = dataset
        self.read = read
        self.max_length = max_length
        self.sampler = sampler
        self.count = count
        self.generator = generator
        self.targets = targets
        self.padded = padded
        self.single = sampler.draw(generator) if count == 1 else None

    def of(self, users: Ints) -> Batch:
        """The batch of a group of users."""
        rows = batch(
            self.dataset,
            self.read,
            users,
            self.max_length,
            targets=self.targets,
            negatives=self.single,
            padded=self.padded,
        )
        return self._with_several(rows) if self.count > 1 else rows

    def _with_several(self, rows: Batch) -> Batch:
        assert rows.targets is not None
        real = rows.targets > 0
        users = rows.users[rows.segments[real] - 1].numpy()  # (P,)
        drawn = self.sampler.draw_for(np.tile(users, self.count), self.generator).astype(np.int64)
        negatives = torch.zeros(self.count, *rows.items.shape, dtype=torch.int64)
        negatives[:, real] = torch.from_numpy(drawn).view(self.count, -1)
        return replace(rows, negatives=negatives)
