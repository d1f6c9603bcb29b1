"""Blocks of parameters against sub-blocks of dense matrices, and the patterns that name them."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from landscape import HessianOperator, Objective, ParamSpace
from landscape.objectives.blocks import block, restricted, subspace
from landscape.operators.fisher import FisherOperator
from landscape.operators.gauss_newton import GaussNewtonOperator
from tests.support.problems import PROBLEMS, flat, transformer, two_parts
from tests.support.splits import parts, recommender, sequences

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def dense(operator):
    return operator @ torch.eye(operator.shape[0], dtype=operator.dtype)


def places(space: ParamSpace, names) -> torch.Tensor:
    """Which coordinates of the whole vector belong to these parameters."""
    views = space.views(torch.arange(space.size))
    return torch.cat([views[name].flatten() for name in names])


@pytest.mark.slow
@pytest.mark.parametrize("patterns", ["items.*", "norm.*, qkv.bias", "*.weight", "*", "idle.?ias,items.weight"])
def test_operators_of_a_block_are_sub_blocks_of_the_whole_ones(patterns):
    split = sequences()
    objective = split.objective()
    part = block(objective, patterns)
    at = places(objective.space, part.space.names)
    mask = split.mask[at][:, at]
    hessian = split.problem.dense_hessian()[at][:, at] * mask
    torch.testing.assert_close(dense(HessianOperator(part)), hessian, **CLOSE)
    torch.testing.assert_close(dense(GaussNewtonOperator(part)), split.dense_gauss_newton()[at][:, at], **CLOSE)
    torch.testing.assert_close(dense(FisherOperator(part, split.by_group)), split.dense_fisher()[at][:, at], **CLOSE)
    assert part.space.active == int(torch.diagonal(mask).sum())


@pytest.mark.slow
def test_blocks_of_weighted_parts():
    split = parts()
    objective = split.objective()
    for patterns in ("trunk.*", "a.*,b.*", "idle.*"):
        part = block(objective, patterns)
        at = places(objective.space, part.space.names)
        torch.testing.assert_close(dense(GaussNewtonOperator(part)), split.dense_gauss_newton()[at][:, at], **CLOSE)
        torch.testing.assert_close(
            dense(FisherOperator(part, split.by_group)), split.dense_fisher()[at][:, at], **CLOSE
        )


def test_a_block_has_the_loss_and_the_gradient_of_the_whole():
    for build in PROBLEMS.values():
        objective = build().objective()
        part = block(objective, objective.space.names[0])
        assert part.value() == objective.value()
        at = places(objective.space, part.space.names)
        torch.testing.assert_close(part.gradient(), objective.gradient()[at])
        torch.testing.assert_close(part.params, objective.params[at])


def test_a_block_stays_at_its_objectives_point_when_the_model_moves_on():
    problem = transformer()
    objective = problem.objective()
    value = objective.value()
    with torch.no_grad():
        for parameter in problem.model.parameters():
            parameter += 1.0
    part = block(objective, "qkv.*")
    assert part.value() == value
    moved = objective.params.clone()
    moved[places(objective.space, part.space.names)] += 0.1
    assert part.value(part.params + 0.1) == pytest.approx(objective.value(moved), rel=1e-14)
    assert objective.value() == value and objective.space.size == len(flat(problem.model))


def test_a_block_of_a_block():
    objective = sequences().objective()
    part = block(block(objective, "norm.*,qkv.*"), "qkv.*")
    direct = block(objective, "qkv.*")
    v = torch.ones(direct.space.size).double()
    assert part.space.names == direct.space.names
    torch.testing.assert_close(GaussNewtonOperator(part) @ v, GaussNewtonOperator(direct) @ v)


def test_the_batches_are_shared_and_not_evaluated_again():
    calls = []
    problem = two_parts()
    counted = replace(problem, loss=lambda model, batch: calls.append(batch) or problem.loss(model, batch))
    objective = counted.objective()
    objective.value()
    before = len(calls)
    part = block(objective, "trunk.*")
    assert part.batches is objective.batches
    assert torch.equal(part.counts, objective.counts) and len(calls) == before


def test_excluded_rows_stay_excluded():
    problem = transformer()
    excluded = {"items.weight": [2, 5], "norm.bias": [1], "qkv.weight": [0]}
    objective = problem.objective(space=ParamSpace(problem.model, exclude_rows=excluded))
    space = subspace(objective.space, "items.*,norm.*")
    whole = objective.space.mask[places(objective.space, space.names)]
    assert torch.equal(space.mask, whole) and not space.views(space.mask)["items.weight"][[0, 2, 5]].any()
    assert space.active == space.size - 3 * 4 - 1
    assert subspace(objective.space, "qkv.bias").mask is None
    H = dense(HessianOperator(restricted(objective, space)))
    assert not H[~space.mask].any() and H[space.mask].any()


NAMES = recommender().objective().space.names


@pytest.mark.slow
@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_names_are_patterns_and_keep_the_vectors_order(chosen):
    space = subspace(recommender().objective().space, ",".join(sorted(chosen, reverse=True)))
    assert space.names == tuple(name for name in NAMES if name in chosen)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("item.*", r"no parameter matches 'item\.\*'; did you mean items\.\*"),
        ("items.*, blocks.0.atention.*", r"matches 'blocks\.0\.atention\.\*'; did you mean blocks\.0\.attention\.\*"),
        ("quer", r"did you mean \*query\*"),
        ("norm", r"did you mean norm\.\*"),
        ("blocks.0.feed_norm.wieght", r"did you mean blocks\.0\.feed_norm\.weight"),
        ("ITEMS.*", "no parameter matches"),
        ("#", r"there are items\.weight, positions\.weight, norm\.weight"),
        ("items.*,", "no parameter matches ''"),
    ],
)
def test_a_pattern_that_matches_nothing_names_the_nearest_parameters(patterns, message):
    with pytest.raises(ValueError, match=message):
        subspace(recommender().objective().space, patterns)


def test_a_space_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"the tensor 'weight' is missing; there are trunk\.weight"):
        restricted(two_parts().objective(), ParamSpace(nn.Linear(3, 4).double()))


def test_dropout_and_weights_are_kept():
    problem = two_parts()
    model = nn.Sequential(problem.model.trunk, nn.Dropout(0.5), problem.model.b).double()

    def loss(model, batch):
        terms = model(batch[0]).square()
        return {"squares": (terms.sum(), len(terms))}

    objective = Objective(model, loss, problem.batches, training_mode_seed=3, weights={"squares": 0.3})
    part = block(objective, "2.*")
    assert (
        part.value()
        == objective.value()
        != restricted(Objective(model, loss, problem.batches, weights={"squares": 0.3}), part.space).value()
    )
