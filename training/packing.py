"""From sequences to rows: several users share a row, so that hardly any of it is padding.

Four fifths and more of a padded batch is padding, because sequences are short (6 items in the median, n = 50).
A packed row holds several sequences one after another, told apart by ``segments``; positions are right-aligned
within each sequence, as they would be in a padded row. Packing happens within a batch of users, so that a batch
stays the random group of users it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.datasets import Dataset

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Rows of n positions, each (R, n) int64, and what the loss of a group of users needs."""

    items: Tensor  # the inputs, 0 for padding
    positions: Tensor  # 0..n − 1, right-aligned within each sequence
    segments: Tensor  # 1 + the sequence's place in ``users``, 0 for padding
    ends: Tensor  # (S,) where each sequence's last position is in the flattened rows
    users: Tensor  # (S,) the user of each sequence
    targets: Tensor | None = None  # the next items, 0 where there is none
    negatives: Tensor | None = None  # as many sampled items, 0 where there is none

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Pieces:
    """One contiguous piece of every user's sequence, at most n items long: what the model is given to read."""

    starts: Ints  # (U,) into the dataset's items
    lengths: Ints  # (U,) 0 for a user who has nothing to read

    def __getitem__(self, users: Ints) -> Pieces:
        return Pieces(self.starts[users], self.lengths[users])


def pieces(dataset: Dataset, max_length: int, *, until: int) -> Pieces:
    """The most recent ``max_length`` items of s[:-until], for every user.

    Leave-one-out in terms of ``until``: 3 reads what training reads (its targets are one further on, the last of
    them s[-3]), 2 what validation reads (target s[-2]), and 1 what the test reads (target s[-1]).
    """
    ends = dataset.offsets[1:] - until
    lengths = np.clip(ends - dataset.offsets[:-1], 0, max_length)
    return Pieces(ends - lengths, lengths)


def pack(lengths: Ints, capacity: int) -> tuple[Ints, Ints, int]:
    """Place sequences into rows by best fit, longest first.

    Args:
        lengths: (S,) each 1..capacity.
        capacity: Positions n a row.

    Returns:
        The row (S,) and the offset within it (S,) of every sequence, and the number of rows.
    """
    rows = np.empty(len(lengths), np.int64)
    offsets = np.empty(len(lengths), np.int64)
    free: list[list[int]] = [[] for _ in range(capacity + 1)]  # by room left: the rows that have it
    rooms = 0  # bit r is set when free[r] is not empty: the tightest fit is the lowest bit at or above the length
    count = 0
    order = np.argsort(-lengths, kind="stable")
    for s, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            row = free[room].pop()
            if not free[room]:
                rooms ^= 1 << room
        else:
            room, row = capacity, count
            count += 1
        rows[s], offsets[s] = row, capacity - room
        if room > length:
            free[room - length].append(row)
            rooms |= 1 << (room - length)
    return rows, offsets, count


def batch(
    dataset: Dataset,
    read: Pieces,
    users: Ints,
    max_length: int,
    *,
    targets: str | None = None,
    negatives: NDArray[np.int32] | None = None,
    padded: bool = False,
) -> Batch:
    """Lay the pieces of some users out in rows.

    Args:
        dataset: Where the items are.
        read: What each user of the dataset reads.
        users: (S,) whose pieces; users with nothing to read are left out.
        max_length: Positions n a row.
        targets: ``each`` item read has the next as its target, or the ``last`` one alone; none by default.
        negatives: (T,) for every item of the dataset that is a target, a sampled item.
        padded: One sequence a row, at its right end: the reference that packing is checked against.
    """
    users = users[read.lengths[users] > 0]
    mine = read[users]
    if padded:
        rows, offsets, count = np.arange(len(users)), max_length - mine.lengths, len(users)
    else:
        rows, offsets, count = pack(mine.lengths, max_length)
    within = np.arange(mine.lengths.sum()) - np.repeat(np.cumsum(mine.lengths) - mine.lengths, mine.lengths)
    source = np.repeat(mine.starts, mine.lengths) + within
    place = np.repeat(rows * max_length + offsets, mine.lengths) + within

    ends = rows * max_length + offsets + mine.lengths - 1

    def laid_out(values: NDArray[np.integer], at: Ints = place) -> Tensor:
        laid = np.zeros(count * max_length, np.int64)
        laid[at] = values
        return torch.from_numpy(laid.reshape(count, max_length))

    def next_items(values: NDArray[np.integer]) -> Tensor:
        if targets == "each":
            return laid_out(values[source + 1])
        return laid_out(values[mine.starts + mine.lengths], ends)

    return Batch(
        items=laid_out(dataset.items[source]),
        positions=laid_out(np.repeat(max_length - mine.lengths, mine.lengths) + within),
        segments=laid_out(np.repeat(np.arange(1, len(users) + 1), mine.lengths)),
        ends=torch.from_numpy(ends),
        users=torch.from_numpy(users),
        targets=next_items(dataset.items) if targets else None,
        negatives=next_items(negatives) if negatives is not None else None,
    )


def groups(users: Ints, size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """The users in random order, ``size`` at a time; the last group may be smaller."""
    order = generator.permutation(users)
    for start in range(0, len(order), size):
        yield order[start : start + size]


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
        drawn = generator.integers(1, self.n_items + 1, len(self.owner), dtype=np.int32)
        wrong = np.arange(len(drawn))
        while len(wrong := wrong[self._is_taken(self.owner[wrong], drawn[wrong])]):
            drawn[wrong] = generator.integers(1, self.n_items + 1, len(wrong), dtype=np.int32)
        return drawn

    def _is_taken(self, users: Ints, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        keys = self._key(users, items)
        found = np.searchsorted(self.taken, keys).clip(max=len(self.taken) - 1)
        return self.taken[found] == keys
