"""What products take is forecast: against graphs that are really kept, and against the count of the allocator."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import landscape
from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective, product_memory
from landscape.operators import memory
from tests.support.problems import convolutional, logistic, two_parts

ROWS = (200, 100)


def objective(width: int = 64, rows: tuple[int, ...] = ROWS, loss: Any = None) -> Objective[Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.LayerNorm(width), nn.Linear(width, 3))
    batches = [(torch.randn(n, 8), torch.randint(3, (n,))) for n in rows]
    return Objective(model, loss or landscape.supervised(nn.functional.cross_entropy), batches)


@pytest.mark.parametrize(("operator", "saved"), [(HessianOperator, (0, 1)), (GaussNewtonOperator, (0,))])
def test_graphs_take_what_is_forecast(operator, saved):
    """As the operator counts the storages that its graphs hold, with those of batches, which are there anyway."""
    limit = 2**30
    H = operator(objective(rows=(200, 200)), retain=limit)
    forecast = product_memory(H)
    assert H.products == 0
    H @ torch.ones(H.shape[0])
    of_batches = sum(batch[place].nbytes for batch in H.objective.batches for place in saved)
    assert forecast.graphs == limit - H._graphs._left - of_batches
    assert forecast.total == forecast.graphs + forecast.product
    less = product_memory(operator(objective(rows=(200, 200)), retain=forecast.graphs - 1))
    assert less.graphs == forecast.graphs - 1
    assert less.product == forecast.product + forecast.graphs // 2  # a batch that is not kept makes its graph anew


def test_a_product_takes_what_is_forecast_by_the_count_of_the_allocator():
    """torch's profiler sees each allocation and release of the CPU's allocator."""
    H = HessianOperator(objective(256, (400,)), retain=0)
    v = torch.ones(H.shape[0])
    forecast = product_memory(H)
    with torch.profiler.profile(profile_memory=True) as profile:
        product = H @ v
    now = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert product.any()
    theta_and_vector = 2 * v.nbytes  # made before
    assert peak + theta_and_vector == pytest.approx(forecast.total, rel=0.1)


@pytest.mark.parametrize("make", [logistic, convolutional, two_parts])
def test_shapes_alone_give_the_numbers_of_a_real_product(make, monkeypatch):
    H = HessianOperator(make().objective())
    real = product_memory(H)
    monkeypatch.setattr(memory, "WITHOUT_DATA", 0)
    assert memory._measured(H, H.objective, memory._without_data) == product_memory(H) == real
    assert real.graphs > 0 and real.product >= 3 * H.objective.params.nbytes


@pytest.mark.parametrize("operator", [GaussNewtonOperator, FisherOperator])
def test_other_matrices_likewise(operator):
    H = operator(objective())
    real = product_memory(H)
    assert memory._measured(H, H.objective, memory._without_data) == real
    assert real.graphs > 0


def test_the_largest_batch_is_measured_and_nothing_changes():
    H = HessianOperator(objective())
    v = torch.linspace(-1, 1, H.shape[0])
    expected = HessianOperator(objective()) @ v
    one = product_memory(HessianOperator(objective(rows=(max(ROWS),))))
    forecast = product_memory(H)
    assert (forecast.graphs, forecast.product) == (2 * one.graphs, one.product)
    assert torch.equal(H @ v, expected)
    assert len(H.objective.batches) == 2 and H.products == 1


def test_a_loss_that_needs_data_is_measured_with_data(monkeypatch):
    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        scores = model(batch[0])[batch[1] != int(batch[1].max())]  # how many rows depends on the data
        return scores.square().sum(), max(1, int(scores.numel()))

    H = HessianOperator(objective(loss=loss))
    real = product_memory(H)
    monkeypatch.setattr(memory, "WITHOUT_DATA", 0)
    assert real is not None and product_memory(H) == real


def test_differences_are_not_forecast():
    assert product_memory(HessianOperator(objective(), differences=True)) is None
