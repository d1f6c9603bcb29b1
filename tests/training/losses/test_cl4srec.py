"""CL4SRec's batches and its loss."""

import numpy as np
import pytest
import torch

from landscape import Objective
from landscape.training.batches.augmentation import Augmentation
from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import batch, input_windows
from landscape.training.batches.views import ViewedBatch, view_batch
from landscape.training.config.training import TrainingConfig
from landscape.training.loop.stages import stages
from landscape.training.losses.cl4srec import Contrast, WithContrast
from landscape.training.losses.next_item import recommendation
from tests.support.small import assert_derivatives, random_dataset, small_model

N = 8
LENGTHS = [3, 4, 5, 6, N + 2, N + 3, 3 * N, 4, 7]
DATASET = random_dataset(LENGTHS)
INPUTS = input_windows(DATASET, N, held_out=3)
USERS = np.arange(len(LENGTHS))


def viewed(seed=0, padded=False, users=USERS):
    negatives = NegativeSampler(DATASET).draw(np.random.default_rng(0))
    inputs = batch(DATASET, INPUTS, users, N, targets="each", negatives=negatives, padded=padded)
    views = view_batch(DATASET, INPUTS, users, N, Augmentation(), np.random.default_rng(seed), padded=padded)
    return ViewedBatch(inputs, views)


def sequences(rows):
    """The items of each sequence of a batch, in their order."""
    flat, segments = rows.items.flatten(), rows.segments.flatten()
    return [flat[segments == s + 1].tolist() for s in range(len(rows.ends))]


def test_a_batch_holds_two_views_of_each_user_who_has_something_to_read():
    found = viewed()
    readers = [u for u in USERS if INPUTS.lengths[u] > 0]
    assert found.inputs.users.tolist() == readers
    assert found.views.users.tolist() == readers * 2
    masked = 0
    for seed in range(10):
        views = viewed(seed).views
        for user, seen in zip(views.users.tolist(), sequences(views), strict=True):
            start, length = INPUTS.starts[user], INPUTS.lengths[user]
            read = DATASET.items[start : start + length].tolist()
            assert 1 <= len(seen) <= length
            assert set(seen) <= {*read, 61}
            assert len(set(seen) - {61}) >= length - int(0.6 * length + 1e-9) - 1
            masked += seen.count(61)
    assert masked > 0


def test_views_are_right_aligned_and_end_where_the_batch_says():
    views = viewed().views
    flat = views.positions.flatten()
    assert (flat[views.ends] == N - 1).all()
    for s, seen in enumerate(sequences(views)):
        here = views.segments.flatten() == s + 1
        assert flat[here].tolist() == list(range(N - len(seen), N))


def test_the_loss_has_both_parts_and_padding_changes_neither():
    model = small_model()
    loss = WithContrast(recommendation, Contrast(0.5, "cosine"))
    packed, padded = (loss(model, viewed(padded=flag)) for flag in (False, True))
    assert set(packed) == {"recommendation", "contrastive"}
    for part, (total, count) in packed.items():
        torch.testing.assert_close(total, padded[part][0], rtol=1e-10, atol=1e-12)
        assert int(count) == int(padded[part][1])
    assert int(packed["contrastive"][1]) == 2 * sum(INPUTS.lengths > 0)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_derivatives_equal_central_differences(similarity):
    objective = Objective(
        small_model(),
        WithContrast(recommendation, Contrast(2.0, similarity)),
        [viewed(0, users=USERS[:5]), viewed(1, users=USERS[5:])],
        weights={"recommendation": 1.0, "contrastive": 0.1},
    )
    assert_derivatives(objective)


def test_views_change_from_epoch_to_epoch_and_not_from_run_to_run():
    task = stages(DATASET, TrainingConfig(method="cl4srec", batch_size=4, max_length=N))[-1]

    def seen(epoch):
        return [sequences(rows.views) for rows in task.batches(epoch)]

    assert seen(0) == seen(0)
    assert seen(0) != seen(1)
    assert len(seen(0)) == task.steps == 2


def test_the_negatives_are_those_that_sasrec_would_train_with():
    ours, plain = (
        stages(DATASET, TrainingConfig(method=method, batch_size=4, max_length=N))[-1]
        for method in ("cl4srec", "sasrec")
    )
    for rows, others in zip(ours.batches(3), plain.batches(3), strict=True):
        assert torch.equal(rows.inputs.items, others.items)
        assert torch.equal(rows.inputs.negatives, others.negatives)


def test_the_split_and_the_users_sums_give_both_parts():
    model, found = small_model(), viewed()
    loss = WithContrast(recommendation, Contrast(0.5, "cosine"))
    with torch.no_grad():
        whole, split, by_user = loss(model, found), loss.composite(model, found), loss.by_user(model, found)
    for part, (total, count) in whole.items():
        torch.testing.assert_close(split[part][0], total, rtol=1e-12, atol=0)
        assert int(split[part][1]) == int(count)
        assert by_user[part].shape == found.inputs.users.shape
        torch.testing.assert_close(by_user[part].sum(), total, rtol=1e-12, atol=0)


def test_a_step_minimises_the_weighted_means():
    task = stages(DATASET, TrainingConfig(method="cl4srec", contrastive=0.3, max_length=N))[-1]
    parts = task.loss(small_model(), next(task.batches(0)))
    means = {name: total / count for name, (total, count) in parts.items()}
    torch.testing.assert_close(task.minimised(parts), means["recommendation"] + 0.3 * means["contrastive"])
