"""The runs of a study: each once, whatever needs it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from landscape.training.study.plan import CellKey, plan
from landscape.training.study.runner import selected
from landscape.training.study.study_file import PAPER, parse_study, read_study, with_pretrained
from tests.training.study.test_config import SMALL, changed


def test_every_cell_has_a_run_for_each_seed():
    planned = plan(parse_study(SMALL))
    assert list(planned.runs) == [
        "sasrec-synthetic-seed0", "samrec-synthetic-seed0-rho0.1",
        "sasrec-synthetic-seed1", "samrec-synthetic-seed1-rho0.1",
    ]  # fmt: skip
    assert planned.cells[CellKey("SAMRec", "synthetic")] == {
        0: "samrec-synthetic-seed0-rho0.1", 1: "samrec-synthetic-seed1-rho0.1",
    }  # fmt: skip
    assert planned.runs["samrec-synthetic-seed1-rho0.1"].config().rho == 0.1


def test_a_sweep_shares_the_runs_of_the_tables():
    sweep = {"key": "s", "title": "S", "option": "rho", "values": [0.1, 0.5], "methods": ["SAMRec"]}
    planned = plan(parse_study(changed(sweeps=[sweep])))
    assert planned.cells[CellKey("SAMRec", "synthetic", "s", 0.1)] == planned.cells[CellKey("SAMRec", "synthetic")]
    assert len(planned.runs) == 6
    assert len({tuple(run.config().settings_in_use().items()) for run in planned.runs.values()}) == 6


def test_a_search_is_measured_on_validation_alone_unless_a_table_needs_the_run():
    search = {"key": "t", "title": "T", "option": "rho", "values": [0.1, 0.7], "methods": ["SAMRec"], "tuning": True}
    planned = plan(parse_study(changed(sweeps=[{**search, "seeds": [100]}])))
    assert [run.name for run in planned.runs.values() if run.tuning] == [
        "samrec-synthetic-seed100-rho0.1", "samrec-synthetic-seed100-rho0.7",
    ]  # fmt: skip
    assert not any(run.tuning for run in plan(parse_study(changed(sweeps=[search]))).runs.values() if "0.1" in run.name)


def test_pre_training_is_shared_by_all_seeds_and_by_sam():
    s3rec = {"method": "s3rec", "pretrain_epochs": 2, "pretrain_seed": 9}
    planned = plan(parse_study(changed(methods={"A": s3rec, "B": {**s3rec, "sam": "sam", "rho": 0.1}})))
    shared = [run for run in planned.runs.values() if run.pretraining_only]
    assert [run.seed for run in shared] == [9]
    assert shared[0].config().pretrain_epochs == 2
    others = [run for run in planned.runs.values() if not run.pretraining_only]
    assert len(others) == 4
    assert {run.pretrain_run for run in others} == {shared[0].name}
    assert list(planned.runs).index(shared[0].name) == 0  # before those that need it
    assert others[0].config("0" * 64).pretrain_epochs is None


def test_snapshots_are_kept_by_the_runs_of_the_tables():
    along = {"methods": ["SASRec"], "data": ["synthetic"], "seeds": [1], "every": 3}
    planned = plan(parse_study(changed(along=along)))
    assert {run.name: run.snapshots for run in planned.runs.values() if run.snapshots} == {"sasrec-synthetic-seed1": 3}
    assert len(planned.runs) == 4


def test_shards_are_a_partition():
    planned = plan(read_study(PAPER))
    parts = [selected(planned, (), (part, 7)) for part in range(1, 8)]
    names = [run.name for part in parts for run in part]
    assert sorted(names) == sorted(planned.runs)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all("Toys" in run.name for run in selected(planned, ("Toys",), None))


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("samrec-synthetic-seed1", ["seed1-rho0.1"]),  # and not 10 and 100
        ("seed10-rho0.1", ["seed10-rho0.1"]),
        ("samrec-synthetic-seed100", ["seed100-rho0.1"]),
        ("rho0.1", ["seed1-rho0.1", "seed10-rho0.1", "seed100-rho0.1"]),
        ("*-seed1?-*", ["seed10-rho0.1"]),
        ("*-seed?-rho0.1", ["seed1-rho0.1"]),
        ("samrec-synthetic-seed[12]-rho0.1", ["seed1-rho0.1"]),
        ("samrec*0.1", ["seed1-rho0.1", "seed10-rho0.1", "seed100-rho0.1"]),
    ],
)
def test_a_text_names_whole_parts_of_a_runs_name_or_is_a_pattern_of_all_of_it(text, seeds):
    planned = plan(parse_study(changed(seeds=[1, 10, 100])))
    assert [run.name for run in selected(planned, (text,), None)] == [f"samrec-synthetic-{seed}" for seed in seeds]


def test_each_text_adds_runs_and_the_order_stays():
    planned = plan(parse_study(changed(seeds=[1, 10, 100])))
    chosen = [run.name for run in selected(planned, ("seed100", "sasrec-synthetic-seed1"), None)]
    assert chosen == ["sasrec-synthetic-seed1", "sasrec-synthetic-seed100", "samrec-synthetic-seed100-rho0.1"]


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("samrec-synthetic-sed1", "; did you mean 'samrec-synthetic-seed1'?"),
        ("seed11", "; did you mean 'seed1'?"),
        ("seed1-rho0.2", "; did you mean 'seed1-rho0.1'?"),
        ("synthetic-seed", "; did you mean 'synthetic-seed1'?"),
        ("rec", "; did you mean 'samrec'?"),  # a part of a part
        ("nothing like it", ";"),
        ("", ";"),
    ],
)
def test_a_text_that_names_no_run_is_an_error_that_says_the_nearest(text, guess):
    planned = plan(parse_study(changed(seeds=[1, 10, 100], methods={"SAMRec": {"method": "samrec", "rho": 0.1}})))
    with pytest.raises(ValueError, match="no run is named by") as problem:
        selected(planned, ("seed10", text), None)
    assert str(problem.value) == f"no run is named by --only {text!r}{guess} --list shows all names"


def test_published_weights_are_found_from_the_studys_file(tmp_path):
    s3rec = {"method": "s3rec", "pretrained": {"synthetic": "weights/s3rec.pt"}}
    planned = plan(parse_study(changed(methods={"S3Rec": s3rec}), Path("studies")))
    assert {run.pretrained for run in planned.runs.values()} == {Path("studies/weights/s3rec.pt")}
    assert all(run.name.endswith("-finetuned") and run.pretrain_run is None for run in planned.runs.values())
    (tmp_path / "a.toml").write_text(
        'title = "t"\ndata = ["synthetic"]\nseeds = [0]\n[methods.S3Rec]\nmethod = "s3rec"\n'
        'pretrained = { synthetic = "w.pt" }\n'
    )
    (run,) = plan(read_study(tmp_path / "a.toml")).runs.values()
    assert run.pretrained == tmp_path / "w.pt"


def test_weights_given_at_the_command_replace_pre_training_on_that_data_alone(tmp_path):
    (tmp_path / "w.pt").touch()
    rows = {"S3Rec": {"method": "s3rec", "pretrain_epochs": 2, "pretrain_seed": 9}, "SASRec": {"method": "sasrec"}}
    study = parse_study(changed(data=["synthetic", "Toys"], methods=rows, claims=[]))
    given = with_pretrained(study, [f"Toys={tmp_path / 'w.pt'}"])
    before, after = plan(study), plan(given)
    assert given.content == study.content  # the same study: a folder that was begun without goes on
    assert set(before.runs) - set(after.runs) == {run.name for run in before.runs.values() if run.data == "Toys"} & {
        run.name for run in before.runs.values() if run.pretraining_only
    }
    weights = {(run.data, run.options["method"]): run.pretrained for run in after.runs.values()}
    assert weights == {
        ("synthetic", "s3rec"): None,
        ("synthetic", "sasrec"): None,
        ("Toys", "s3rec"): tmp_path / "w.pt",
        ("Toys", "sasrec"): None,
    }
    assert with_pretrained(study, []) == study


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["synthetic"], "--pretrained is DATA=CHECKPOINT"),
        (["=w.pt"], "--pretrained is DATA=CHECKPOINT"),
        (["sinthetic=w.pt"], "data set 'sinthetic' is unknown; did you mean 'synthetic'?"),
        (["synthetic=nowhere.pt"], "--pretrained synthetic: there is no checkpoint nowhere.pt"),
        (["synthetic=w.pt"], "--pretrained has no effect: no method of the study is fine-tuned"),
    ],
)
def test_weights_that_cannot_be_given_are_refused(files, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("w.pt").touch()
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)):
        with_pretrained(parse_study(changed()), files)


def test_the_names_of_runs_tell_all_options_apart():
    study = read_study(PAPER)
    runs = plan(study).runs
    assert len(
        {(run.data, run.seed, str(sorted(run.options.items())), run.pretrain_run) for run in runs.values()}
    ) == len(runs)
    assert replace(study) == study


def test_a_sweep_over_what_pre_training_depends_on_pre_trains_anew():
    s3rec = {"method": "s3rec", "pretrain_epochs": 2, "pretrain_seed": 9}
    sweep = {"key": "s", "title": "S", "option": "train_fraction", "values": [0.6, 1.0]}
    planned = plan(parse_study(changed(methods={"A": s3rec}, sweeps=[sweep])))
    shared = {run.name: run.config().train_fraction for run in planned.runs.values() if run.pretraining_only}
    assert sorted(shared.values()) == [0.6, 1.0]
    for run in planned.runs.values():
        if run.pretrain_run is not None:
            assert shared[run.pretrain_run] == run.config("0" * 64).train_fraction


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"data": ["a/x.txt", "b/x.txt"]}, "data: a/x.txt and b/x.txt"),
        (
            {"methods": {name: {"method": "s3rec", "pretrained": {"synthetic": f"{name}.pt"}} for name in "AB"}},
            "pretrained: A.pt and B.pt",
        ),
        (
            {"methods": {name: {"method": "s3rec", "pretrain_seed": seed} for name, seed in (("A", 7), ("B", 8))}},
            "pretrain_run: s3rec-synthetic-seed7-epochs1-pretraining and s3rec-synthetic-seed8-epochs1-pretraining",
        ),
    ],
)
def test_runs_that_would_share_a_folder_are_refused(changes, difference):
    with pytest.raises(ValueError, match="two runs would have one name") as problem:
        plan(parse_study(changed(**changes)))
    assert str(problem.value).endswith(f"and differ in {difference}")
