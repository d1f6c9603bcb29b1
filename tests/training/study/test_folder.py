"""A study's folder: records lie in the runs' folders and in study.json, and none is lost."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, replace

import pytest

from landscape.results.storage.files import write_json
from landscape.results.study.records import RunRecord
from landscape.training.study.config import StudyConfig
from landscape.training.study.folder import StudyFolder, seconds_left
from landscape.training.study.measure import RECORD
from landscape.training.study.plan import Plan, Run, plan
from landscape.training.study.study_file import parse_study
from tests.training.study.test_config import SMALL, changed


@pytest.fixture
def study() -> StudyConfig:
    return parse_study(SMALL)


def folder_of(tmp_path, study: StudyConfig) -> tuple[StudyFolder, Plan]:
    folder = StudyFolder(tmp_path)
    folder.open(study)
    return folder, plan(study)


def record_of(name: str, planned: Plan, study: StudyConfig, value: float = 0.5, **more) -> RunRecord:
    run = planned.runs[name]
    metadata = {"geometry": asdict(study.geometry), "along": {"every": study.along.every, "users": study.along.users}}
    settings = {"method": run.options["method"]}
    known = {"test": {"HR@10": value}, "seconds": {"training": 30.0}, "metadata": metadata, **more}
    return RunRecord(name, name, run.data, run.seed, settings, **known)


def store(folder: StudyFolder, record: RunRecord) -> None:
    (folder.runs / record.run).mkdir(parents=True, exist_ok=True)
    write_json(folder.runs / record.run / RECORD, record)


def test_what_study_json_knows_is_neither_computed_again_nor_lost(tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    names = list(planned.runs)
    store(folder, record_of(names[0], planned, study))
    folder.write_study(study)
    shutil.rmtree(folder.runs)  # as on another machine, where study.json alone is
    again, _ = folder_of(tmp_path, study)
    assert [run.name for run in again.status(study, list(planned.runs.values())).left] == names[1:]
    store(again, record_of(names[1], planned, study))
    stored = again.write_study(study)
    assert [run.run for run in stored.runs] == names[:2]
    assert [run.run for run in again.load().runs] == names[:2]
    fewer = replace(study, seeds=(1,))
    assert {run.run for run in StudyFolder(tmp_path).write_study(fewer).runs} == {*names[:2]}


def test_the_run_folder_counts_before_study_json(tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    name = next(iter(planned.runs))
    store(folder, record_of(name, planned, study, 0.5))
    folder.write_study(study)
    again, _ = folder_of(tmp_path, study)
    store(again, record_of(name, planned, study, 0.7))
    assert again.record(name).test == {"HR@10": 0.7}


@pytest.mark.parametrize(
    ("more", "finished"),
    [({}, True), ({"test": {}}, False), ({"metadata": {}}, False), ({"test": {}, "error": "the loss is nan"}, True)],
)
def test_a_run_is_finished_when_all_is_known_that_the_study_asks_for(more, finished, tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    name, run = next(iter(planned.runs.items()))
    store(folder, record_of(name, planned, study, **more))
    assert folder.is_finished(run, study) is finished
    assert [record.run for record in folder.write_study(study).runs] == [name]  # also what is not complete


def test_snapshots_are_asked_for_by_some_runs(tmp_path):
    along = {"methods": ["SASRec"], "data": ["synthetic"], "seeds": [0], "users": 50}
    study = parse_study(changed(along=along))
    folder, planned = folder_of(tmp_path, study)
    run = planned.runs["sasrec-synthetic-seed0"]
    store(folder, record_of(run.name, planned, study))
    assert not folder.is_finished(run, study)
    store(folder, record_of(run.name, planned, study, along=({"epoch": 0.0},)))
    assert folder.is_finished(run, study)
    assert not folder.is_finished(run, parse_study(changed(along={**along, "users": 60})))


def test_shared_weights_have_to_be_there(tmp_path):
    s3rec = {"method": "s3rec", "pretrain_epochs": 1, "pretrain_seed": 9}
    study = parse_study(changed(methods={"S3Rec": s3rec}))
    folder, planned = folder_of(tmp_path, study)
    shared = next(run for run in planned.runs.values() if run.pretraining_only)
    store(folder, record_of(shared.name, planned, study))
    assert not folder.is_finished(shared, study)
    (folder.runs / shared.name / "pretrained.pt").touch()
    assert folder.is_finished(shared, study)


def test_the_time_that_is_left_is_that_of_runs_alike(tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    runs = list(planned.runs.values())
    assert str(folder.status(study, runs).seconds_left) == "nan"
    store(folder, record_of(runs[0].name, planned, study))  # 30 s, SASRec
    store(folder, record_of(runs[1].name, planned, study, seconds={"training": 60.0, "ranking": 10.0}))  # SAMRec
    assert folder.status(study, runs).seconds_left == 100


def took(method: str, data: str, seconds: float, **more) -> RunRecord:
    return RunRecord("r", "r", data, 9, {"method": method}, seconds={"training": seconds, "ranking": 0.25}, **more)


def waiting(method: str, data: str) -> Run:
    return Run(f"{method}-{data}-seed0", data, 0, {"method": method})


@pytest.mark.parametrize(
    ("finished", "seconds"),
    [
        ([took("sasrec", "a", 1), took("sasrec", "a", 2), took("sasrec", "b", 50), took("samrec", "a", 70)], 1.75),
        (
            [took("sasrec", "b", 10), took("sasrec", "c", 20), took("samrec", "a", 70)],
            15.25,
        ),  # the method on other data
        ([took("samrec", "a", 1), took("cl4srec", "b", 4)], 2.75),  # anything
        ([took("sasrec", "a", 90, error="the loss is nan"), took("sasrec", "b", 7)], 7.25),
        ([took("sasrec", "a", 90, error="the loss is nan")], math.nan),
        ([], math.nan),
    ],
)
def test_the_time_of_a_run_is_estimated_from_those_most_like_it(finished, seconds):
    assert seconds_left(finished, [waiting("sasrec", "a")]) == pytest.approx(seconds, nan_ok=True)


def test_the_times_of_all_runs_are_added():
    finished = [took("sasrec", "a", 1), took("samrec", "b", 10)]
    left = [waiting("sasrec", "a"), waiting("samrec", "a"), waiting("s3rec", "a")]
    assert seconds_left(finished, left) == pytest.approx(1.25 + 10.25 + 5.75)
    assert seconds_left(finished, []) == 0


class Beside(StudyFolder):
    """A folder that another process writes, too: whenever this one has collected its records, that one is quicker."""

    def __init__(self, folder, other: StudyFolder, meanwhile: list[RunRecord]) -> None:
        super().__init__(folder)
        self.other, self.meanwhile = other, meanwhile

    def _write(self, record):
        if self.meanwhile:
            store(self.other, self.meanwhile.pop())
            self.other.write_study(self.config)
        return super()._write(record)


def test_what_another_process_writes_at_the_same_time_is_not_lost(tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    first, second, third, _ = planned.runs
    beside = Beside(tmp_path, folder, [record_of(name, planned, study) for name in (second, third)])
    beside.config, beside.planned = study, planned
    store(folder, record_of(first, planned, study))
    assert {run.run for run in beside.write_study(study).runs} == {first, second, third}
    assert {run.run for run in folder.load().runs} == {first, second, third}


def test_a_folder_keeps_to_its_file(tmp_path, study):
    folder_of(tmp_path, study)
    folder_of(tmp_path, parse_study(changed(seeds=[5])))
    with pytest.raises(ValueError, match="begun with another file: geometry was None and is {'users': 7}"):
        folder_of(tmp_path, parse_study(changed(geometry={"users": 7})))
    (tmp_path / "study.json").write_text("[")
    with pytest.raises(ValueError, match="study.json is damaged"):
        folder_of(tmp_path, study)


def test_study_json_has_a_line_a_run(tmp_path, study):
    folder, planned = folder_of(tmp_path, study)
    for name in planned.runs:
        store(folder, record_of(name, planned, study))
    folder.write_study(study)
    lines = folder.study.read_text().splitlines()
    assert [json.loads(line.rstrip(","))["run"] for line in lines[1:-1]] == list(planned.runs)
    assert folder.load().file == SMALL
