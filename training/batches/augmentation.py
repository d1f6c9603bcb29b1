"""Views of sequences for contrastive learning: cropped, masked and reordered (CL4SRec, Xie et al. 2022).

Views are made afresh for each step, so nothing here loops over sequences: all of a batch are drawn at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.choices import one_of

Ints = NDArray[np.int64]

# Shares are decimals and floats are not: 0.58 · 50 is 28.999999999999996. What lies this little below a whole number
# is that number. Far above the rounding error at any length here, far below the step of any share one would choose.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Ragged:
    """Sequences of different lengths, one after another.

    Raises:
        ValueError: A sequence is empty, or the lengths do not add up to the number of values.
    """

    values: Ints  # (T,)
    lengths: Ints  # (S,) each at least 1

    def __post_init__(self) -> None:
        if (self.lengths < 1).any():
            raise ValueError(f"sequence {np.argmax(self.lengths < 1)} is empty; leave out those shorter than 1")
        if self.lengths.sum() != len(self.values):
            raise ValueError(
                f"the lengths add up to {self.lengths.sum()}, but there are {len(self.values)} values; "
                "give one length a sequence"
            )

    @property
    def starts(self) -> Ints:
        """(S,) where each sequence's first value is."""
        return np.cumsum(self.lengths) - self.lengths

    def __getitem__(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Ragged:
        """The chosen sequences, in the order of their indices; one may be chosen more than once."""
        lengths = self.lengths[chosen]
        return Ragged(self.values[_spans(self.starts[chosen], lengths)], lengths)


Operator = Callable[[Ragged, float, np.random.Generator, int], Ragged]


def crop(sequences: Ragged, share: float, generator: np.random.Generator, mask_item: int) -> Ragged:
    """Keep a contiguous piece of max(1, ⌊share · length⌋) items, all starts equally likely.

    A sequence of length 1 stays as it is. ``mask_item`` is not used.
    """
    sizes = np.maximum(1, _counts(sequences, share))
    return Ragged(sequences.values[_pieces(sequences, sizes, generator)], sizes)


def mask(sequences: Ragged, share: float, generator: np.random.Generator, mask_item: int) -> Ragged:
    """Replace ⌊share · length⌋ items by ``mask_item``, all choices of positions equally likely.

    A sequence of length 1 stays as it is, even where the share is 1: nothing would be left of it.
    """
    lengths = sequences.lengths
    counts = np.where(lengths > 1, _counts(sequences, share), 0)
    masked = _shuffled(lengths, generator)[_spans(np.zeros_like(lengths), lengths) < np.repeat(counts, lengths)]
    values = sequences.values.copy()
    values[masked] = mask_item
    return Ragged(values, lengths)


def reorder(sequences: Ragged, share: float, generator: np.random.Generator, mask_item: int) -> Ragged:
    """Shuffle a contiguous piece of ⌊share · length⌋ items, all starts and all orders equally likely.

    A sequence of length 1 stays as it is, and so does one whose piece is shorter than 2; the order drawn may be the
    one there was. ``mask_item`` is not used.
    """
    sizes = _counts(sequences, share)
    inside = _pieces(sequences, sizes, generator)
    values = sequences.values.copy()
    values[inside] = values[inside[_shuffled(sizes, generator)]]
    return Ragged(values, sequences.lengths)


OPERATORS: dict[str, Operator] = {"crop": crop, "mask": mask, "reorder": reorder}


@dataclass(frozen=True)
class Augmentation:
    """How a sequence becomes two views.

    There is no official code, and the two public ones disagree. The defaults are DuoRec's; ICLRec's and CoSeRec's are
    ``Augmentation(crop=0.2, mask=0.7, reorder=0.2, distinct=False)``.

    Raises:
        ValueError: A share is out of its range; an operator is unknown or named twice, or there is none; or distinct
            operators are wanted where there is only one.
    """

    crop: float = 0.6  # share of a sequence that is kept
    mask: float = 0.3  # share that is masked
    reorder: float = 0.6  # share that is shuffled
    operators: tuple[str, ...] = ("crop", "mask", "reorder")
    distinct: bool = True  # whether the two views of a sequence come from different operators

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is the share that is kept, got {self.crop}; pass one above 0 and at most 1")
        for name, share in (("mask", self.mask), ("reorder", self.reorder)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is a share of the sequence, got {share}; pass one from 0 to 1")
        operators = tuple(one_of(name, OPERATORS, "an operator") for name in self.operators)
        object.__setattr__(self, "operators", operators)
        if not operators:
            raise ValueError(f"operators is empty; name at least one of {', '.join(OPERATORS)}")
        if len(set(operators)) < len(operators):
            raise ValueError(f"an operator is named twice in {', '.join(operators)}; name each once")
        if self.distinct and len(operators) < 2:
            raise ValueError(
                f"two distinct operators cannot be drawn from {operators[0]} alone; name another or pass distinct=False"
            )

    @property
    def shares(self) -> dict[str, float]:
        """Each operator's share."""
        return {"crop": self.crop, "mask": self.mask, "reorder": self.reorder}


def views(sequences: Ragged, augmentation: Augmentation, *, mask_item: int, generator: np.random.Generator) -> Ragged:
    """Two views of each of S sequences, each by an operator drawn for that view.

    All pairs of operators are equally likely: ordered pairs of different ones where they are ``distinct``, all
    ordered pairs otherwise.

    Returns:
        2S sequences: the first views of all S, then the second views of all S.
    """
    names, n_sequences = augmentation.operators, len(sequences.lengths)
    first = generator.integers(len(names), size=n_sequences)
    onwards = generator.integers(int(augmentation.distinct), len(names), size=n_sequences)  # 0 is the same again
    drawn = np.concatenate([first, (first + onwards) % len(names)])  # (2S,)
    order = np.argsort(drawn, kind="stable")  # (2S,) the views by operator
    parts = [
        OPERATORS[name](
            sequences[np.flatnonzero(drawn == o) % n_sequences], augmentation.shares[name], generator, mask_item
        )
        for o, name in enumerate(names)
    ]
    by_operator = Ragged(
        np.concatenate([part.values for part in parts]), np.concatenate([part.lengths for part in parts])
    )
    return by_operator[np.argsort(order)]


def _counts(sequences: Ragged, share: float) -> Ints:
    """⌊share · length⌋ of each sequence, (S,), for the decimal that ``share`` was written as."""
    counts: Ints = np.floor(share * sequences.lengths + ROUNDING).astype(np.int64)
    return counts


def _spans(starts: Ints, lengths: Ints) -> Ints:
    """``start``, ``start`` + 1, … for each of the lengths (S,), one after another: (sum of lengths,)."""
    spans: Ints = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return spans


def _pieces(sequences: Ragged, sizes: Ints, generator: np.random.Generator) -> Ints:
    """Where the values of a contiguous piece of each sequence are, its start uniform: (sum of sizes,)."""
    return _spans(sequences.starts + generator.integers(sequences.lengths - sizes + 1), sizes)


def _shuffled(lengths: Ints, generator: np.random.Generator) -> Ints:
    """0, 1, …, sum of lengths − 1, in uniformly random order within each sequence."""
    owners = np.repeat(np.arange(len(lengths)), lengths)
    return np.lexsort((generator.random(len(owners)), owners))
