"""The built-in data set: sequences from a known Markov chain, so that a model can be held against the best there is.

Items fall into clusters and have Zipf popularities. From an item, a user mostly goes on to one of a few successors
of that item, sometimes to any item of its cluster, and seldom to any item at all; nobody takes an item twice. The
next item then depends on the last one alone, restricted to what the user has not had, and the ranking by
transition probability is the best possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 0
N_USERS = 2_500
N_ITEMS = 800
N_CLUSTERS = 20
N_BRANDS = 50
ZIPF = 0.7  # the item of popularity rank r is drawn with probability ∝ r^-ZIPF
SUCCESSORS = 4  # of an item, drawn by popularity from its cluster; the first is the likeliest
TO_SUCCESSOR, TO_CLUSTER, TO_ANY = 0.75, 0.2, 0.05
SHORTEST, LONGEST, MEAN_LENGTH = 5, 40, 9.0  # the rest above the shortest is geometric


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A draw, with the chain it was drawn from. Item ids are 1..V; arrays over items start at item 1."""

    items: NDArray[np.int32]  # (T,) users one after another, each in time order
    offsets: NDArray[np.int64]  # (U + 1,)
    transitions: NDArray[np.float64]  # (V, V) probability of each item after each item, rows summing to 1
    clusters: NDArray[np.int64]  # (V,) 0..n_clusters - 1
    attributes: NDArray[np.int32]  # (V, 2) its cluster's attribute, 1..n_clusters, and a brand's, which says nothing


def generate(
    seed: int = SEED,
    *,
    n_users: int = N_USERS,
    n_items: int = N_ITEMS,
    n_clusters: int = N_CLUSTERS,
) -> Synthetic:
    """Draw a chain and sequences from it; the same seed gives the same data.

    Raises:
        ValueError: The clusters would be too small to draw successors from, or the sequences to outlast the items.
    """
    if n_clusters < 1 or n_items < n_clusters * (SUCCESSORS + 1) or n_items < 2 * LONGEST:
        raise ValueError(
            f"{n_items} items do not suffice for {n_clusters} clusters of more than {SUCCESSORS} items "
            f"and sequences of up to {LONGEST}; ask for more items or fewer clusters"
        )
    rng = np.random.default_rng(seed)
    popularity = _normalised((1.0 + rng.permutation(n_items)) ** -ZIPF)
    clusters = rng.permutation(np.arange(n_items) % n_clusters)
    transitions = _transitions(popularity, clusters, rng)
    excess = rng.geometric(1 / (1 + MEAN_LENGTH - SHORTEST), n_users) - 1
    lengths = np.minimum(SHORTEST + excess, LONGEST)
    brands = n_clusters + rng.integers(N_BRANDS, size=n_items)
    return Synthetic(
        items=_walk(popularity, transitions, lengths, rng),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        transitions=transitions,
        clusters=clusters,
        attributes=np.stack([clusters, brands], axis=1).astype(np.int32) + 1,
    )


def best_hit_rate(drawn: Synthetic, k: int = 10) -> float:
    """The highest HR@k on the users' last items that any ranking can be expected to reach, given all the others.

    That is the mean probability of the k likeliest items: those of largest transition probability from the last
    item but one, among the items that the user has not had. The hit rate on the one test item that was drawn for
    each user scatters around it with the standard error of a proportion.
    """
    ends = drawn.offsets[1:] - 1
    owner = np.repeat(np.arange(len(ends)), np.diff(drawn.offsets))
    history = np.ones(len(drawn.items), dtype=bool)
    history[ends] = False
    open_to = drawn.transitions[drawn.items[ends - 1] - 1]  # (U, V), a copy
    open_to[owner[history], drawn.items[history] - 1] = 0
    top = np.partition(open_to, -k, axis=1)[:, -k:].sum(axis=1)
    return float((top / open_to.sum(axis=1)).mean())


def _transitions(
    popularity: NDArray[np.float64], clusters: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    n_items = len(popularity)
    elsewhere = ~np.eye(n_items, dtype=bool)
    neighbours = (clusters[:, None] == clusters) & elsewhere  # (V, V)
    # The largest Gumbel-perturbed logarithms are a draw without replacement by popularity.
    keys = np.where(neighbours, np.log(popularity) + rng.gumbel(size=(n_items, n_items)), -np.inf)
    successors = np.argsort(-keys, axis=1)[:, :SUCCESSORS]
    favoured = np.zeros((n_items, n_items))
    np.put_along_axis(favoured, successors, 1.0 / np.arange(1, SUCCESSORS + 1)[None], axis=1)
    return _normalised(
        TO_SUCCESSOR * _normalised(favoured)
        + TO_CLUSTER * _normalised(neighbours * popularity)
        + TO_ANY * _normalised(elsewhere * popularity)
    )


def _walk(
    popularity: NDArray[np.float64],
    transitions: NDArray[np.float64],
    lengths: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """All users take their steps together; a step to an item that the user has had is drawn again."""
    n_users, n_items = len(lengths), len(popularity)
    # Row i of the table is popularity's (i = 0) or item i's distribution function, raised by i: one sorted array.
    table = np.cumsum(np.concatenate([popularity[None], transitions]), axis=1)
    table = (table / table[:, -1:] + np.arange(n_items + 1)[:, None]).ravel()
    had = np.zeros((n_users, n_items + 1), dtype=bool)
    walked = np.zeros((n_users, LONGEST), dtype=np.int32)
    last = np.zeros(n_users, dtype=np.int64)  # nobody has had anything: the row of popularity
    for step in range(lengths.max()):
        waiting = walking = np.flatnonzero(lengths > step)
        while len(waiting):
            at = np.searchsorted(table, last[waiting] + rng.random(len(waiting)), side="right")
            drawn = np.minimum(at - last[waiting] * n_items, n_items - 1) + 1
            walked[waiting, step] = drawn
            waiting = waiting[had[waiting, drawn]]
        last[walking] = walked[walking, step]
        had[walking, last[walking]] = True
    return walked[np.arange(LONGEST) < lengths[:, None]]


def _normalised(weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """The weights as probabilities along the last axis."""
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)
