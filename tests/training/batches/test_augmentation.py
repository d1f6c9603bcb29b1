"""Views of sequences: what every draw keeps, and that all draws there are come equally often."""

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from landscape.training.batches.augmentation import OPERATORS, Augmentation, Ragged, crop, mask, reorder, views

MASK = 10**6

LENGTHS = st.lists(st.integers(1, 12), max_size=20) | st.just([1]) | st.just([1, 2, 2, 1]) | st.just([50] * 3)
SHARES = st.integers(0, 100).map(lambda percent: percent / 100)
SEEDS = st.integers(0, 2**32)


def sequences_of(lengths):
    """Sequences of which all items are different: 1, 2, … through all of them."""
    return Ragged(np.arange(1, sum(lengths) + 1), np.array(lengths, dtype=np.int64))


def split(sequences):
    ends = np.cumsum(sequences.lengths)
    return [sequences.values[end - n : end].tolist() for end, n in zip(ends, sequences.lengths, strict=True)]


def counted(share, length):
    """⌊share · length⌋ of the decimal that the share was written as, in exact arithmetic."""
    return math.floor(Fraction(str(share)) * length)


def applied(operator, lengths, share, seed):
    """Each original beside what the operator makes of it; the operator leaves the originals as they were."""
    sequences = sequences_of(lengths)
    originals = split(sequences)
    made = operator(sequences, share, np.random.default_rng(seed), MASK)
    assert split(sequences) == originals
    assert made.values.dtype == made.lengths.dtype == np.int64
    return list(zip(originals, split(made), strict=True))


@pytest.mark.slow
@given(LENGTHS, SHARES.filter(bool), SEEDS)
def test_crop_keeps_a_contiguous_piece(lengths, share, seed):
    for original, kept in applied(crop, lengths, share, seed):
        assert len(kept) == max(1, counted(share, len(original)))
        start = original.index(kept[0])
        assert kept == original[start : start + len(kept)]


@given(LENGTHS, SHARES, SEEDS)
def test_mask_replaces_the_exact_number_and_nothing_else(lengths, share, seed):
    for original, masked in applied(mask, lengths, share, seed):
        assert masked.count(MASK) == (counted(share, len(original)) if len(original) > 1 else 0)
        assert all(after in (before, MASK) for before, after in zip(original, masked, strict=True))


@given(LENGTHS, SHARES, SEEDS)
def test_reorder_keeps_the_items_and_what_is_outside_one_piece(lengths, share, seed):
    for original, shuffled in applied(reorder, lengths, share, seed):
        assert sorted(shuffled) == original
        moved = [i for i, (before, after) in enumerate(zip(original, shuffled, strict=True)) if before != after]
        assert not moved or moved[-1] - moved[0] < counted(share, len(original))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("share", [0.01, 0.6, 1.0])
def test_a_sequence_of_one_item_stays_as_it_is(operator, share):
    assert [made for original, made in applied(OPERATORS[operator], [1, 2, 1, 1], share, 0) if len(original) == 1] == [
        [1],
        [4],
        [5],
    ]


