"""Rows that take what a search has chosen: which setting, and which runs follow."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.results.study.records import RunRecord
from landscape.training.study.plan import CellKey, plan
from landscape.training.study.study_file import parse_study
from landscape.training.study.tuning import UnfinishedSearchError, choose
from tests.training.study.test_config import changed

SEARCH = {
    "key": "radius", "title": "R", "option": "rho", "values": [0.01, 0.1, 0.5], "methods": ["SAMRec"],
    "seeds": [100, 101], "tuning": True,
}  # fmt: skip
LR = {"key": "rate", "title": "L", "option": "lr", "values": [0.001, 0.01], "methods": ["SASRec"],
      "seeds": [100], "tuning": True}  # fmt: skip
METHODS = {
    "SASRec": {"method": "sasrec"},
    "SAMRec": {"method": "samrec"},
    "tuned": {"method": "samrec", "tuned_by": ["radius"]},
}
TUNED = CellKey("tuned", "synthetic")


def study_of(searches=(SEARCH,), tuned_by=("radius",), **more):
    methods = {**METHODS, "tuned": {"method": "samrec", "tuned_by": list(tuned_by)}}
    return parse_study(changed(methods=methods, sweeps=list(searches), **more))


def record(name: str, score: float, *, error: str = "") -> RunRecord:
    return RunRecord(name, name, "synthetic", 100, {}, error=error, validation={} if error else {"NDCG@20": score})


def scored(study, scores, *, missing=(), failed=()):
    """Records of the runs of searches, whose score is that of their setting, ± 0.001 by seed."""
    records = {}
    for key, runs in plan(study).cells.items():
        if (key.sweep, key.value) in scores:
            for place, name in enumerate(runs.values()):
                error = "the loss is nan" if (key.sweep, key.value, place) in failed else ""
                score = scores[key.sweep, key.value] + 0.001 * (-1) ** place
                if (key.sweep, key.value, place) not in missing:
                    records[name] = record(name, score, error=error)
    return records


@given(st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=2), min_size=3, max_size=3))
def test_the_setting_of_the_best_mean_is_chosen(scores):
    study = study_of()
    names = {value: {seed: f"{value}-{seed}" for seed in (100, 101)} for value in SEARCH["values"]}
    records = {
        name: record(name, score)
        for value, row in zip(SEARCH["values"], scores, strict=True)
        for name, score in zip(names[value].values(), row, strict=True)
    }
    found = choose(study, study.method("tuned"), "synthetic", lambda search, data, value: names[value], records.get)
    means = [sum(row) / 2 for row in scores]
    assert found.options == {"rho": SEARCH["values"][means.index(max(means))]}  # of equal ones the first
    assert (found.settings, found.scores) == (3, (max(means),))


def test_searches_of_one_option_are_alternatives_and_of_others_add_theirs():
    other = {**SEARCH, "key": "ascent", "options": {"sam_every": 2}, "values": [0.2]}
    study = study_of([SEARCH, other, {**LR, "methods": ["SASRec"]}], ["radius", "ascent", "rate"])
    scores = {("radius", 0.01): 0.1, ("radius", 0.1): 0.3, ("radius", 0.5): 0.2, ("ascent", 0.2): 0.4}
    scores |= {("rate", 0.001): 0.1, ("rate", 0.01): 0.5}
    planned = plan(study, scored(study, scores).get)
    assert planned.chosen["tuned", "synthetic"].options == {"rho": 0.2, "sam_every": 2, "lr": 0.01}
    assert str(planned.chosen["tuned", "synthetic"]) == (
        "sam_every 2, rho 0.2, lr 0.01 (validation NDCG@20 0.4000 and 0.5010, the best of 6 settings)"
    )
    (name, *_) = planned.cells[TUNED].values()
    assert planned.runs[name].options == {"method": "samrec", "sam_every": 2, "rho": 0.2, "lr": 0.01}


SCORES = {("radius", 0.01): 0.1, ("radius", 0.1): 0.3, ("radius", 0.5): 0.2}


def test_a_tuned_row_waits_for_its_search_and_then_has_runs_of_all_seeds():
    study = study_of()
    before = plan(study, scored(study, SCORES, missing=[("radius", 0.5, 1)]).get)
    assert TUNED not in before.cells
    assert before.waiting == {TUNED: ("waits for the search radius", 2)}
    assert before.still_to_plan == 2
    after = plan(study, scored(study, SCORES).get)
    assert after.cells[TUNED] == {seed: f"samrec-synthetic-seed{seed}-rho0.1" for seed in (0, 1)}
    assert not any(after.runs[name].tuning for name in after.cells[TUNED].values())
    assert (after.waiting, after.still_to_plan) == ({}, 0)
    assert {*before.runs} < {*after.runs}


def test_what_the_row_would_take_anyway_is_not_trained_twice():
    study = study_of()
    found = plan(study, scored(study, {**SCORES, ("radius", 0.5): 0.9}).get)
    assert found.cells[TUNED] == found.cells[CellKey("SAMRec", "synthetic")]
    assert {*found.runs} == {*plan(study).runs}


def test_a_setting_of_which_a_run_failed_is_not_chosen():
    study = study_of()
    found = plan(study, scored(study, SCORES, failed=[("radius", 0.1, 1)]).get)
    assert found.chosen["tuned", "synthetic"].options == {"rho": 0.5}
    all_failed = [("radius", value, 0) for value in SEARCH["values"]]
    nothing = plan(study, scored(study, SCORES, failed=all_failed).get)
    assert nothing.waiting[TUNED] == ("all settings of radius failed", 2)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_metric_that_is_not_finite_is_not_chosen(score):
    study = study_of()
    found = plan(study, scored(study, {**SCORES, ("radius", 0.1): score}).get)
    assert found.chosen["tuned", "synthetic"].options == {"rho": 0.5}


def test_snapshots_of_a_tuned_row_are_those_of_the_setting_chosen():
    along = {"methods": ["tuned"], "data": ["synthetic"], "seeds": [0], "every": 3}
    study = study_of(along=along)
    before = plan(study)
    assert not any(run.snapshots for run in before.runs.values())
    assert before.still_to_plan == 2  # the snapshots are those of a run that is counted already
    found = plan(study, scored(study, SCORES).get)
    assert [name for name, run in found.runs.items() if run.snapshots] == ["samrec-synthetic-seed0-rho0.1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuned_by": ["radius", "radius"]}, "method tuned names a search twice: radius"),
        ({"tuned_by": ["radios"]}, "method tuned: search 'radios' is unknown; did you mean 'radius'"),
        ({"searches": [{**SEARCH, "tuning": False}]}, "method tuned: search 'radius' is unknown"),
        ({"searches": [{**SEARCH, "methods": ["SASRec", "SAMRec"]}]}, "radius, which has to search with one method"),
        ({"searches": [{**SEARCH, "methods": ["tuned"]}]}, "one method that is not tuned itself"),
        ({"data": ["synthetic", "b"], "searches": [{**SEARCH, "data": ["synthetic"]}]}, "which does not search on b"),
        ({"searches": [{**SEARCH, "option": "method", "values": ["samrec"]}]}, "and sets method itself; leave one out"),
    ],
)
def test_searches_that_cannot_choose_are_refused(changes, message):
    with pytest.raises(ValueError, match=rf"^[^\n]*{re.escape(message)}[^\n]*$"):
        study_of(**changes)


def test_tuned_by_is_a_list():
    with pytest.raises(ValueError, match=r"method tuned: tuned_by is a list of searches' keys, got 'radius'"):
        parse_study(changed(methods={**METHODS, "tuned": {"method": "samrec", "tuned_by": "radius"}}, sweeps=[SEARCH]))


def test_a_search_without_all_its_runs_says_what_is_missing():
    study = study_of()
    row = SimpleNamespace(tuned_by=("radius",))
    with pytest.raises(UnfinishedSearchError, match="waits for the search radius"):
        choose(study, row, "synthetic", lambda *search: {100: "one"}, lambda name: None)
