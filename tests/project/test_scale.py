"""The benchmark of growth: the data it makes, the exponents it fits, and what it measures."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import scale
from benchmarks.support import measure
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load


def test_the_data_has_its_size_and_popularity_follows_a_power_law(tmp_path):
    scale.write_data(tmp_path / "a.txt", 2000, 500, 60_000)
    dataset = load(tmp_path / "a.txt")
    assert dataset.n_users + dataset.left_out == 2000
    assert dataset.n_items <= 500
    assert 40_000 < len(dataset.items) <= 60_000
    assert len(np.unique(dataset.user_item_keys(dataset.owners, dataset.items))) == len(dataset.items)
    # By 1 / (rank + 10) items of rank 21 are ten times as frequent as those of rank 300; few of both are repeats.
    counts = np.sort(np.bincount(dataset.items, minlength=501)[1:])[::-1]
    assert 6 < counts[15:27].mean() / counts[280:321].mean() < 14
    # Activity is skewed, too.
    assert np.median(dataset.lengths) < 0.8 * dataset.lengths.mean()


def test_equal_seeds_make_equal_files(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        scale.write_data(tmp_path / name, 50, 40, 400, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_too_few_interactions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="50 users need at least 250 interactions, got 249"):
        scale.write_data(tmp_path / "a.txt", 50, 40, 249)
    command = ["--users", "50,60", "--items", "40", "--interactions", "299"]
    shown = CliRunner().invoke(scale.main, command)
    assert shown.exit_code == 2
    assert "60 users need at least 300 --interactions" in shown.output


def test_the_table_corrects_the_exponent_of_time_for_the_machines_speed():
    results = [
        {
            "users": 100,
            "items": 10 * factor,
            "interactions": 1000 + factor,
            "ranked": 50,
            "analysed": 20,
            "peak_mb": 100.0 * factor**0.5,
            "peak_mb_analysis": 200.0,
            "products": 10 + factor,
            **{task: {"seconds": factor / speed, "gflops": 100 * speed} for task in scale.TASKS},
        }
        for factor, speed in ((1, 1.0), (4, 0.5), (16, 2.0))
    ]
    lines = scale.table(results, "items").splitlines()
    assert lines[0].endswith("| exponent in items |")
    assert "| epoch | 1 s (100 GFLOP/s) | 8 s (50 GFLOP/s) | 8 s (200 GFLOP/s) | 1.00 |" in lines
    assert "| peak memory | 100 MB | 200 MB | 400 MB | 0.50 |" in lines
    assert any(line.startswith("| validation on 50 users |") for line in lines)
    assert any(line.startswith("| Hessian product on 20 users |") for line in lines)
    assert any(line.startswith("| largest eigenvalue on 20 users, 11 or 14 or 26 products |") for line in lines)


def test_one_size_has_no_exponent():
    assert np.isnan(scale.exponent([10, 10], [1, 2]))


def test_every_task_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "SIDE", 32)
    scale.write_data(tmp_path / "a.txt", 60, 40, 600)
    settings = TrainingConfig(method="sasrec", loss="gbce", negatives=4, valid_users=20, batch_size=16)
    result = scale.measured(tmp_path / "a.txt", settings, steps=2, analysed=100)
    assert (result["users"], result["ranked"]) == (load(tmp_path / "a.txt").n_users, 20)
    assert result["analysed"] == result["users"]
    assert set(result) == {
        *scale.SIZE, *scale.NETWORK, *scale.TASKS, "ranked", "analysed", "products", "peak_mb", "peak_mb_analysis"
    }  # fmt: skip
    assert all(set(result[task]) == {"seconds", "gflops"} for task in scale.TASKS)
    assert "| validation on 20 users |" in scale.table([result], "items")
