"""The losses of the next item against sums written out, in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import Objective
from landscape.training.batches.negatives import NegativeSampler, SampledRows
from landscape.training.batches.packing import batch, input_windows
from landscape.training.config.methods import SAMPLED_LOSSES
from landscape.training.losses import blockwise_softmax as softmax
from landscape.training.losses.next_item import NEXT_ITEM, cross_entropy
from tests.support.small import assert_derivatives, random_dataset, small_model

N = 8
LENGTHS = [4, 5, 6, N + 2, 3 * N, 4, 7]
DATASET = random_dataset(LENGTHS)


def rows(negatives=1, gbce_t=None):
    inputs, sampler = input_windows(DATASET, N, held_out=3), NegativeSampler(DATASET)
    made = SampledRows(DATASET, inputs, N, sampler, negatives, np.random.default_rng(0), gbce_t=gbce_t)
    return made.of(np.arange(len(LENGTHS)))


def rows_for(name):
    """Rows as a loss takes them."""
    return rows(5 if name in SAMPLED_LOSSES else 1, 0.75 if name == "gbce" else None)


@torch.no_grad()
def written_out(model, found, term):
    """The sum of ``term(scores of all items, target, negatives)`` where there is a target, and how often that is."""
    hidden = model(found.items, found.positions, found.segments)
    total, count = 0.0, 0
    for r, p in torch.nonzero(found.targets > 0).tolist():
        scores = [float(hidden[r, p] @ model.items.weight[i]) for i in range(model.n_items + 2)]
        negatives = found.negatives[..., r, p].reshape(-1).tolist()
        total += term(scores, int(found.targets[r, p]), negatives)
        count += 1
    return total, count


@torch.no_grad()
def test_binary_cross_entropy_is_its_formula():
    model, found = small_model(), rows()

    def term(scores, target, negatives):
        return math.log1p(math.exp(-scores[target])) + math.log1p(math.exp(scores[negatives[0]]))

    total, count = NEXT_ITEM["bce"](model, found)
    expected = written_out(model, found, term)
    assert (float(total), int(count)) == (pytest.approx(expected[0], rel=1e-12), expected[1])


@torch.no_grad()
def test_cross_entropy_is_its_formula_over_the_real_items():
    model, found = small_model(), rows()

    def term(scores, target, negatives):
        return math.log(sum(math.exp(score) for score in scores[1:-1])) - scores[target]

    total, count = cross_entropy(model, found)
    expected = written_out(model, found, term)
    assert (float(total), int(count)) == (pytest.approx(expected[0], rel=1e-12), expected[1])


@torch.no_grad()
@pytest.mark.parametrize("negatives", [1, 5])
def test_sampled_softmax_is_its_formula(negatives):
    model, found = small_model(), rows(negatives)

    def term(scores, target, sampled):
        assert len(sampled) == negatives
        return math.log(sum(math.exp(scores[i]) for i in [target, *sampled])) - scores[target]

    total, count = NEXT_ITEM["sampled-softmax"](model, found)
    expected = written_out(model, found, term)
    assert (float(total), int(count)) == (pytest.approx(expected[0], rel=1e-12), expected[1])


def test_sampled_items_are_none_that_the_user_was_trained_on():
    found = rows(50)
    for r, p in torch.nonzero(found.targets > 0).tolist():
        user = int(found.users[found.segments[r, p] - 1])
        taken = set(DATASET.items[DATASET.offsets[user] : DATASET.offsets[user + 1] - 2].tolist())
        sampled = found.negatives[:, r, p].tolist()
        assert len(set(sampled)) > 10
        assert not taken & {0, 61, *sampled}.difference({0, 61})
        assert min(sampled) >= 1
        assert max(sampled) <= 60
    assert not found.negatives[:, found.targets == 0].any()


@pytest.mark.parametrize("size", [60, 7 * 60 + 1, 10**6])
def test_blocks_of_scores_change_neither_the_loss_nor_its_derivatives(size, monkeypatch):
    model, found = small_model(), rows()
    vector = torch.randn(sum(p.numel() for p in model.parameters()), dtype=torch.float64)

    def measured():
        objective = Objective(model, cross_entropy, [found])
        return objective.value(), objective.gradient(), objective.hvp(vector)

    whole = measured()
    monkeypatch.setattr(softmax, "SCORES_AT_ONCE", size)
    for a, b in zip(measured(), whole, strict=True):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NEXT_ITEM)
def test_derivatives_equal_central_differences(name):
    model, found = small_model(), rows_for(name)
    objective = Objective(model, NEXT_ITEM[name], [found])
    assert_derivatives(objective)


@pytest.mark.parametrize("name", NEXT_ITEM)
def test_packed_rows_give_the_padded_loss(name):
    model, sampler = small_model(), NegativeSampler(DATASET)
    negatives = sampler.draw(np.random.default_rng(0))
    several = np.stack([sampler.draw(np.random.default_rng(seed)) for seed in range(3)])
    inputs = input_windows(DATASET, N, held_out=3)
    sums = [
        NEXT_ITEM[name](
            model,
            replace(
                batch(
                    DATASET,
                    inputs,
                    np.arange(len(LENGTHS)),
                    N,
                    targets="each",
                    negatives=several if name in SAMPLED_LOSSES else negatives,
                    padded=padded,
                ),
                positive_weight=0.4,
            ),
        )
        for padded in (False, True)
    ]
    torch.testing.assert_close(sums[0][0], sums[1][0], rtol=1e-12, atol=0)
    assert int(sums[0][1]) == int(sums[1][1])


@pytest.mark.parametrize("name", NEXT_ITEM)
def test_scores_and_terms_give_the_loss_and_its_users(name):
    model, found = small_model(), rows_for(name)
    loss = NEXT_ITEM[name]
    with torch.no_grad():
        total, count = loss(model, found)
        split_total, split_count = loss.composite(model, found)
        torch.testing.assert_close(split_total, total, rtol=1e-12, atol=0)
        assert int(split_count) == int(count)
        by_user = loss.by_user(model, found)
        assert by_user.shape == found.users.shape
        torch.testing.assert_close(by_user.sum(), total, rtol=1e-12, atol=0)
        terms = loss.terms(loss.scores(model, found), found)
        for number, sums in enumerate(by_user, start=1):
            mine = (found.segments == number) & (found.targets > 0)
            torch.testing.assert_close(sums, terms[mine].sum(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NEXT_ITEM)
def test_terms_are_convex_in_the_scores(name):
    model, found = small_model(), rows_for(name)
    loss = NEXT_ITEM[name]
    a, b = torch.randn(2, *loss.scores(model, found).shape, dtype=torch.float64)
    middle = loss.summed((a + b) / 2, found)[0]
    assert middle <= (loss.summed(a, found)[0] + loss.summed(b, found)[0]) / 2
