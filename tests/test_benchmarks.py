"""The benchmarks measure what they say: equal work for the peers, and a table that shows what was found."""

import numpy as np
import pytest
import torch

from benchmarks import measure, ours, peers
from benchmarks.catalogue import BENCHMARKS, TASKS
from benchmarks.table import markdown
from landscape import Objective
from models.sasrec import SASRec
from tests.small import random_dataset, small_model
from training.losses import recommendation
from training.negatives import NegativeSampler
from training.packing import Batch, batch, pieces


@pytest.fixture
def model() -> SASRec:
    return small_model()


@pytest.fixture
def rows() -> Batch:
    dataset = random_dataset([3, 5, 9, 14, 4])
    negatives = NegativeSampler(dataset).draw(np.random.default_rng(0))
    return batch(dataset, pieces(dataset, 8, until=3), np.arange(5), 8, targets="each", negatives=negatives)


def test_the_peers_differentiate_the_same_loss(model: SASRec, rows: Batch) -> None:
    objective = Objective(model, recommendation, [rows])
    scores = peers.Scores(model)
    ((inputs, targets),) = peers.pairs([rows])
    value = peers.loss(scores(inputs), targets)
    gradient = torch.cat([one.flatten() for one in torch.autograd.grad(value, list(model.parameters()))])
    assert value.item() == pytest.approx(objective.value(), rel=1e-12)
    torch.testing.assert_close(gradient, objective.gradient())


def test_a_relative_residual_is_that_of_a_dense_matrix() -> None:
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    vector = torch.tensor([3.0, 4.0])
    expected = (matrix @ vector - 2 * vector).norm() / (2 * vector.norm())
    found = peers.residual(list((matrix @ vector).split(1)), list(vector.split(1)), 2.0)
    assert found == pytest.approx(float(expected))


def test_arithmetic_counts_a_matrix_product() -> None:
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert measure.arithmetic(lambda: a @ b) == 2 * 3 * 5 * 7


def test_memory_sees_what_was_allocated_and_freed() -> None:
    before = measure.peak_memory()
    block = np.ones(2**26)  # 512 MB, written to
    del block
    after = measure.peak_memory()
    if before is None or after is None:
        pytest.skip("the system does not tell")
    assert after > 500


def test_the_median_ignores_one_slow_run() -> None:
    found = measure.summary([1.0, 1.2, 9.0])
    assert found["seconds"] == 1.2
    assert found["spread"] == pytest.approx(8.0 / 1.2)


def test_every_benchmark_belongs_to_a_task_that_the_packed_way_does_too() -> None:
    assert {name.partition("/")[0] for name in BENCHMARKS} == set(TASKS)
    assert all(f"{task}/packed" in BENCHMARKS for task in TASKS)
    assert BENCHMARKS["point/packed"] is ours.point


def test_the_table_shows_ratios_reasons_and_the_grid_that_nobody_waits_for() -> None:
    results = {
        "point/packed": {"seconds": 0.2, "spread": 0.1, "share_of_ceiling": 0.45, "peak_mb": 512.4},
        "point/padded": {"seconds": 4.0, "share_of_terms": 0.1},
        "surface/packed": {"seconds": 20.0, "evaluations": 97},
        "surface/loss-landscapes": {"failed": "ZeroDivisionError: float division by zero"},
        "product/packed": {"seconds": 2.0},
        "product/pyhessian": {"skipped": "pyhessian is not installed"},
    }
    ceilings = {
        "surface": {"before": {"gflops": 100.0, "copy_gb_per_s": 10.0}, "after": {"gflops": 90.0, "copy_gb_per_s": 9.0}}
    }
    lines = markdown({"results": results, "ceilings": ceilings}).splitlines()
    assert any("| packed | 0.2 ± 5% | 1.0 | 45% | 512 MB |" in line for line in lines)
    assert any("| padded | 4 | 20.0 |" in line and "scaled from 0.1 of the terms" in line for line in lines)
    assert any(f"| padded, every point | {51**2 * 4.0:.3g} |" in line for line in lines)
    assert any("ZeroDivisionError" in line for line in lines)
    assert any("skipped: pyhessian is not installed" in line for line in lines)
    assert "- surface: 100 GFLOP/s, 10 GB/s → 90 GFLOP/s, 9 GB/s" in lines
