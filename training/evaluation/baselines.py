"""Two rankings that only count. A model that does not beat them has learnt little: they belong in every table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.training.batches.packing import Ints
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import HELD_OUT, TRAINING_SEQUENCE
from landscape.training.evaluation.ranking import History, Ranks, ranked_split

Counts = NDArray[np.int64]


def _prefix_mask(dataset: Dataset, users: Ints | None, *, held_out: int) -> NDArray[np.bool_]:
    """Return (T,) which interactions are in s[:-held_out] of ``users``, by default of all."""
    inside = dataset.prefix_mask(held_out)
    return inside if users is None else inside & np.isin(dataset.owners, users)


def popularity(dataset: Dataset, users: Ints | None = None) -> Counts:
    """Return (V + 1,) how often each item occurs in the training sequences of ``users``, by default of all."""
    trained = _prefix_mask(dataset, users, held_out=TRAINING_SEQUENCE)
    return np.bincount(dataset.items[trained], minlength=dataset.n_items + 1)


def popularity_ranks(dataset: Dataset, split: str, users: Ints | None = None, *, allow_repeats: bool = False) -> Ranks:
    """Rank the items for everybody by how frequent they are in the training sequences of ``users``."""
    history = History(dataset, HELD_OUT[ranked_split(split)], allow_repeats=allow_repeats)
    no_items, offsets = np.empty(0, np.int64), np.zeros(dataset.n_users + 1, np.int64)
    return _ranks(dataset, popularity(dataset, users), history, no_items, no_items, offsets)


def successor_ranks(dataset: Dataset, split: str, users: Ints | None = None, *, allow_repeats: bool = False) -> Ranks:
    """Rank by how often an item followed the user's last item in training; popularity breaks ties."""
    held_out = HELD_OUT[ranked_split(split)]
    frequency = popularity(dataset, users)
    first = np.flatnonzero(_prefix_mask(dataset, users, held_out=HELD_OUT["train"]))  # the next one is in s[:-2] too
    base = dataset.n_items + 1
    pairs, times = np.unique(
        dataset.items[first].astype(np.int64) * base + dataset.items[first + 1], return_counts=True
    )
    starts = np.searchsorted(pairs, np.arange(base + 1) * base)  # of each item's successors
    last = dataset.items[dataset.offsets[1:] - held_out - 1].astype(np.int64)  # (U,)
    counts = starts[last + 1] - starts[last]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    place = np.repeat(starts[last], counts) + np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    bonus = times * (frequency.max() + 1)  # one successor outweighs any popularity
    history = History(dataset, held_out, allow_repeats=allow_repeats)
    return _ranks(dataset, frequency, history, (pairs % base)[place], bonus[place], offsets)


def _ranks(dataset: Dataset, score: Counts, history: History, items: Ints, bonus: Counts, offsets: Ints) -> Ranks:
    """Rank when item i scores ``score[i]`` for everybody, and a user's ``items`` gain ``bonus``.

    Args:
        dataset: Whose users and items.
        score: (V + 1,).
        history: The targets, and the items that are not candidates.
        items: (M,) the items with a bonus, user by user, each user's sorted.
        bonus: (M,) what they gain.
        offsets: (U + 1,) where each user's items begin.
    """
    users = np.arange(dataset.n_users)
    lifted = np.repeat(users, np.diff(offsets))  # (M,) who has the bonus
    gained = dataset.user_item_keys(lifted, items)  # (M,) sorted

    def total(user: Ints, item: Ints) -> Counts:
        """Add score and bonus of (user, item) pairs."""
        if len(gained) == 0:
            return score[item]
        keys = dataset.user_item_keys(user, item)
        places = np.searchsorted(gained, keys).clip(max=len(gained) - 1)
        return score[item] + np.where(gained[places] == keys, bonus[places], 0)

    target = total(users, history.targets)
    ascending = np.sort(score[1:])
    count = len(ascending) - np.searchsorted(ascending, target)  # as if nothing had a bonus
    over = (score[items] < target[lifted]) & (score[items] + bonus >= target[lifted])
    count = count + np.bincount(lifted[over], minlength=len(users))
    owner, seen = history.of(0, len(users))
    count = count - np.bincount(owner[total(owner, seen) >= target[owner]], minlength=len(users)) - 1
    return np.where(history.excluded, np.inf, count)
