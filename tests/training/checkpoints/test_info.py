"""A study's record is described like a checkpoint and a result, and damaged ones are named."""

import json

import pytest

from landscape.results.storage.kinds import section_kind
from landscape.results.study.records import RunRecord, StudyRecord
from landscape.training.checkpoints.info import describe_file


def test_a_studys_record_is_described(tmp_path):
    done = RunRecord(run="a-seed0", title="A", data="small", seed=0, settings={}, epoch=3, test={"HR@10": 0.5})
    failed = RunRecord(run="a-seed1", title="A", data="small", seed=1, settings={}, error="the loss is nan")
    path = tmp_path / "study.json"
    section_kind(StudyRecord, "study").save(StudyRecord("A study", {}, (done, failed)), path)
    assert describe_file(path) == {
        "title": "A study",
        "runs": 2,
        "failed": 1,
        "epoch": {"a-seed0": 3},
        "test": {"a-seed0": {"HR@10": 0.5}},
    }
    path.write_text(json.dumps({"title": "A study"}))
    with pytest.raises(ValueError, match=r"study\.json"):
        describe_file(path)
