"""From sequences to rows: several users share a row, so that hardly any of it is padding.

Four fifths and more of a padded batch is padding, because sequences are short (6 items in the median, n = 50).
A packed row holds several sequences one after another, told apart by ``segments``; positions are right-aligned
within each sequence, as they would be in a padded row. Packing happens within a batch of users, so that a batch
stays the random group of users it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.training.data.dataset import Dataset

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
    negatives: Tensor | None = None  # as many sampled items, 0 where there is none; (K, R, n) for K a target
    positive_weight: float | None = None  # of the targets' terms against the negatives', where a loss weighs them


@dataclass(frozen=True)
class InputWindows:
    """One contiguous window of every user's sequence, at most n items long: the inputs of the model."""

    starts: Ints  # (U,) into the dataset's items
    lengths: Ints  # (U,) 0 for a user without inputs

    def __getitem__(self, users: Ints) -> InputWindows:
        return InputWindows(self.starts[users], self.lengths[users])


def input_windows(dataset: Dataset, max_length: int, *, held_out: int) -> InputWindows:
    """Return the most recent ``max_length`` items of s[:-held_out], for every user; ``HELD_OUT`` has the splits'."""
    ends = dataset.offsets[1:] - held_out
    lengths = np.clip(ends - dataset.offsets[:-1], 0, max_length)
    return InputWindows(ends - lengths, lengths)


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


@dataclass(frozen=True)
class Layout:
    """Where the items of some sequences lie in rows."""

    places: Ints  # (P,) of every item, one sequence after another, in the flattened rows
    ends: Ints  # (S,) of each sequence's last item
    positions: Tensor  # (R, n) as ``Batch`` has them
    segments: Tensor  # (R, n)

    def lay(self, values: NDArray[np.integer], *, last: bool = False) -> Tensor:
        """The (P,) values of the items, or (S,) values of the ``last`` items, as rows (R, n); 0 elsewhere."""
        laid = np.zeros(self.positions.numel(), np.int64)
        laid[self.ends if last else self.places] = values
        return torch.from_numpy(laid).view(self.positions.shape)


def lay_out(lengths: Ints, max_length: int, *, padded: bool = False) -> Layout:
    """Find a place for sequences of these lengths (S,), each 1..max_length, in rows of ``max_length`` positions.

    ``padded`` gives each sequence the right end of a row of its own: the reference that packing is checked against.
    """
    if padded:
        rows, offsets, count = np.arange(len(lengths)), max_length - lengths, len(lengths)
    else:
        rows, offsets, count = pack(lengths, max_length)
    firsts = rows * max_length + offsets
    within = within_sequences(lengths)
    places = np.repeat(firsts, lengths) + within

    def laid(values: Ints) -> Tensor:
        flat = np.zeros(count * max_length, np.int64)
        flat[places] = values
        return torch.from_numpy(flat).view(count, max_length)

    return Layout(
        places=places,
        ends=firsts + lengths - 1,
        positions=laid(np.repeat(max_length - lengths, lengths) + within),
        segments=laid(np.repeat(np.arange(1, len(lengths) + 1), lengths)),
    )


def within_sequences(lengths: Ints) -> Ints:
    """0, 1, … within each of the sequences, one after another: (P,) for lengths (S,)."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)


def batch(
    dataset: Dataset,
    inputs: InputWindows,
    users: Ints,
    max_length: int,
    *,
    targets: str | None = None,
    negatives: NDArray[np.int32] | None = None,
    padded: bool = False,
) -> Batch:
    """Lay the inputs of some users out in rows.

    Args:
        dataset: Where the items are.
        inputs: The inputs of every user of the dataset.
        users: (S,) whose inputs; users without any are left out.
        max_length: Positions n a row.
        targets: ``each`` input has the next item as its target, or the ``last`` input alone; none by default.
        negatives: (T,) for every item of the dataset that is a target, a sampled item; (K, T) for K of them.
        padded: One sequence a row: slow, for checks.
    """
    users = users[inputs.lengths[users] > 0]
    windows = inputs[users]
    layout = lay_out(windows.lengths, max_length, padded=padded)
    source = np.repeat(windows.starts, windows.lengths) + within_sequences(windows.lengths)

    def next_items(values: NDArray[np.integer]) -> Tensor:
        if values.ndim == 2:
            return torch.stack([next_items(row) for row in values])
        if targets == "each":
            return layout.lay(values[source + 1])
        return layout.lay(values[windows.starts + windows.lengths], last=True)

    return Batch(
        items=layout.lay(dataset.items[source]),
        positions=layout.positions,
        segments=layout.segments,
        ends=torch.from_numpy(layout.ends),
        users=torch.from_numpy(users),
        targets=next_items(dataset.items) if targets else None,
        negatives=next_items(negatives) if negatives is not None else None,
    )


def merged(batches: Sequence[Batch], rows: int) -> list[Batch]:
    """Return the same rows in fewer batches, of at most ``rows`` rows where more than one are put together."""
    groups: list[list[Batch]] = []
    for one in batches:
        if groups and sum(len(other.items) for other in groups[-1]) + len(one.items) <= rows:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [_joined(group) if len(group) > 1 else group[0] for group in groups]


def _joined(batches: list[Batch]) -> Batch:
    """Return the rows of batches one below the other."""
    places = np.cumsum([0, *(one.items.numel() for one in batches)]).tolist()
    users = np.cumsum([0, *(len(one.users) for one in batches)]).tolist()

    def stacked(values: Iterable[Tensor | None], dim: int = 0) -> Tensor | None:
        known = [value for value in values if value is not None]
        return torch.cat(known, dim) if known else None

    return replace(
        batches[0],
        items=torch.cat([one.items for one in batches]),
        positions=torch.cat([one.positions for one in batches]),
        segments=torch.cat(
            [one.segments + (one.segments > 0) * first for one, first in zip(batches, users, strict=False)]
        ),
        ends=torch.cat([one.ends + first for one, first in zip(batches, places, strict=False)]),
        users=torch.cat([one.users for one in batches]),
        targets=stacked(one.targets for one in batches),
        negatives=stacked((one.negatives for one in batches), dim=-2),
    )


def groups(users: Ints, size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """The users in random order, ``size`` at a time; the last group may be smaller."""
    order = generator.permutation(users)
    for start in range(0, len(order), size):
        yield order[start : start + size]
