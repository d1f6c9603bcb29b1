"""Training: it learns, repeats itself bit for bit, and survives being killed at any moment."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.small import random_dataset
from training.baselines import popularity_ranks
from training.checkpoint import load_checkpoint, load_plain
from training.datasets import load
from training.metrics import summarise
from training.runs import Run
from training.trainer import Settings, train

ROOT = Path(__file__).resolve().parents[1]
SMALL = Settings(method="sasrec", epochs=3, patience=3, batch_size=16, max_length=8, width=8, layers=1, heads=2)
SAM = replace(SMALL, method="samrec", sam="sam", rho=0.1)


def dataset():
    return random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 8)


def same(a, b):
    """Whether two trees of tensors and plain values are equal to the bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def outcome(folder):
    """All that a run leaves, seconds aside."""
    state = load_plain(folder / "last.pt", "state")
    rows = [{name: value for name, value in row.items() if "seconds" not in name} for row in state.pop("history")]
    with open(folder / "history.csv") as file:
        written = [
            {name: value for name, value in row.items() if "seconds" not in name} for row in csv.DictReader(file)
        ]
    return [state, rows, written, load_checkpoint(folder / "checkpoint.pt").weights]


@pytest.mark.parametrize("settings", [SMALL, SAM], ids=["adam", "sam"])
def test_equal_seeds_give_equal_bits_and_others_do_not(settings, tmp_path):
    train(dataset(), settings, tmp_path / "a")
    train(dataset(), settings, tmp_path / "b")
    train(dataset(), replace(settings, seed=1), tmp_path / "c")
    assert same(outcome(tmp_path / "a"), outcome(tmp_path / "b"))
    assert not same(outcome(tmp_path / "a"), outcome(tmp_path / "c"))


