"""Validation on some of the users: the same ones every epoch, ranked as by hand, told with their error."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from landscape.cli import main
from landscape.training.checkpoints.checkpoint import load_checkpoint
from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.config.training import TrainingConfig
from landscape.training.evaluation.metrics import METRICS, standard_errors, summarise
from landscape.training.evaluation.ranking import model_ranks
from landscape.training.evaluation.validation import validation_ranking, validation_users
from landscape.training.loop.run_folder import RunFolder, snapshots
from landscape.training.loop.trainer import train
from tests.support.small import random_dataset, small_model

SETTINGS = TrainingConfig(
    method="sasrec", epochs=3, patience=3, batch_size=16, max_length=8, width=8, layers=1, heads=2, valid_users=20
)
DATASET = random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 8)


def rows_of(folder):
    with open(folder / "history.csv") as file:
        return [{name: value for name, value in row.items() if "seconds" not in name} for row in csv.DictReader(file)]


def test_the_users_depend_on_the_seed_and_fewer_lie_within_more():
    some = validation_users(DATASET, 20, seed=1)
    assert (np.diff(some) > 0).all()
    assert len(some) == 20
    assert np.array_equal(some, validation_users(DATASET, 20, seed=1))
    assert not np.array_equal(some, validation_users(DATASET, 20, seed=2))
    assert set(validation_users(DATASET, 10, seed=1)) < set(some)
    for count in (64, 65, 10**9):
        assert np.array_equal(validation_users(DATASET, count, seed=1), np.arange(64))


@pytest.mark.parametrize("count", [2, 20, 63, 64, 1000, None])
def test_the_ranks_are_those_of_the_same_users_among_all(count):
    model = small_model()
    everybody = model_ranks(model, DATASET, "valid")
    some = np.arange(64) if count is None else validation_users(DATASET, count, seed=3)
    ranks = validation_ranking(DATASET, model.max_length, count=count, seed=3).ranks(model)
    assert np.array_equal(ranks, everybody[some])


def test_every_epoch_validates_on_the_same_users(tmp_path):
    train(DATASET, SETTINGS, tmp_path / "run", snapshots=1)
    users = validation_users(DATASET, 20, SETTINGS.seed)
    for row, path in zip(rows_of(tmp_path / "run"), snapshots(tmp_path / "run")[1:], strict=True):
        ranks = model_ranks(load_checkpoint(path).build(), DATASET, "valid")[users]
        assert float(row["valid_ndcg@20"]) == summarise(ranks)["NDCG@20"]


def test_the_metrics_of_a_run_are_those_of_its_users_with_their_errors(tmp_path):
    best = train(DATASET, SETTINGS, tmp_path / "run")
    ranks = model_ranks(best.build(), DATASET, "valid")[validation_users(DATASET, 20, SETTINGS.seed)]
    errors = {f"{name} stderr": error for name, error in standard_errors(ranks).items()}
    assert best.metrics == {**summarise(ranks), **errors, "users": 20}
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt").settings["valid_users"] == 20
    assert json.loads((tmp_path / "run" / "config.json").read_text())["valid_users"] == 20


def test_as_many_users_as_there_are_give_the_run_on_all(tmp_path):
    everybody = train(DATASET, replace(SETTINGS, valid_users=None), tmp_path / "all")
    many = train(DATASET, replace(SETTINGS, valid_users=1000), tmp_path / "many")
    assert set(everybody.metrics) == set(METRICS)
    assert {name: many.metrics[name] for name in METRICS} == everybody.metrics
    assert many.metrics["users"] == 64
    assert rows_of(tmp_path / "all") == rows_of(tmp_path / "many")
    assert "valid_users" not in everybody.settings
    assert "valid_users" not in json.loads((tmp_path / "all" / "config.json").read_text())


class Killed(BaseException):
    pass


def test_a_resumed_run_validates_on_the_same_users(tmp_path, monkeypatch):
    train(DATASET, SETTINGS, tmp_path / "whole")
    save = RunFolder.save

    def save_once(*arguments):
        save(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_once)
        with pytest.raises(Killed):
            train(DATASET, SETTINGS, tmp_path / "killed")
    assert load_plain(tmp_path / "killed" / "last.pt", "state")["done"] == 1
    train(DATASET, SETTINGS, tmp_path / "killed", resume=True)
    assert rows_of(tmp_path / "killed") == rows_of(tmp_path / "whole")


@pytest.mark.parametrize(("count", "shown"), [(None, "None"), (10, "10"), (30, "30")])
def test_another_number_of_users_does_not_continue_a_run(count, shown, tmp_path):
    train(DATASET, replace(SETTINGS, epochs=1), tmp_path / "run")
    with pytest.raises(ValueError, match=f"valid_users was 20 and is {shown}$"):
        train(DATASET, replace(SETTINGS, epochs=1, valid_users=count), tmp_path / "run", resume=True)


def test_commands_say_of_how_many_users_the_validation_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.txt").write_text(
        "".join(
            f"{user + 1} {' '.join(map(str, DATASET.items[first:last]))}\n"
            for user, (first, last) in enumerate(zip(DATASET.offsets[:-1], DATASET.offsets[1:], strict=True))
        )
    )
    settings = ["--epochs", "1", "--width", "8", "--layers", "1", "--valid-users", "20"]
    shown = CliRunner().invoke(main, ["train", "sasrec", "--data", "small.txt", "--out", "run", *settings])
    assert shown.exit_code == 0, shown.output
    metrics = load_checkpoint("run/checkpoint.pt").metrics
    told = [f"{name} {metrics[name]:.4f} ± {metrics[name + ' stderr']:.4f}" for name in ("NDCG@20", "HR@10")]
    assert f"validation {', '.join(told)} (20 of 64 users)" in shown.output
    described = json.loads(CliRunner().invoke(main, ["info", "run/checkpoint.pt", "--json"]).output)
    assert described["metrics"] == metrics
    assert described["settings"]["valid_users"] == 20
    whole = json.loads(CliRunner().invoke(main, ["evaluate", "run/checkpoint.pt", "--json"]).output)
    assert whole["users"] == 64