def test_a_share_counts_as_the_decimal_it_was_written_as():
    lengths = np.arange(1, 201)  # 0.58 · 50 is below 29 in floats, 0.07 · 100 above 7
    for percent in range(1, 101):
        cropped = crop(sequences_of(lengths), percent / 100, np.random.default_rng(0), MASK)
        assert cropped.lengths.tolist() == [max(1, percent * length // 100) for length in lengths.tolist()], percent


def crops(original, share):
    size = max(1, counted(share, len(original)))
    return [tuple(original[start : start + size]) for start in range(len(original) - size + 1)]


def maskings(original, share):
    chosen = combinations(range(len(original)), counted(share, len(original)))
    return [tuple(MASK if i in places else item for i, item in enumerate(original)) for places in chosen]


def reorderings(original, share):
    size = counted(share, len(original))
    return [
        (*original[:start], *inside, *original[start + size :])
        for start in range(len(original) - size + 1)
        for inside in permutations(original[start : start + size])
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operator", "outcomes", "share", "length"),
    [
        (crop, crops, 0.6, 10),
        (crop, crops, 0.5, 2),
        (crop, crops, 0.1, 5),
        (mask, maskings, 0.4, 5),
        (mask, maskings, 0.5, 2),
        (reorder, reorderings, 0.75, 4),
        (reorder, reorderings, 0.4, 5),
        (reorder, reorderings, 1.0, 2),
    ],
)
def test_all_draws_are_equally_likely_wherever_a_sequence_stands(operator, outcomes, share, length):
    others = [1, 2, 7]
    lengths = np.array([*others, length] * 6000)
    values = np.tile(np.concatenate([np.arange(1, n + 1) for n in [*others, length]]), 6000)
    made = split(operator(Ragged(values, lengths), share, np.random.default_rng(1), MASK))
    for n in (2, 7, length):
        possible = Counter(outcomes(list(range(1, n + 1)), share))  # how many draws lead to each outcome
        found = Counter(tuple(view) for view, before in zip(made, lengths, strict=True) if before == n)
        assert set(found) <= set(possible)
        if len(possible) > 1:
            weights = np.array([possible[outcome] for outcome in possible])
            expected = weights / weights.sum() * found.total()
            assert chisquare([found[outcome] for outcome in possible], expected).pvalue > 1e-3


def operator_of(view):
    """Which operator made a view of a sequence of ten items, at the default shares."""
    if len(view) == 6:
        return "crop"
    return "mask" if MASK in view else "reorder"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operators", "distinct"),
    [
        (("crop", "mask", "reorder"), True),
        (("crop", "mask", "reorder"), False),
        (("reorder", "crop"), True),
        (("reorder", "crop"), False),
        (("mask",), False),
    ],
)
def test_all_pairs_of_operators_are_equally_likely(operators, distinct):
    size = 6000
    augmentation = Augmentation(operators=operators, distinct=distinct)
    made = split(views(sequences_of([10] * size), augmentation, mask_item=MASK, generator=np.random.default_rng(2)))
    found = Counter((operator_of(made[s]), operator_of(made[size + s])) for s in range(size))
    possible = [pair for pair in product(operators, repeat=2) if not distinct or pair[0] != pair[1]]
    assert set(found) == set(possible)
    if len(possible) > 1:
        assert chisquare([found[pair] for pair in possible]).pvalue > 1e-3


@given(LENGTHS, SEEDS, st.permutations(list(OPERATORS)), st.integers(1, 3), st.booleans())
def test_first_views_come_before_second_views_each_made_by_one_operator(lengths, seed, order, count, distinct):
    operators = tuple(order[:count])
    augmentation = Augmentation(operators=operators, distinct=distinct and count > 1)
    sequences = sequences_of(lengths)
    originals = split(sequences)
    made = split(views(sequences, augmentation, mask_item=MASK, generator=np.random.default_rng(seed)))
    assert split(sequences) == originals
    assert len(made) == 2 * len(originals)
    for original, view in zip(originals * 2, made, strict=True):
        assert set(view) <= {*original, MASK}
        n = len(original)
        cropped = "crop" in operators and len(view) == max(1, counted(0.6, n)) and view == sorted(view)
        masked = "mask" in operators and len(view) == n and view.count(MASK) == (counted(0.3, n) if n > 1 else 0)
        reordered = "reorder" in operators and sorted(view) == original
        assert cropped or masked or reordered


def test_the_shares_reach_their_operators():
    sequences = sequences_of([10] * 50)
    for name, share, recognised in (
        ("crop", 0.2, lambda view, _: len(view) == 2),
        ("mask", 0.7, lambda view, _: view.count(MASK) == 7),
        ("reorder", 0.0, lambda view, original: view == original),
    ):
        augmentation = Augmentation(**{name: share}, operators=(name,), distinct=False)
        made = split(views(sequences, augmentation, mask_item=MASK, generator=np.random.default_rng(0)))
        assert all(recognised(view, original) for view, original in zip(made, split(sequences) * 2, strict=True))


def test_equal_seeds_give_equal_views_and_others_do_not():
    sequences = sequences_of([10, 3, 1, 7] * 5)
    one, same, other = (
        split(views(sequences, Augmentation(), mask_item=MASK, generator=np.random.default_rng(seed)))
        for seed in (4, 4, 5)
    )
    assert one == same
    assert one != other


def test_no_sequences_have_no_views():
    made = views(sequences_of([]), Augmentation(), mask_item=MASK, generator=np.random.default_rng(0))
    assert len(made.values) == len(made.lengths) == 0


def test_ragged_sequences_are_chosen_like_rows():
    sequences = sequences_of([2, 1, 3])
    assert split(sequences[np.array([2, 0, 2])]) == [[4, 5, 6], [1, 2], [4, 5, 6]]
    assert split(sequences[np.array([False, True, True])]) == [[3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([2, 0, 1], "sequence 1 is empty"), ([2, 2], "lengths add up to 4, but there are 3 values")],
)
def test_ragged_sequences_have_to_add_up(lengths, message):
    with pytest.raises(ValueError, match=message):
        Ragged(np.arange(3), np.array(lengths))


@pytest.mark.parametrize("share", [-0.1, 1.01, math.nan, math.inf])
@pytest.mark.parametrize("name", OPERATORS)
def test_a_share_out_of_range_is_refused(name, share):
    with pytest.raises(ValueError, match=f"{name} is .*, got {share}; pass one"):
        Augmentation(**{name: share})


def test_a_crop_of_nothing_is_refused_and_nothing_masked_or_reordered_is_not():
    with pytest.raises(ValueError, match="crop is the share that is kept, got 0.0; pass one above 0 and at most 1"):
        Augmentation(crop=0.0)
    assert Augmentation(mask=0.0, reorder=0.0).shares == {"crop": 0.6, "mask": 0.0, "reorder": 0.0}


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        (("crop", "masc"), "an operator must be one of crop, mask, reorder, got 'masc'; did you mean mask"),
        ((), "operators is empty; name at least one of crop, mask, reorder"),
        (("crop", "mask", "Crop"), "an operator is named twice in crop, mask, crop; name each once"),
        (("crop",), "two distinct operators cannot be drawn from crop alone; name another or pass distinct=False"),
    ],
)
def test_operators_that_cannot_be_drawn_are_refused(operators, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(operators=operators)
