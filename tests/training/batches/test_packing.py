"""Packed rows compute what padded rows compute, and sequences in a row do not see one another."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape import Objective, ParamSpace
from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import batch, groups, input_windows, pack
from landscape.training.losses.next_item import recommendation
from tests.support.small import random_dataset, small_model

N = 8
LENGTHS = [3, 4, 5, 6, N + 2, N + 3, N + 4, 3 * N, 4, 7]  # training inputs of length 0, 1, 2, 3, n − 1, n, n + 1, …


@given(st.lists(st.integers(1, 12), max_size=60))
def test_packing_places_every_sequence_once_without_overlap(lengths):
    rows, offsets, count = pack(np.array(lengths, dtype=np.int64), 12)
    taken = np.zeros((count, 12), int)
    for row, offset, length in zip(rows, offsets, lengths, strict=True):
        assert offset + length <= 12
        taken[row, offset : offset + length] += 1
    assert taken.max(initial=0) <= 1
    assert taken.sum() == sum(lengths)
    # Best fit never leaves two rows half empty.
    assert np.count_nonzero(taken.sum(1) <= 6) <= 1


def laid(dataset, users, *, padded=False, targets="each", held_out=3):
    negatives = NegativeSampler(dataset).draw(np.random.default_rng(5))
    return batch(
        dataset,
        input_windows(dataset, N, held_out=held_out),
        users,
        N,
        targets=targets,
        negatives=negatives,
        padded=padded,
    )


def test_a_batch_holds_the_most_recent_inputs_their_successors_and_right_aligned_positions():
    dataset = random_dataset(LENGTHS)
    packed = laid(dataset, np.arange(len(LENGTHS)))
    assert packed.users.tolist() == list(range(1, len(LENGTHS)))  # user 0 has no training pair
    for segment, user in enumerate(packed.users.tolist(), start=1):
        sequence = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]]
        here = packed.segments == segment
        length = min(N, len(sequence) - 3)
        assert packed.items[here].tolist() == sequence[:-3][-N:].tolist()
        assert packed.targets[here].tolist() == sequence[1:-2][-N:].tolist()
        assert packed.positions[here].tolist() == list(range(N - length, N))
        end = packed.ends[segment - 1]
        assert packed.segments.flatten()[end] == segment
        assert packed.positions.flatten()[end] == N - 1
    assert int((packed.segments == 0).sum()) == int((packed.items == 0).sum())


@pytest.mark.parametrize(("held_out", "target"), [(2, -2), (1, -1)])
def test_held_out_targets_are_the_only_ones(held_out, target):
    dataset = random_dataset(LENGTHS)
    packed = laid(dataset, np.arange(len(LENGTHS)), targets="last", held_out=held_out)
    assert int((packed.targets > 0).sum()) == len(packed.users)
    expected = [dataset.items[dataset.offsets[u + 1] + target] for u in packed.users.tolist()]
    assert packed.targets.flatten()[packed.ends].tolist() == expected


def test_packed_and_padded_give_the_same_loss_gradient_and_hessian_products():
    dataset, model = random_dataset(LENGTHS), small_model()
    space = ParamSpace(model)
    users = [np.arange(0, 6), np.arange(6, len(LENGTHS))]
    packed, padded = (
        Objective(model, recommendation, [laid(dataset, group, padded=padded) for group in users], space=space)
        for padded in (False, True)
    )
    assert sum(len(rows.items) for rows in packed.batches) < sum(len(rows.items) for rows in padded.batches)
    assert packed.value() == pytest.approx(padded.value(), rel=1e-12)
    torch.testing.assert_close(packed.gradient(), padded.gradient(), rtol=1e-9, atol=1e-12)
    vector = torch.randn(space.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(packed.hvp(vector), padded.hvp(vector), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_sequences_of_a_row_do_not_see_one_another(training):
    dataset, model = random_dataset([6, 7, 8, 6]), small_model(dtype=torch.float32)
    model.train(training)
    for module in model.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    rows = laid(dataset, np.arange(4))
    changed = rows.items.clone()
    mine = rows.segments == 2
    changed[mine] = torch.randint(1, 60, (int(mine.sum()),), generator=torch.Generator().manual_seed(2))
    before, after = (model(items, rows.positions, rows.segments) for items in (rows.items, changed))
    others = (rows.segments != 2) & (rows.segments != 0)
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[mine], after[mine])


def test_the_future_does_not_change_the_past():
    dataset, model = random_dataset([N + 3]), small_model(dtype=torch.float32)
    rows = laid(dataset, np.arange(1))
    changed = rows.items.clone()
    changed[0, N // 2 :] = changed[0, N // 2 :].flip(0)
    before, after = (model(items, rows.positions, rows.segments) for items in (rows.items, changed))
    assert torch.equal(before[0, : N // 2], after[0, : N // 2])
    assert not torch.equal(before[0, N // 2 :], after[0, N // 2 :])


def test_one_position_a_sequence_is_what_all_positions_give_there():
    dataset, model = random_dataset(LENGTHS), small_model()
    rows = laid(dataset, np.arange(len(LENGTHS)))
    every = model(rows.items, rows.positions, rows.segments).flatten(0, 1)[rows.ends]
    torch.testing.assert_close(
        model(rows.items, rows.positions, rows.segments, select=rows.ends), every, rtol=1e-12, atol=1e-12
    )


def test_groups_are_all_users_once():
    users = np.arange(3, 50)
    found = list(groups(users, 8, np.random.default_rng(0)))
    assert [len(group) for group in found] == [8] * 5 + [7]
    assert sorted(np.concatenate(found)) == users.tolist()
    assert np.concatenate(found).tolist() != users.tolist()
