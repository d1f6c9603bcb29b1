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

from landscape.training.checkpoints.checkpoint import load_checkpoint
from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load, training_users
from landscape.training.evaluation.baselines import popularity_ranks
from landscape.training.evaluation.metrics import summarise
from landscape.training.evaluation.ranking import model_ranks
from landscape.training.loop.run_folder import RunFolder
from landscape.training.loop.trainer import train
from tests.support.small import random_dataset, with_attributes

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"epochs": 3, "patience": 3, "batch_size": 16, "max_length": 8, "width": 8, "layers": 1, "heads": 2}
SMALL = TrainingConfig(method="sasrec", **SIZES)
SAM = TrainingConfig(method="samrec", rho=0.1, **SIZES)
S3REC = TrainingConfig(method="s3rec", pretrain_epochs=2, pretrain_batch_size=50, **SIZES)
EVERY_WAY = {
    "adam": SMALL,
    "sam": SAM,
    # 4 steps an epoch, an ascent at every third: a new epoch begins between two ascents.
    "looksam": TrainingConfig(method="sasrec", sam="looksam", sam_every=3, rho=0.1, rho_schedule="cosine", **SIZES),
    "asam": TrainingConfig(method="sasrec", sam="asam", sam_every=3, rho=0.5, rho_schedule="linear", **SIZES),
    "fisher": TrainingConfig(
        method="sasrec", sam="fisher", fisher_eta=9.0, lr_schedule="cosine", rho_schedule="lr", rho=0.1, **SIZES
    ),
    "s3rec": S3REC,
    "s3rec+sam": replace(S3REC, sam="sam", rho=0.1, same_dropout=True),
    "cl4srec": TrainingConfig(method="cl4srec", **SIZES),
    "cl4srec+sam": TrainingConfig(method="cl4srec", sam="sam", rho=0.1, **SIZES),
    "ce": TrainingConfig(method="sasrec", loss="ce", **SIZES),
    "sampled-softmax": TrainingConfig(method="cl4srec", loss="sampled-softmax", negatives=3, **SIZES),
    "gbce": TrainingConfig(method="sasrec", loss="gbce", negatives=3, valid_users=20, **SIZES),
}
every_way = pytest.mark.parametrize("settings", EVERY_WAY.values(), ids=EVERY_WAY)


def dataset():
    return with_attributes(random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 8))


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


@pytest.mark.slow
@every_way
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


DEATHS = [("checkpoint", 1), ("last", 2), ("last", 3), ("history", 2), ("between", 2), ("between", 3)]
EVERYWHERE = ("looksam", "s3rec+sam")  # a state between steps, and two stages; the others die once


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "point", "time_"),
    [(way, *death) for way in EVERY_WAY for death in (DEATHS if way in EVERYWHERE else DEATHS[-2:-1])],
)
def test_a_run_that_died_between_two_files_continues_to_the_same_bits(way, point, time_, tmp_path, monkeypatch):
    settings = EVERY_WAY[way]
    train(dataset(), settings, tmp_path / "whole")
    saves = []
    original = {"checkpoint": "save_checkpoint", "last": "save_plain", "history": "write_history"}

    def dying(function):
        def wrapped(*arguments, **names):
            saves.append(1)
            if len(saves) == time_:
                raise Killed
            return function(*arguments, **names)

        return wrapped

    with monkeypatch.context() as patch:
        if point == "between":
            patch.setattr(RunFolder, "save", dying(RunFolder.save))
        else:
            import landscape.training.loop.run_folder as runs

            patch.setattr(runs, original[point], dying(getattr(runs, original[point])))
        with pytest.raises(Killed):
            train(dataset(), settings, tmp_path / "killed")
    train(dataset(), settings, tmp_path / "killed", resume=True)
    assert same(outcome(tmp_path / "whole"), outcome(tmp_path / "killed"))


SCRIPT = """
import sys, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(1)
from tests.training.loop.test_trainer import LONG, dataset
from landscape.training.loop.trainer import train
train(dataset(), LONG, {folder!r}, resume=True)
"""
LONG = replace(  # two stages, a state between steps, schedules
    S3REC, sam="looksam", sam_every=3, rho=0.1, rho_schedule="cosine", pretrain_epochs=10, epochs=25, patience=25
)


@pytest.mark.slow
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
    with RunFolder(tmp_path / "run").locked(), pytest.raises(ValueError, match="another process is training in"):
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


