"""Derivatives from smaller tables against those of whole ones."""

import copy
from dataclasses import replace

import pytest
import torch

from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective
from landscape.objectives.blocks import block
from landscape.objectives.compact_objective import CompactObjective
from landscape.objectives.pieces import pieces
from landscape.parameters.parameter_space import ParamSpace
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.targets import objective as bridge
from landscape.training.targets.objective import objective_of
from tests.support.small import random_dataset, small_model
from tests.training.checkpoints.test_checkpoint import checkpoint

ITEMS = 600
DATASET = random_dataset([5, 6, 7, 9, 12] * 6, n_items=ITEMS, seed=1)
WAYS = {
    "recommendation": ({}, ObjectiveConfig(users=6)),
    "training mode": ({}, ObjectiveConfig(users=6, train_mode=True)),
    "sampled softmax": ({"loss": "sampled-softmax", "negatives": 3}, ObjectiveConfig(loss="own", users=6)),
    "validation": ({}, ObjectiveConfig(users=6, split="valid")),
    "views": ({"method": "cl4srec"}, ObjectiveConfig(loss="own", users=6)),
}
every_way = pytest.mark.parametrize(("settings", "config"), WAYS.values(), ids=WAYS)


def both(settings, config, monkeypatch):
    weights = small_model(ITEMS, dtype=torch.float32).state_dict()
    one = checkpoint()
    one = replace(
        one,
        method=settings.get("method", "sasrec"),
        model={**one.model, "n_items": ITEMS},
        weights=weights,
        settings={**one.settings, **settings},
    )
    compact = objective_of(one, DATASET, config)[0]
    monkeypatch.setattr(bridge, "COMPACT", -1.0)
    monkeypatch.setattr(bridge, "ROWS_A_PRODUCT", 0)
    return compact, objective_of(one, DATASET, config)[0]


def vectors(objective, count):
    return torch.randn(count, objective.space.size, generator=torch.Generator().manual_seed(0))


@every_way
def test_derivatives_are_those_of_whole_tables(settings, config, monkeypatch):
    compact, whole = both(settings, config, monkeypatch)
    assert isinstance(compact, CompactObjective) and type(whole) is Objective
    assert compact.space.active == whole.space.active < 0.5 * whole.space.size
    elsewhere = whole.params + 0.1 * vectors(whole, 1)[0]
    for params in (None, elsewhere):
        assert compact.value(params) == whole.value(params)
        (loss, gradient), (expected, expected_gradient) = (each.value_and_gradient(params) for each in (compact, whole))
        assert loss == pytest.approx(expected, rel=1e-6)
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-5, atol=1e-6)
        V = vectors(whole, 2)
        torch.testing.assert_close(compact.hvp(V, params), whole.hvp(V, params), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(compact.hvp(V[0], params), whole.hvp(V[0], params), rtol=1e-5, atol=1e-6)


@every_way
def test_operators_and_copies_are_right_as_well(settings, config, monkeypatch):
    compact, whole = both(settings, config, monkeypatch)
    v = vectors(whole, 1)[0]
    for operator in (HessianOperator, GaussNewtonOperator):
        for retain in (0, 2**30):
            mine, expected = (operator(each, retain=retain) @ v for each in (compact, whole))
            torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-6)
    if "method" not in settings:
        by_user = compact.loss.by_user
        mine, expected = (FisherOperator(each, by_user) @ v for each in (compact, whole))
        torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-6)
    mine, expected = (block(each, "items.*") for each in (compact, whole))
    part = v[: mine.space.size]
    torch.testing.assert_close(mine.hvp(part), expected.hvp(part), rtol=1e-5, atol=1e-6)
    for one, other in zip(pieces(compact, 0), pieces(whole, 0), strict=True):
        torch.testing.assert_close(one.gradient(), other.gradient(), rtol=1e-6, atol=1e-6)


def test_larger_batches_alone(monkeypatch):
    config = ObjectiveConfig()
    compact, whole = both({}, config, monkeypatch)
    assert isinstance(compact, CompactObjective) and compact.space.active > 0.5 * compact.space.size
    v = vectors(whole, 1)[0]
    torch.testing.assert_close(compact.hvp(v), whole.hvp(v), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(compact.gradient(), whole.gradient(), rtol=1e-5, atol=1e-6)
    assert compact.standard_error() == whole.standard_error() > 0


def test_a_copy_with_other_batches_does_not_use_the_small_one(monkeypatch):
    results = []
    for one in both(*WAYS["recommendation"], monkeypatch):
        _ = one.total_counts
        part = copy.copy(one)
        part.batches = one.batches[:1]
        results.append((part.gradient(), part.hvp(part.params)))
    for mine, expected in zip(*results, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-6)


def test_other_parameters_are_refused():
    table = torch.nn.Embedding(6, 2)
    small = torch.nn.Embedding(3, 2)

    def loss(model, ids):
        return model(ids).square().sum(), len(ids)

    inner = Objective(small, loss, [torch.tensor([0, 2])])
    rows = torch.tensor([1, 3, 5])
    outer = CompactObjective(table, loss, [torch.tensor([1, 5])], small=inner, rows={"weight": rows})
    assert outer.space.size == ParamSpace(table).size
    with pytest.raises(ValueError, match="are not the rows of this one's"):
        CompactObjective(table, loss, [torch.tensor([1, 5])], small=inner, rows={"weight": rows[:2]})
