"""Two rankings by counting alone. A model that does not beat them has learnt little: they belong in every table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.training.batches.packing import Ints
from landscape.training.data.dataset import Dataset
from landscape.training.evaluation.ranking import History, Ranks, check_split

Counts = NDArray[np.int64]


def _training_items(dataset: Dataset, users: Ints | None, *, until: int) -> NDArray[np.bool_]:
    """(T,) which items are in s[:-until] of ``users``, by default of all."""
    owner = np.repeat(np.arange(dataset.n_users), dataset.lengths)
    inside = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - until, dataset.lengths)
    return inside if users is None else inside & np.isin(owner, users)


def popularity(dataset: Dataset, users: Ints | None = None) -> Counts:
    """(V + 1,) how often each item occurs in the training sequences of ``users``, by default of all."""
    return np.bincount(dataset.items[_training_items(dataset, users, until=2)], minlength=dataset.n_items + 1)


def popularity_ranks(dataset: Dataset, split: str, users: Ints | None = None) -> Ranks:
    """Ranks when everybody is offered the items that are most frequent in the training sequences of ``users``."""
    history = History(dataset, check_split(split))
    nobody = np.zeros(dataset.n_users + 1, np.int64)
    return _ranks(popularity(dataset, users), history, np.empty(0, np.int64), np.empty(0, np.int64), nobody)


def successor_ranks(dataset: Dataset, split: str, users: Ints | None = None) -> Ranks:
    """Ranks by how often an item followed the user's last item in training; popularity breaks ties."""
    until = check_split(split)
    frequency = popularity(dataset, users)
    first = np.flatnonzero(_training_items(dataset, users, until=3))  # the item after it is in s[:-2] as well
    base = dataset.n_items + 1
    pairs, times = np.unique(
        dataset.items[first].astype(np.int64) * base + dataset.items[first + 1], return_counts=True
    )
    starts = np.searchsorted(pairs, np.arange(base + 1) * base)  # of each item's successors
    last = dataset.items[dataset.offsets[1:] - until - 1].astype(np.int64)  # (U,)
    counts = starts[last + 1] - starts[last]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    place = np.repeat(starts[last], counts) + np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    bonus = times * (frequency.max() + 1)  # one successor outweighs any popularity
    return _ranks(frequency, History(dataset, until), (pairs % base)[place], bonus[place], offsets)


def _ranks(score: Counts, history: History, items: Ints, bonus: Counts, offsets: Ints) -> Ranks:
    """Ranks when item i scores ``score[i]`` for everybody, and a user's ``items`` gain ``bonus``.

    Args:
        score: (V + 1,).
        history: The targets, and which items are no candidates.
        items: (M,) the items with a bonus, user by user, each user's sorted.
        bonus: (M,) what they gain.
        offsets: (U + 1,) where each user's items begin.
    """
    base = len(score)
    users = np.arange(len(history.targets))
    gained = np.repeat(users, np.diff(offsets)) * base + items  # (M,) sorted

    def total(user: Ints, item: Ints) -> Counts:
        """Score and bonus of (user, item) pairs."""
        if len(gained) == 0:
            return score[item]
        at = np.searchsorted(gained, user * base + item).clip(max=len(gained) - 1)
        return score[item] + np.where(gained[at] == user * base + item, bonus[at], 0)

    target = total(users, history.targets)
    ascending = np.sort(score[1:])
    count = len(ascending) - np.searchsorted(ascending, target)  # as if nothing had a bonus
    lifted = np.repeat(users, np.diff(offsets))
    over = (score[items] < target[lifted]) & (score[items] + bonus >= target[lifted])
    count = count + np.bincount(lifted[over], minlength=len(users))
    owner, seen = history.of(0, len(users))
    count = count - np.bincount(owner[total(owner, seen) >= target[owner]], minlength=len(users)) - 1
    return np.where(history.repeated, np.inf, count)
