"""The benchmarks measure what they state: equal work for the peers, and a table that shows all results."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import curvature, ours, peers
from benchmarks.__main__ import main
from benchmarks.catalogue import BENCHMARKS, TASKS
from benchmarks.support import measure
from benchmarks.support.setting import Setting
from benchmarks.support.table import markdown
from landscape import Objective
from landscape.models.sasrec import SASRec
from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import Batch, batch, input_windows
from landscape.training.losses.next_item import recommendation
from tests.support.small import random_dataset, small_model


@pytest.fixture
def model() -> SASRec:
    return small_model()


@pytest.fixture
def rows() -> Batch:
    dataset = random_dataset([3, 5, 9, 14, 4])
    negatives = NegativeSampler(dataset).draw(np.random.default_rng(0))
    return batch(dataset, input_windows(dataset, 8, held_out=3), np.arange(5), 8, targets="each", negatives=negatives)


@pytest.fixture(scope="module")
def beauty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small Beauty.txt: 600 users, of whom --quick trains on 18."""
    folder, dataset = tmp_path_factory.mktemp("data"), random_dataset([5, 9, 7] * 200, n_items=40)
    lines = [
        f"{user + 1} {' '.join(map(str, dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]]))}"
        for user in range(dataset.n_users)
    ]
    (folder / "Beauty.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def setting(beauty: Path) -> Setting:
    return Setting(str(beauty), ours.trained(str(beauty), beauty / "run", quick=True), quick=True, users=100)


@pytest.mark.slow
def test_the_peers_differentiate_the_same_loss(model: SASRec, rows: Batch) -> None:
    objective = Objective(model, recommendation, [rows])
    scores = peers.Scores(model)
    ((inputs, targets),) = peers.pairs([rows])
    value = peers.loss(scores(inputs), targets)
    gradient = torch.cat([part.flatten() for part in torch.autograd.grad(value, list(model.parameters()))])
    assert value.item() == pytest.approx(objective.value(), rel=1e-12)
    torch.testing.assert_close(gradient, objective.gradient())


def test_a_relative_residual_is_that_of_a_dense_matrix() -> None:
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    vector = torch.tensor([3.0, 4.0])
    expected = (matrix @ vector - 2 * vector).norm() / (2 * vector.norm())
    found = peers.residual(list((matrix @ vector).split(1)), list(vector.split(1)), 2.0)
    assert found == pytest.approx(float(expected))


@pytest.mark.slow
def test_arithmetic_counts_a_matrix_product() -> None:
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert measure.arithmetic(lambda: a @ b) == 2 * 3 * 5 * 7


@pytest.mark.slow
def test_memory_sees_what_was_allocated_and_freed() -> None:
    before = measure.peak_memory()
    block = np.ones(2**26)  # 512 MB, written to
    del block
    after = measure.peak_memory()
    if before is None or after is None:
        pytest.skip("the system does not report it")
    assert after > 500


def test_the_median_ignores_one_slow_run() -> None:
    found = measure.summary([1.0, 1.2, 9.0])
    assert found["seconds"] == 1.2
    assert found["spread"] == pytest.approx(8.0 / 1.2)


def test_in_turn_means_one_after_another_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    found = measure.in_turn({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3)
    assert order == list("abababab")
    assert [len(found[name]["runs"]) for name in "ab"] == [3, 3]
    assert len(measure.in_turn({"a": list}, rounds=1, warm_up=False)["a"]["runs"]) == 1


def test_a_ratio_is_taken_round_by_round() -> None:
    one, other = measure.summary([1.0, 40.0, 3.0]), measure.summary([2.0, 80.0, 1.0])
    assert measure.ratio(one, other) == 0.5


@pytest.mark.slow
def test_the_command_writes_what_it_measured_beside_the_ceiling(beauty: Path) -> None:
    out = beauty / "results.json"
    arguments = f"--data-dir {beauty} --quick --users 100 --threads 1 --only density/packed --out {out}"
    shown = CliRunner().invoke(main, arguments, catch_exceptions=False)
    report = json.loads(out.read_text())
    found = report["results"]["density/packed"]
    assert [*report["results"]] == ["density/packed"]
    assert found["products"] == 2 * 4 and found["users"] == 3  # --quick
    assert 0 < found["share_in_products"] < 1 and found["stderr"] > 0 and found["peak_mb"] > 0
    assert report["ceilings"]["curvature"]["before"]["gflops"] > 0
    assert "| spectral density on some users, 10 probes × 40 steps | packed |" in shown.stdout


@pytest.mark.slow
def test_products_count_the_operations_predicted(setting: Setting) -> None:
    operations = curvature.products(setting)["operations_in_forward_passes"]
    expected = {
        "Hessian": 9,
        "Gauss-Newton": 5,
        "Fisher": 5,
        "Hessian, retained": 6,
        "Gauss-Newton, retained": 4,
        "Fisher, retained": 4,
    }
    assert operations == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
def test_each_of_many_items_is_scored_once_for_a_user(setting: Setting) -> None:
    useful = 2 * 600 * ours.MANY_ITEMS * 64
    counted = ours.ranking_of_many_items(setting)["flops"]()
    assert useful < counted < 1.6 * useful  # ten users a block of items, filled up to 16; and the network


@pytest.mark.slow
def test_the_trace_is_estimated_in_two_ways_from_equal_products(setting: Setting) -> None:
    found = curvature.trace_of_hessian(setting)
    assert found["products"] == 6 and found["users"] == 3
    apart = abs(found["trace"] - found["hutchinson_trace"])
    assert apart < 6 * np.hypot(found["stderr"], found["hutchinson_stderr"])


def test_what_torch_dropped_decomposes_a_symmetric_matrix_as_it_did() -> None:
    matrix = torch.tensor([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]])
    values, vectors = peers._symmetric_eig(matrix, eigenvectors=True)
    assert values.shape == (3, 2) and not values[:, 1].any()
    torch.testing.assert_close(matrix @ vectors, vectors * values[:, 0])


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
        "trace/packed": {"seconds": 5.0, "trace": 71.25, "stderr": 3.25, "users": 500, "ratios": {"a / b": 0.5}},
        "trace/pyhessian": {"seconds": 6.0, "times_ours": 1.7, "products": 60},
        "density/pyhessian": {"seconds": 9.0, "scaled_from_probes": 1, "unpatched": "RuntimeError: gone"},
    }
    ceilings = {
        "surface": {"before": {"gflops": 100.0, "copy_gb_per_s": 10.0}, "after": {"gflops": 90.0, "copy_gb_per_s": 9.0}}
    }
    lines = markdown({"results": results, "ceilings": ceilings}).splitlines()
    assert any("| packed | 0.2 ± 5% | 1.0 | 45% | 512 MB |" in line for line in lines)
    assert any("| padded | 4 | 20.0 |" in line and "scaled from 0.1 of the terms" in line for line in lines)
    assert any(f"| padded, every point | {51**2 * 4.0:.3g} |" in line for line in lines)
    assert any(
        "| packed | 5 | 1.0 |" in line and "trace 71.25, standard error 3.2, 500 users, a / b 0.50" in line
        for line in lines
    )
    assert any("| pyhessian | 6 | 1.7 |" in line for line in lines), "what was measured in turn goes before seconds"
    assert any(
        "| pyhessian | 9 |  |" in line and "scaled from 1 probe, as it is installed: RuntimeError" in line
        for line in lines
    )
    assert any("ZeroDivisionError" in line for line in lines)
    assert any("skipped: pyhessian is not installed" in line for line in lines)
    assert "- surface: 100 GFLOP/s, 10 GB/s → 90 GFLOP/s, 9 GB/s" in lines
