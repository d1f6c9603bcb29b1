"""Negatives: sampled items that a user has not had, and batches that contain them."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.training.batches.packing import Batch, InputWindows, Ints, batch
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import TRAINING_SEQUENCE


class NegativeSampler:
    """Draws items uniformly from those that a user's sequence s[:-held_out] lacks, by exact rejection.

    For training that is the training sequence s[:-2]: the reference also rejects the user's validation and test
    items, which leaks them. A user who has had all items is ``exhausted``: its negatives are 0, as where there is none.
    """

    def __init__(self, dataset: Dataset, *, held_out: int = TRAINING_SEQUENCE) -> None:
        self.dataset = dataset
        self.n_items = dataset.n_items
        self.owners = dataset.owners
        self.taken = dataset.distinct_keys(dataset.prefix_mask(held_out))
        counts = np.bincount(self.taken // (self.n_items + 1), minlength=dataset.n_users)
        self.exhausted = counts >= self.n_items  # (U,)

    def without_exhausted(self, users: Ints) -> Ints:
        """Return those of these users (U',) who have an item to draw, and warn about the others.

        Raises:
            ValueError: There are users, and none of them has.
        """
        exhausted = users[self.exhausted[users]]
        if len(exhausted) == 0:
            return users
        had = f"all {self.n_items:,} items of {self.dataset.name}"
        if len(exhausted) == len(users):
            raise ValueError(
                f"every user has had {had}: no negative is left to sample; train with --loss ce, which needs none"
            )
        first = self.dataset.user_name(int(exhausted[0]))
        some = f"{first} has" if len(exhausted) == 1 else f"{len(exhausted):,} users have"
        rest = "" if len(exhausted) == 1 else f" (the first is {first})"
        warnings.warn(
            f"{some} had {had}{rest}: no negative is left to sample, and the loss leaves out {len(exhausted):,} of "
            f"{len(users):,} users",
            stacklevel=1,  # one place for all callers: it is said once
        )
        return users[~self.exhausted[users]]

    def draw(self, generator: np.random.Generator) -> NDArray[np.int32]:
        """Draw one negative for every interaction of the dataset, (T,), for that item as a target."""
        return self.draw_for(self.owners, generator)

    def draw_for(self, users: Ints, generator: np.random.Generator) -> NDArray[np.int32]:
        """Draw one negative for each of these users, (N,); 0 for exhausted ones, who take no random numbers."""
        drawn = np.zeros(len(users), np.int32)
        wrong = np.flatnonzero(~self.exhausted[users])
        while len(wrong):
            drawn[wrong] = generator.integers(1, self.n_items + 1, len(wrong), dtype=np.int32)
            wrong = wrong[self._is_taken(users[wrong], drawn[wrong])]
        return drawn

    def _is_taken(self, users: Ints, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        keys = self.dataset.user_item_keys(users, items)
        places = np.searchsorted(self.taken, keys).clip(max=len(self.taken) - 1)
        taken: NDArray[np.bool_] = self.taken[places] == keys
        return taken


def gbce_weight(negatives: int, n_items: int, t: float) -> float:
    """Return β, the weight of the positive's term in the generalised binary cross-entropy (gSASRec).

    With the rate α = K/(V − 1) at which an item is sampled as a negative, β = α(t(1 − 1/α) + 1/α) = 1 − t(1 − α):
    1 for t = 0, α for t = 1.

    Args:
        negatives: K, sampled items for each target.
        n_items: V.
        t: The calibration, from 0 to 1.

    Raises:
        ValueError: K is not in 1..V − 1, or t is not in [0, 1].

    Example:
        >>> gbce_weight(20, 101, 0.75)
        0.4
    """
    if not 1 <= negatives < n_items:
        raise ValueError(
            f"the loss gbce samples from the items other than the target: --negatives must be at least 1 and below the "
            f"number of items, {n_items:,}, got {negatives:,}"
        )
    if not 0 <= t <= 1:
        raise ValueError(f"the calibration of the loss gbce must be at least 0 and at most 1, got {t}")
    return 1 - t + t * negatives / (n_items - 1)


class SampledRows:
    """Batches of users' next items, with ``count`` sampled items for each.

    Args:
        dataset: Where the items are.
        inputs: The inputs of every user of the dataset.
        max_length: Positions n a row.
        sampler: Draws the negatives.
        count: Negatives a target; (R, n) of them for 1, (count, R, n) for more, none for 0.
        generator: Of the samples. A single one a target is drawn for all interactions of the data at once, so that
            it does not depend on the grouping of users.
        targets: As ``batch`` takes them.
        padded: Likewise.
        gbce_t: The calibration of the loss ``gbce``, from which the batches get the weight of a target's term.

    Raises:
        ValueError: There is a ``gbce_t``, and ``gbce_weight`` refuses it or the number of negatives.
    """

    def __init__(
        self,
        dataset: Dataset,
        inputs: InputWindows,
        max_length: int,
        sampler: NegativeSampler,
        count: int,
        generator: np.random.Generator,
        *,
        targets: str = "each",
        padded: bool = False,
        gbce_t: float | None = None,
    ) -> None:
        self.dataset = dataset
        self.inputs = inputs
        self.max_length = max_length
        self.sampler = sampler
        self.count = count
        self.generator = generator
        self.targets = targets
        self.padded = padded
        self.positive_weight = None if gbce_t is None else gbce_weight(count, dataset.n_items, gbce_t)
        self.single = sampler.draw(generator) if count == 1 else None

    def of(self, users: Ints) -> Batch:
        """Return the batch of a group of users."""
        rows = batch(
            self.dataset,
            self.inputs,
            users,
            self.max_length,
            targets=self.targets,
            negatives=self.single,
            padded=self.padded,
        )
        if self.positive_weight is not None:
            rows = replace(rows, positive_weight=self.positive_weight)
        return self._with_several(rows) if self.count > 1 else rows

    def _with_several(self, rows: Batch) -> Batch:
        assert rows.targets is not None
        real = rows.targets > 0
        users = rows.users[rows.segments[real] - 1].numpy()  # (P,)
        drawn = self.sampler.draw_for(np.tile(users, self.count), self.generator).astype(np.int64)
        negatives = torch.zeros(self.count, *rows.items.shape, dtype=torch.int64)
        negatives[:, real] = torch.from_numpy(drawn).view(self.count, -1)
        return replace(rows, negatives=negatives)