def test_weights_that_the_last_step_spoils_are_not_stored(tmp_path):
    one_step = {"batch_size": 64, "pretrain_batch_size": 10**6}  # an epoch
    for settings, lr, what in (
        (SMALL, 1e10, r"validation NDCG@20 of epoch 1 is nan"),
        (SMALL, 1e38, r"largest norm of a weight of epoch 1 is (nan|inf)"),
        (S3REC, 1e25, r"largest norm of a weight of epoch 1 is inf"),
    ):
        with pytest.raises(ValueError, match=f"^the {what}; lower --lr"):
            train(dataset(), replace(settings, lr=lr, **one_step), tmp_path / f"{lr}")
        assert not list((tmp_path / f"{lr}").glob("*.pt"))


def test_steps_that_are_all_skipped_end_a_run(tmp_path):
    with pytest.raises(ValueError, match=r"each step of epoch 1 was skipped.*lower --rho \(it is 1e\+30\)"):
        train(dataset(), replace(SAM, rho=1e30), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_skipped_steps_are_said(tmp_path):
    said = []
    settings = replace(SAM, sam_every=2, rho=1e30)  # each ascent overflows, the steps between are taken
    train(dataset(), settings, tmp_path / "run", progress=lambda done, total, text: said.append(text))
    rows = load_plain(tmp_path / "run" / "last.pt", "state")["history"]
    assert [row["skipped_steps"] for row in rows] == [2, 4, 6]
    assert said[0].endswith(", 2 skipped steps")


@pytest.mark.slow
def test_training_beats_popularity_on_the_built_in_data(tmp_path):
    data = load("synthetic")
    best = train(data, TrainingConfig(method="sasrec", epochs=6, width=32, layers=1), tmp_path / "run")
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
    ranks = model_ranks(part.build(), dataset(), "valid")
    assert part.metrics == summarise(ranks)
    trained = ranks[training_users(dataset(), 0.5, part.seed)]
    assert part.metrics["MRR"] != summarise(trained)["MRR"]  # so that it matters who is ranked


def test_the_config_is_readable(tmp_path):
    train(dataset(), replace(SMALL, epochs=1), tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["method"] == "sasrec"
    assert stored["data_sha256"] == "0" * 64


def test_fine_tuning_what_was_pre_trained_gives_the_bits_of_one_run(tmp_path):
    train(dataset(), S3REC, tmp_path / "both")
    start = load_checkpoint(tmp_path / "both" / "pretrained.pt")
    assert (start.stage, start.epoch) == ("pretrained", 2)
    again = train(
        dataset(),
        replace(S3REC, pretrained="its SHA-256", pretrain_epochs=None),
        tmp_path / "fine",
        pretrained=start,
    )
    one = load_checkpoint(tmp_path / "both" / "checkpoint.pt")
    assert one.stage == again.stage == "trained"
    assert same(one.weights, again.weights)
    plain = train(dataset(), SMALL, tmp_path / "plain")
    assert plain.weights.keys() == one.weights.keys()
    assert not same(plain.weights, one.weights)


@pytest.mark.slow
def test_pre_training_keeps_its_last_epoch_and_lowers_its_loss(tmp_path):
    settings = replace(S3REC, pretrain_epochs=6, epochs=1, lr=0.01)
    train(dataset(), settings, tmp_path / "run")
    with open(tmp_path / "run" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        *(("pretrain", str(epoch)) for epoch in range(1, 7)),
        ("train", "1"),
    ]
    pretrain = [row for row in rows if row["stage"] == "pretrain"]
    weights = settings.part_weights
    for row in pretrain:
        assert float(row["train_loss"]) == pytest.approx(sum(weights[name] * float(row[name]) for name in weights))
        assert row["valid_ndcg@20"] == ""
    for part in ("aap", "mip", "map"):
        assert float(pretrain[-1][part]) < float(pretrain[0][part])
    assert load_checkpoint(tmp_path / "run" / "pretrained.pt").epoch == 6


def test_sharpness_aware_training_is_logged(tmp_path):
    train(dataset(), EVERY_WAY["asam"], tmp_path / "run")
    with open(tmp_path / "run" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row["gradient_norm"]) > 0
        assert float(row["ascent_from_sam"]) > 0
        assert float(row["ascent_norm"]) > 0


def test_the_loss_rises_along_the_ascent(tmp_path):
    train(dataset(), replace(SAM, dropout=0.0), tmp_path / "run")
    with open(tmp_path / "run" / "history.csv") as file:
        assert all(float(row["loss_rise"]) > 0 for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("schedule", "expected"), [("constant", [0.1, 0.1]), ("linear", [0.1, 0.05]), ("cosine", [0.1, 0.05])]
)
def test_the_radius_follows_its_schedule(schedule, expected, tmp_path):
    # One step an epoch: the progress is 0 and then a half.
    settings = replace(SAM, rho_schedule=schedule, epochs=2, batch_size=64)
    train(dataset(), settings, tmp_path / "run")
    with open(tmp_path / "run" / "history.csv") as file:
        norms = [float(row["ascent_norm"]) for row in csv.DictReader(file)]
    assert norms == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "trained"}, "is not a pre-trained checkpoint; `landscape train s3rec` keeps one as pretrained.pt"),
        ({"data": {"name": "other", "sha256": "ff"}}, "was pre-trained on other, not on small"),
        ({"model": {"max_length": 8, "width": 16, "layers": 1, "heads": 2}}, "width is 16 there and 8 here"),
    ],
)
def test_a_start_that_does_not_fit_is_refused_before_the_folder_is_made(change, message, tmp_path):
    train(dataset(), replace(S3REC, pretrain_epochs=1, epochs=1), tmp_path / "both")
    start = replace(load_checkpoint(tmp_path / "both" / "pretrained.pt"), **change)
    settings = replace(S3REC, pretrained="its SHA-256", pretrain_epochs=None)
    with pytest.raises(ValueError, match=message):
        train(dataset(), settings, tmp_path / "fine", pretrained=start)
    assert not (tmp_path / "fine").exists()