def test_the_global_random_state_is_given_back(tmp_path):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    train(dataset(), replace(SMALL, epochs=1), tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("settings", [SMALL, SAM], ids=["adam", "sam"])
@pytest.mark.parametrize("point", ["checkpoint", "last", "history", "between"])
def test_a_run_that_died_between_two_files_continues_to_the_same_bits(settings, point, tmp_path, monkeypatch):
    train(dataset(), settings, tmp_path / "whole")
    saves = []
    original = {"checkpoint": "save_checkpoint", "last": "save_plain", "history": "write_text"}

    def dying(function):
        def wrapped(*arguments, **names):
            saves.append(1)
            if len(saves) == 2:
                raise Killed
            return function(*arguments, **names)

        return wrapped

    with monkeypatch.context() as patch:
        if point == "between":
            patch.setattr(Run, "save", dying(Run.save))
        else:
            import training.runs as runs

            patch.setattr(runs, original[point], dying(getattr(runs, original[point])))
        with pytest.raises(Killed):
            train(dataset(), settings, tmp_path / "killed")
    train(dataset(), settings, tmp_path / "killed", resume=True)
    assert same(outcome(tmp_path / "whole"), outcome(tmp_path / "killed"))


SCRIPT = """
import sys, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(1)
from tests.test_trainer import SAM, dataset
from training.trainer import train
from dataclasses import replace
train(dataset(), replace(SAM, epochs=40, patience=40), {folder!r}, resume=True)
"""


def test_sigkill_at_random_moments_changes_nothing(tmp_path):
    def start(folder):
        script = SCRIPT.format(root=str(ROOT), folder=str(folder))
        return subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"})

    assert start(tmp_path / "whole").wait() == 0
    moments = random.Random(0)
    killed = 0
    for _ in range(4):
        process = start(tmp_path / "killed")
        before = (
            os.stat(tmp_path / "killed" / "last.pt").st_mtime_ns if (tmp_path / "killed" / "last.pt").exists() else 0
        )
        while process.poll() is None:  # until an epoch more is on disk, then at a random moment of the next ones
            if (tmp_path / "killed" / "last.pt").exists() and os.stat(
                tmp_path / "killed" / "last.pt"
            ).st_mtime_ns > before:
                break
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 1
    assert start(tmp_path / "killed").wait() == 0
    assert same(outcome(tmp_path / "whole"), outcome(tmp_path / "killed"))
    assert not list((tmp_path / "killed").glob("*.part")) + list((tmp_path / "killed").glob(".*.part"))


def test_resuming_a_finished_run_changes_no_file(tmp_path):
    first = train(dataset(), SMALL, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    again = train(dataset(), SMALL, tmp_path / "run", resume=True)
    assert again.epoch == first.epoch
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_an_existing_run_is_not_overwritten(tmp_path):
    train(dataset(), replace(SMALL, epochs=1), tmp_path / "run")
    with pytest.raises(ValueError, match="holds a run already; add --resume"):
        train(dataset(), replace(SMALL, epochs=1), tmp_path / "run")


def test_resuming_with_other_settings_names_the_difference(tmp_path):
    train(dataset(), replace(SMALL, epochs=1), tmp_path / "run")
    with pytest.raises(ValueError, match="lr was 0.001 and is 0.01; seed was 0 and is 4"):
        train(dataset(), replace(SMALL, epochs=1, lr=0.01, seed=4), tmp_path / "run", resume=True)


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    with Run(tmp_path / "run").locked(), pytest.raises(ValueError, match="another process is training in"):
        train(dataset(), SMALL, tmp_path / "run")


def test_the_best_epoch_is_kept_and_patience_stops(tmp_path):
    settings = replace(SMALL, epochs=60, patience=4, lr=0.02)
    best = train(dataset(), settings, tmp_path / "run")
    with open(tmp_path / "run" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    metric = [float(row["valid_ndcg@20"]) for row in rows]
    assert best.epoch == metric.index(max(metric)) + 1
    assert best.metrics["NDCG@20"] == max(metric)
    assert len(rows) == min(60, best.epoch + 4)
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))


def test_a_diverging_run_stops_with_a_reason(tmp_path):
    with pytest.raises(ValueError, match=r"loss of epoch \d+ is (nan|inf); lower --lr"):
        train(dataset(), replace(SMALL, lr=1e30, epochs=30), tmp_path / "run")


def test_training_beats_popularity_on_the_built_in_data(tmp_path):
    data = load("synthetic")
    best = train(data, Settings(method="sasrec", epochs=6, width=32, layers=1), tmp_path / "run")
    assert best.metrics["HR@10"] > 3 * summarise(popularity_ranks(data, "valid"))["HR@10"]


def test_padded_training_takes_the_same_first_step(tmp_path):
    settings = replace(SMALL, epochs=1, batch_size=64, dropout=0.0)  # one step, from equal weights
    packed, padded = (train(dataset(), replace(settings, padded=flag), tmp_path / str(flag)) for flag in (False, True))
    for name, value in packed.weights.items():
        torch.testing.assert_close(value, padded.weights[name], rtol=1e-3, atol=2e-5)


def test_a_share_of_the_users_trains_and_all_are_ranked(tmp_path):
    whole = train(dataset(), replace(SMALL, epochs=1), tmp_path / "a")
    part = train(dataset(), replace(SMALL, epochs=1, train_fraction=0.5), tmp_path / "b")
    assert part.settings["train_fraction"] == 0.5
    assert not same(whole.weights, part.weights)


def test_the_config_is_readable(tmp_path):
    train(dataset(), replace(SMALL, epochs=1), tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["method"] == "sasrec"
    assert stored["data_sha256"] == "0" * 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": float("nan")}, "lr must be"),
        ({"rho": -1.0}, "rho must be"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"train_fraction": 0.0}, "train_fraction must be"),
        ({"method": "bert4rec"}, "method must be one of"),
        ({"sam": "adam"}, "sam must be"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


def test_data_without_training_pairs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no user of small has the 4 items"):
        train(random_dataset([3, 3, 3]), SMALL, tmp_path / "run")
