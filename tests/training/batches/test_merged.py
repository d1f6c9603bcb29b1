"""Batches put together: the same rows, and the same loss of every user."""

import numpy as np
import pytest
import torch

from landscape.training.batches.negatives import NegativeSampler, SampledRows
from landscape.training.batches.packing import input_windows, merged
from landscape.training.losses.next_item import NEXT_ITEM
from tests.support.small import random_dataset, small_model

DATASET = random_dataset([3, 4, 5, 6, 7, 9, 12, 15] * 3)


def batches_of(count):
    inputs = input_windows(DATASET, 8, held_out=3)
    rows = SampledRows(DATASET, inputs, 8, NegativeSampler(DATASET), count, np.random.default_rng(0))
    return [rows.of(np.arange(first, first + 4)) for first in range(0, DATASET.n_users, 4)]


@pytest.mark.parametrize(("loss", "count"), [("bce", 1), ("sampled-softmax", 3), ("ce", 0)])
def test_sums_are_those_of_the_parts(loss, count):
    parts, model = batches_of(count), small_model()
    whole = merged(parts, 10)
    assert len(whole) < len(parts)
    assert all(len(batch.items) <= 10 for batch in whole)
    for batches in (parts, whole):
        assert sum(len(batch.users) for batch in batches) == DATASET.n_users - 3  # three have no input
    sums, numbers = (sum(NEXT_ITEM[loss](model, batch)[k] for batch in parts) for k in (0, 1))
    again, as_many = (sum(NEXT_ITEM[loss](model, batch)[k] for batch in whole) for k in (0, 1))
    torch.testing.assert_close(again, sums)
    assert as_many == numbers
    by_user, expected = (
        {
            user: total
            for batch in batches
            for user, total in zip(batch.users.tolist(), NEXT_ITEM[loss].by_user(model, batch).tolist(), strict=True)
        }
        for batches in (whole, parts)
    )
    assert by_user == pytest.approx(expected)


def test_ends_stay_those_of_their_users():
    for batch in merged(batches_of(1), 10):
        assert batch.items.flatten()[batch.ends].tolist() == [
            int(DATASET.items[DATASET.offsets[user + 1] - 4]) for user in batch.users.tolist()
        ]


def test_batches_that_are_large_enough_stay_themselves():
    parts = batches_of(1)
    assert all(one is other for one, other in zip(merged(parts, 1), parts, strict=True))