def test_s3rec_without_attributes_is_refused_before_the_folder_is_made(tmp_path):
    with pytest.raises(ValueError, match="small has none"):
        train(random_dataset([5, 6, 7]), S3REC, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_without_training_pairs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no user of small has the 4 items"):
        train(random_dataset([3, 3, 3]), SMALL, tmp_path / "run")


def test_resuming_pre_training_with_other_attributes_is_refused(tmp_path):
    settings = replace(S3REC, pretrain_epochs=1, epochs=1)
    train(dataset(), settings, tmp_path / "run")
    other = dataset()
    assert other.attributes is not None
    other = replace(other, attributes=replace(other.attributes, sha256="2" * 64))
    with pytest.raises(ValueError, match="attributes_sha256 was '1111"):
        train(other, settings, tmp_path / "run", resume=True)


def test_a_state_of_another_format_is_refused(tmp_path):
    train(dataset(), SMALL, tmp_path / "run")
    state = load_plain(tmp_path / "run" / "last.pt", "state")
    torch.save({**state, "format": 1}, tmp_path / "run" / "last.pt")
    with pytest.raises(ValueError, match=r"written by another version \(format 1, not 2\)"):
        train(dataset(), SMALL, tmp_path / "run", resume=True)


@pytest.mark.parametrize("first", [{"epochs": 2}, {"epochs": 2, "patience": 1}, {"patience": 1}])
def test_more_epochs_continue_a_run(first, tmp_path):
    longer = replace(SAM, epochs=4, patience=4)
    train(dataset(), replace(longer, **first), tmp_path / "grown")
    train(dataset(), longer, tmp_path / "grown", resume=True)
    train(dataset(), longer, tmp_path / "whole")
    grown, whole = (load_plain(tmp_path / name / "last.pt", "state") for name in ("grown", "whole"))
    assert grown["done"] == 4
    assert same(grown["weights"], whole["weights"])
    assert same(grown["optimiser"], whole["optimiser"])
    assert json.loads((tmp_path / "grown/config.json").read_text()) == json.loads(
        (tmp_path / "whole/config.json").read_text()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 2}, "epochs was 3 and is 2"),
        ({"epochs": 4, "lr": 0.1}, "lr was 0.001 and is 0.1$"),
        ({"epochs": 4, "lr_schedule": "cosine"}, "epochs was 3 and is 4.*its schedules depend on epochs"),
    ],
)
def test_other_settings_do_not_continue_a_run(changes, message, tmp_path):
    train(dataset(), replace(SMALL, lr_schedule=changes.get("lr_schedule", "constant")), tmp_path)
    with pytest.raises(ValueError, match=message):
        train(dataset(), replace(SMALL, **changes), tmp_path, resume=True)
