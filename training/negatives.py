"""Items that a user has not had: what a loss holds the right item against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.datasets import Dataset
from training.packing import Ints


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
