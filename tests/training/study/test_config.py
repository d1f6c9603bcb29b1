"""A study's file: what is read, what is refused, and how --quick makes it small."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import pytest

from landscape.training.study.plan import plan
from landscape.training.study.study_file import PAPER, parse_study, read_study

SMALL = {
    "title": "small",
    "data": ["synthetic"],
    "seeds": [0, 1],
    "methods": {"SASRec": {"method": "sasrec"}, "SAMRec": {"method": "samrec", "rho": 0.1}},
}
GAIN = {"text": "c", "kind": "gain", "first": "SAMRec", "second": ["SASRec"]}


SIZED = {**GAIN, "effect": {"synthetic": 0.1}}
DROP = {**GAIN, "kind": "drop", "option": "train_fraction", "values": [0.6]}
FRACTIONS = {"key": "f", "title": "F", "option": "train_fraction", "values": [0.6, 1.0]}
TABLE = {"key": "t", "title": "T", "methods": ["SASRec"], "metrics": ["HR@10"]}


def changed(**changes):
    return {**SMALL, **changes}


def test_the_paper_has_its_tables_figures_and_claims():
    study = read_study(PAPER)
    assert [row.name for row in study.methods][:4] == ["SASRec", "S3Rec", "CL4SRec", "SAMRec"]
    assert study.tables[0].published["SAMRec"]["Yelp"] == (0.0381, 0.0194)
    gains = {claim.text: claim.effect for claim in study.claims if claim.kind == "gain"}
    published = study.tables[0].published
    for data, effect in gains["SAMRec ranks better than SASRec"].items():  # as printed: the relative gain in NDCG@10
        assert effect == pytest.approx(published["SAMRec"][data][1] / published["SASRec"][data][1] - 1, abs=2e-3)
    for data, effect in gains["SAM lifts CL4SRec"].items():
        second = study.tables[1].published
        assert effect == pytest.approx(second["CL4SRec + SAM"][data][0] / second["CL4SRec"][data][0] - 1, abs=2e-3)


def test_no_reported_seed_is_tuned_on():
    study = read_study(PAPER)
    reported = {*study.seeds, *(seed for sweep in study.sweeps if not sweep.tuning for seed in sweep.seeds)}
    tuned = {seed for sweep in study.sweeps if sweep.tuning for seed in sweep.seeds}
    assert tuned and not tuned & reported


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(metods={}), "key 'metods' is unknown; did you mean 'methods'"),
        (changed(methods={"A": {"method": "sasrec", "dropuot": 0.1}}), "option 'dropuot' is unknown; did you mean"),
        (changed(methods={}), "at least one method"),
        (changed(methods={"A": "sasrec"}), "method A is a table of options, got 'sasrec'"),
        (changed(seeds=[0, 0]), "the study names a seed twice: 0"),
        (changed(seeds=[-1]), "a seed must be a whole number of at least 0, got -1"),
        (changed(seeds=[True]), "seeds[0] is true, not a whole number"),
        (changed(data="synthetic"), "data is the text 'synthetic', not a list"),
        (changed(geometry={"users": 0}), "users must be a whole number of at least 1, got 0"),
        (changed(geometry={"user": 5}), "did you mean 'users'"),
        (changed(tables=[{"key": "t", "title": "T", "methods": ["SAMRek"], "metrics": []}]), "did you mean 'SAMRec'"),
        (changed(claims=[{"text": "c", "kind": "gian", "first": "SAMRec", "second": ["SASRec"]}]), "gain"),
        (changed(claims=[{"text": "c", "kind": "gain", "first": "SAMRec"}]), "claim 1.second is missing"),
        *(
            (changed(claims=[{**GAIN, "effect": {"synthetic": effect}}]), f"must be a positive number, got {effect!r}")
            for effect in (math.nan, math.inf, 0.0)
        ),
        (changed(claims=[{**GAIN, "effect": {"synthetic": "0.1"}}]), "effect['synthetic'] is the text '0.1'"),
        (changed(claims=[{**GAIN, "effect": {}}]), "the kind gain needs an effect for each data set"),
        (
            changed(claims=[{**SIZED, "kind": "smallest"}]),
            "the kind smallest has no effect; name its data",
        ),
        (
            changed(claims=[{**SIZED, "measure": "NDCG@11"}]),
            "measure 'NDCG@11' is unknown; did you mean 'NDCG@10'",
        ),
        (changed(claims=[{**DROP, "values": [0.6, 0.8]}]), "the kind drop compares 1 of the values of an option"),
        (changed(claims=[{**DROP, "option": "", "values": []}]), "the kind drop compares 1 of the values"),
        (changed(claims=[DROP]), "no sweep that is no search has train_fraction = 0.6"),
        (changed(claims=[DROP], sweeps=[{**FRACTIONS, "tuning": True}]), "no sweep that is no search has"),
        (changed(tables=[{**TABLE, "metrics": ["HR@1O"]}]), "metric 'HR@1O' is unknown; did you mean 'HR@10'"),
        (changed(tables=[{**TABLE, "published": {"SASRec": {"synthetic": [0.1, 0.2]}}}]), "has 2 values, and the"),
        (changed(tables=[{**TABLE, "published": {"SASRek": {"synthetic": [0.1]}}}]), "did you mean 'SASRec'"),
        (changed(sweeps=[{"key": "s", "title": "S", "option": "roh", "values": [1]}]), "did you mean 'rho'"),
        (changed(sweeps={"key": "s"}), "a list of tables"),
        (changed(data=["synthetic", "synthetic"]), "the study names a data set twice: synthetic"),
        (changed(sweeps=[{**FRACTIONS, "values": [0.6, 0.8, 0.6]}]), "f names a value twice: 0.6"),
        (
            changed(sweeps=[FRACTIONS, FRACTIONS]),
            "two sweeps or tables have one key, by which their files are called: f",
        ),
        (changed(sweeps=[FRACTIONS], tables=[{**TABLE, "key": "f"}]), "by which their files are called: f"),
        (changed(tables=[{**TABLE, "key": "geometry"}]), "by which their files are called: geometry"),
    ],
)
def test_what_is_wrong_is_named(content, message):
    with pytest.raises(ValueError, match=rf"^[^\n]*{re.escape(message)}[^\n]*$"):
        parse_study(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(metods={}), "key 'metods' is unknown; did you mean 'methods'?"),
        (changed(geometry={"user": 5}), "geometry: key 'user' is unknown; did you mean 'users'?"),
        (changed(along={"evry": 5}), "along: key 'evry' is unknown; did you mean 'every'?"),
        (changed(sweeps=[FRACTIONS, {**FRACTIONS, "titel": "F"}]),
         "sweep 2: key 'titel' is unknown; did you mean 'title'?"),
        (changed(tables=[{**TABLE, "metric": []}]), "table 1: key 'metric' is unknown; did you mean 'metrics'?"),
        (changed(claims=[{**SIZED, "secnd": []}]), "claim 1: key 'secnd' is unknown; did you mean 'second'?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_its_place(content, message):
    with pytest.raises(ValueError, match="unknown") as problem:
        parse_study(content)
    assert str(problem.value) == message


def test_a_value_is_looked_for_in_the_sweep_of_its_option():
    dropout = {"key": "d", "title": "D", "option": "dropout", "values": [0.6]}
    study = parse_study(changed(sweeps=[dropout, FRACTIONS, {**FRACTIONS, "key": "later"}]))
    assert study.sweep_of("train_fraction", 0.6).key == "f"
    assert study.sweep_of("dropout", 0.6).key == "d"
    assert study.sweep_of("dropout", 1.0) is None
    assert study.sweep_of("train_fraction", 0.8) is None


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"A": {"rho": 0.1}}, "method A names none"),
        ({"A": {"method": "sasrek"}}, "method A: the method must be one of"),
        ({"A": {"method": "sasrec", "rho": 0.1}}, "method A: rho has no effect"),
        ({"A": {"method": "samrec", "rho": -1.0}}, "method A: rho must be"),
    ],
)
def test_options_are_those_of_train(methods, message):
    with pytest.raises(ValueError, match=message):
        plan(parse_study(changed(methods=methods)))


def test_files_that_are_not_toml_or_not_there(tmp_path):
    (tmp_path / "a.toml").write_text("data = [")
    with pytest.raises(ValueError, match="a.toml is not TOML"):
        read_study(tmp_path / "a.toml")
    with pytest.raises(FileNotFoundError, match="did you mean the built-in study 'paper'"):
        read_study("papr")


def test_quick_needs_no_data_and_no_published_weights():
    study = read_study(PAPER, quick=True)
    assert study.data == ("synthetic",)
    assert all(not row.pretrained and not row.by_data for row in study.methods)
    assert all(set(claim.effect) <= {"synthetic"} for claim in study.claims)
    assert len(plan(study).runs) + plan(study).still_to_plan <= 40
    assert [sweep.values for sweep in study.sweeps if sweep.option == "loss"] == [("bce", "ce")]
    assert all(len(sweep.values) > 1 for sweep in study.sweeps)


def test_the_example_of_the_guide_is_a_study():
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "study.md").read_text(encoding="utf-8")
    study = parse_study(tomllib.loads(guide.split("```toml\n")[1].split("```")[0]))
    assert len(plan(study).runs) == 10
    assert study.claims[0].effect == {"ours.txt": 0.05}
