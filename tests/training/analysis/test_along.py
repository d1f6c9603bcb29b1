"""Sharpness along training: the snapshots of a run, measured one by one, kept, and refused where they do not fit."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from landscape import HessianOperator, top_eigenpairs
from landscape.cli import main
from landscape.results.along import AlongTraining
from landscape.results.storage.kinds import kind_of
from landscape.training.analysis.along import along_path, curvature_along
from landscape.training.checkpoints.checkpoint import data_of, load_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.loop.run_folder import snapshots
from landscape.training.loop.trainer import train
from landscape.training.targets.objective import objective_of

SOME = ObjectiveConfig(users=40, seed=3)
FEW = CurvatureConfig(trace_method="hutchinson", trace_products=6)
TINY = {"width": 4, "layers": 1, "heads": 1, "max_length": 6, "batch_size": 512, "lr": 0.01}


def trained(folder, seed=0, **changes):
    settings = TrainingConfig(method="sasrec", epochs=4, seed=seed, train_fraction=0.2, **TINY)
    train(load("synthetic"), settings, folder, **{"snapshots": 2, **changes})
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Trained once, with snapshots at the epochs 0, 2 and 4; its results are shared."""
    return trained(tmp_path_factory.mktemp("along") / "run")


@pytest.fixture(scope="module")
def found(run):
    return curvature_along(run, SOME, FEW)


@pytest.mark.slow
def test_each_snapshot_is_measured_at_its_own_weights(run, found):
    assert found.epochs.tolist() == [0, 2, 4]
    for place, path in enumerate(snapshots(run)):
        checkpoint = load_checkpoint(path)
        objective, _ = objective_of(checkpoint, data_of(checkpoint), SOME)
        assert found.loss[place] == pytest.approx(objective.value(), rel=1e-6)
        assert found.gradient_norm[place] == pytest.approx(float(torch.linalg.norm(objective.gradient())), rel=1e-4)
        value = top_eigenpairs(HessianOperator(objective), 1, seed=7).values[0]
        assert abs(found.top[place] - value) <= 3e-3 * abs(value)
    assert (found.top_residual <= 1e-3 * np.abs(found.top) * 1.01).all()
    assert (found.trace_stderr > 0).all()
    assert (found.loss_stderr > 0).all()
    assert found.loss[2] < found.loss[0]


@pytest.mark.slow
def test_the_metric_is_that_of_the_history(run, found):
    with (run / "history.csv").open() as file:
        history = {int(row["epoch"]): float(row["valid_ndcg@20"]) for row in csv.DictReader(file)}
    assert math.isnan(found.metric[0])
    assert found.metric[1:].tolist() == [history[2], history[4]]
    assert found.best == 1 + int(history[4] > history[2])


@pytest.mark.slow
def test_a_stopped_call_goes_on_and_a_repeated_one_computes_nothing(run, found, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("results"))

    def die(done, total, text):
        if text.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curvature_along(copy, SOME, FEW, progress=die)
    stored = [path.name for path in (copy / "snapshots" / "results").glob("curvature-*.json")]
    assert [name[: len("curvature-epoch-00000")] for name in stored] == ["curvature-epoch-00000"]
    seen = []
    result = curvature_along(copy, SOME, FEW, progress=lambda done, total, text: seen.append(text))
    assert {text.split(",")[0] for text in seen} == {"epoch 2", "epoch 4"}
    for name in ("top", "trace", "loss", "gradient_norm", "metric"):
        np.testing.assert_array_equal(getattr(result, name), getattr(found, name))
    seen.clear()
    again = curvature_along(copy / "checkpoint.pt", SOME, FEW, progress=lambda *report: seen.append(report))
    assert seen == []
    assert repr(again) == repr(found)


@pytest.mark.slow
def test_what_does_not_fit_is_refused(run, tmp_path):
    bare = trained(tmp_path / "bare", snapshots=None)
    with pytest.raises(FileNotFoundError, match="keeps one every K epochs"):
        curvature_along(bare, SOME, FEW)
    mixed = tmp_path / "mixed"
    shutil.copytree(run / "snapshots", mixed / "snapshots", ignore=shutil.ignore_patterns("results"))
    other = snapshots(trained(tmp_path / "other", seed=1))[-1]
    shutil.copy(other, mixed / "snapshots" / "epoch-00006.pt")
    with pytest.raises(ValueError, match=r"epoch-00006\.pt is a snapshot of another run than .*epoch-00000\.pt"):
        curvature_along(mixed, SOME, FEW)


def command(*arguments, code=0):
    result = CliRunner().invoke(main, ["curvature", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_its_files(run, found, tmp_path):
    options = ["--along", "--users", 40, "--seed", 3, "--trace-method", "hutchinson", "--trace-products", 6]
    shown = command(run, *options).stdout
    assert shown.startswith("SASRec on synthetic, seed 0: AlongTraining(3 snapshots, epochs 0 to 4")
    page, stored = map(Path, shown.splitlines()[-2:])
    assert stored == along_path(run, SOME, FEW)
    assert page == stored.with_suffix(".html")
    kept = kind_of(AlongTraining).load(stored)
    np.testing.assert_array_equal(kept.top, found.top)
    np.testing.assert_array_equal(kept.metric, found.metric)
    pictures = [tmp_path / f"x.{suffix}" for suffix in ("png", "pdf", "svg")]
    drawn = [part for picture in pictures for part in (f"--{picture.suffix[1:]}", picture)]
    printed = json.loads(command(run, *options, "--out", tmp_path / "x.html", *drawn, "--json").stdout)
    assert printed["epochs"] == [0, 2, 4]
    assert printed["metric"][0] is None
    assert printed["top"] == found.top.tolist()
    assert printed["files"] == [str(tmp_path / f"x.{suffix}") for suffix in ("html", "json", "png", "pdf", "svg")]
    assert all(Path(path).stat().st_size > 1000 for path in printed["files"])


def test_the_command_refuses_what_it_would_not_use(tmp_path):
    for options, message in (
        ([tmp_path, tmp_path], "--along takes the folder of one run, got 2 inputs"),
        ([tmp_path, "--top", 2], "--top has no effect with --along"),
        ([tmp_path, "--all"], "--all has no effect with --along"),
        ([tmp_path, "--no-checks"], "--checks has no effect with --along"),
    ):
        assert message in command("--along", *options, code=2).stderr
    assert "has no snapshots" in command("--along", tmp_path, code=1).stderr


@pytest.mark.slow
def test_another_file_of_that_name_is_not_replaced(run, tmp_path):
    (tmp_path / "x.json").write_text('{"mine": 1}')
    options = ("--along", "--users", 40, "--seed", 3, "--out", tmp_path / "x.html")
    assert "holds something else" in command(run, *options, code=1).stderr
    assert (tmp_path / "x.json").read_text() == '{"mine": 1}'
