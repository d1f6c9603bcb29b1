"""Prefixes, keys and parts of a data set, against loops over its users."""

import numpy as np
import pytest

from landscape.training.data.splits import HELD_OUT, RANKED, TRAINING_SEQUENCE
from tests.support.small import dataset_of

SEQUENCES = [[3, 1, 2], [5, 5, 4, 1], [2, 6, 1, 3, 4]]
DATASET = dataset_of(SEQUENCES, 6)


@pytest.mark.parametrize("held_out", range(4))
def test_a_prefix_lacks_the_last_items(held_out):
    mask = DATASET.prefix_mask(held_out)
    expected = [(user, item) for user, items in enumerate(SEQUENCES) for item in items[: len(items) - held_out]]
    assert list(zip(DATASET.owners[mask].tolist(), DATASET.items[mask].tolist(), strict=True)) == expected


def test_splits_hold_out_their_targets():
    assert HELD_OUT == {"train": 3, "valid": 2, "test": 1}
    assert TRAINING_SEQUENCE == 2  # training's targets are in s[:-2]
    assert RANKED == ("valid", "test")


def test_keys_are_different_for_all_pairs_and_sorted_like_them():
    users, items = (grid.ravel() for grid in np.meshgrid(np.arange(3), np.arange(1, 7), indexing="ij"))
    keys = DATASET.user_item_keys(users, items)
    assert (np.diff(keys) > 0).all()
    assert [list(pair) for pair in zip(*np.divmod(keys, 7), strict=True)] == np.stack([users, items], 1).tolist()


def test_a_part_of_the_users_has_their_sequences_in_the_given_order():
    part = DATASET.of_users(np.array([2, 0]))
    assert [rows.tolist() for rows in np.split(part.items, part.offsets[1:-1])] == [SEQUENCES[2], SEQUENCES[0]]
    assert part.n_items == DATASET.n_items
