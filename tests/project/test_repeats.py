"""Data where people take items again, at the command line: users who have had all items, and ranked repeats."""

import json

import pytest

from tests.project.test_cli import refused, run

TINY = ["--epochs", "1", "--width", "8", "--layers", "1", "--max-length", "10"]
LINES = ["10 1 2 3 4 5 6", "20 2 1 4 3 6", "30 1 2 3 4 5 6 3 1", "40 1 2 3 1 3"]


@pytest.fixture
def data(tmp_path):
    (tmp_path / "set.txt").write_text("\n".join(LINES))
    return tmp_path / "set.txt"


@pytest.mark.slow
@pytest.mark.filterwarnings("default:user 30 has had")
def test_a_user_who_has_had_all_items_is_left_out_named_and_counted(data, tmp_path):
    trained = run("train", "sasrec", "--data", data, "--out", tmp_path / "bce", *TINY)
    line = "user 30 has had all 6 items of set: no negative is left to sample, and the loss leaves out 1 of 4 users"
    assert trained.stderr == f"Warning: {line}\n"
    assert json.loads((tmp_path / "bce" / "config.json").read_text())["users_without_negatives"] == 1
    checkpoint = tmp_path / "bce" / "checkpoint.pt"
    found = json.loads(run("curvature", checkpoint, "--top", "1", "--no-checks", "--json").stdout)
    assert found["metadata"]["users_without_negatives"] == 1
    again = run("train", "sasrec", "--data", data, "--out", tmp_path / "bce", *TINY, "--resume")
    assert again.stdout == trained.stdout


def test_a_loss_without_negatives_trains_where_all_users_have_had_all_items(tmp_path):
    (tmp_path / "set.txt").write_text("10 1 2\n30 1 2 3 1 2 3\n40 1 2 3 1 3\n")
    command = ["train", "sasrec", "--data", tmp_path / "set.txt", "--out", tmp_path / "run", *TINY]
    assert refused(*command) == (
        "Error: every user has had all 3 items of set: no negative is left to sample; train with --loss ce, which "
        "needs none\n"
    )
    assert not (tmp_path / "run").exists()
    assert run(*command, "--loss", "ce").stderr == ""


def test_repeats_are_ranked_where_they_are_allowed(data, tmp_path):
    run("train", "sasrec", "--data", data, "--out", tmp_path, *TINY, "--loss", "ce")
    checkpoint = tmp_path / "checkpoint.pt"
    plain, allowed = (
        json.loads(run("evaluate", checkpoint, *options, "--json").stdout) for options in ([], ["--allow-repeats"])
    )
    assert (plain["allow_repeats"], allowed["allow_repeats"]) == (False, True)
    assert plain["repeated_targets"] == allowed["repeated_targets"] == 2
    assert (plain["HR@10"], allowed["HR@10"]) == (0.5, 1.0)  # of 6 items
    title = run("evaluate", checkpoint, checkpoint, "--allow-repeats").stdout.splitlines()[0]
    assert title == "Full ranking of the test items, 4 users, repeats allowed"
