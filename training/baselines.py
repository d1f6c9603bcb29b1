"""Two rankings by counting alone. A model that does not beat them has learnt little: they belong in every table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.datasets import Dataset
from training.packing import Ints
from training.ranking import History, Ranks, check_split


def popularity(dataset: Dataset, users: Ints) -> NDArray[np.int64]:
    """(V + 1,) how often each item occurs in the training sequences s[:-2] of ``users``."""
    owner = np.repeat(np.arange(dataset.n_users), dataset.lengths)
    training = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - 2, dataset.lengths)
    return np.bincount(dataset.items[training & np.isin(owner, users)], minlength=dataset.n_items + 1)


def popularity_ranks(dataset: Dataset, split: str, users: Ints | None = None) -> Ranks:
    """Ranks when every user is offered the items that are most frequent in training."""
    history = History(dataset, check_split(split))
    counts = popularity(dataset, np.arange(dataset.n_users) if users is None else users)
    return _ranks(counts.astype(np.float64), history, lambda user: ())


def successor_ranks(dataset: Dataset, split: str, users: Ints | None = None) -> Ranks:
    """Ranks by how often an item followed the user's last item in training; popularity breaks ties."""
    users = np.arange(dataset.n_users) if users is None else users
    until = check_split(split)
    history = History(dataset, until)
    counts = popularity(dataset, users).astype(np.float64)
    owner = np.repeat(np.arange(dataset.n_users), dataset.lengths)
    inside = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - 3, dataset.lengths)  # a successor is in s[:-2]
    first = np.flatnonzero(inside & np.isin(owner, users))
    pairs, times = np.unique(
        dataset.items[first].astype(np.int64) * (dataset.n_items + 1) + dataset.items[first + 1], return_counts=True
    )
    starts = np.searchsorted(pairs, np.arange(dataset.n_items + 2) * (dataset.n_items + 1))
    successors = pairs % (dataset.n_items + 1)
    last = dataset.items[dataset.offsets[1:] - until - 1]
    step = counts.max() + 1  # one successor outweighs any popularity

    def bonus(user: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        mine = slice(starts[last[user]], starts[last[user] + 1])
        return successors[mine], times[mine] * step

    return _ranks(counts, history, bonus)


def _ranks(score: NDArray[np.float64], history: History, bonus) -> Ranks:  # type: ignore[no-untyped-def]
    """Ranks when user u scores item i as ``score[i]`` plus a sparse ``bonus(u)`` of (items, values)."""
    ascending = np.sort(score[1:])
    ranks = np.empty(len(history.targets))
    for user, target in enumerate(history.targets):
        extra = bonus(user)
        items, values = extra if extra else (np.empty(0, np.int64), np.empty(0))
        of_target = score[target] + values[items == target].sum()
        count = len(ascending) - np.searchsorted(ascending, of_target)  # as if there were no bonus
        count += ((score[items] < of_target) & (score[items] + values >= of_target)).sum()
        seen = history.of(user, user + 1)[1]
        gained = score[seen].copy()
        at = np.searchsorted(items, seen).clip(max=max(0, len(items) - 1))
        if len(items):
            gained += np.where(items[at] == seen, values[at], 0)
        ranks[user] = count - (gained >= of_target).sum() - 1
    ranks[history.repeated] = np.inf
    return ranks
