"""Claims are judged on paired differences, whose values are known here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.results.study.records import Claim, RunRecord, pack_ranks
from landscape.training.study.claims import judged, summary
from landscape.training.study.plan import plan
from landscape.training.study.study_file import parse_study
from tests.training.study.test_config import SMALL, changed

SEEDS = [0, 1, 2, 3, 4]
NOISE = (0.001, -0.002, 0.0005, 0.0015, -0.001)  # of a seed; the same for both methods, so pairs differ by 1e-4 noise


def verdict(first, second, *, measure="NDCG@10", failed=(), **claim):
    """The verdict on a claim when first and second are the values by seed of SAMRec and SASRec."""
    spec = {"text": "c", "first": "SAMRec", "second": ["SASRec"], "measure": measure, **claim}
    study = parse_study(changed(seeds=SEEDS, claims=[spec]))
    planned = plan(study)
    source = "test" if "@" in measure else "geometry"
    records = {}
    for seed in SEEDS:
        for method, values in (("sasrec", second), ("samrec", first)):
            name = f"{method}-synthetic-seed{seed}" + ("-rho0.1" if method == "samrec" else "")
            error = "not finite" if name in failed else ""
            records[name] = RunRecord(
                name, name, "synthetic", seed, {}, error=error, **({} if error else {source: {measure: values[seed]}})
            )
    (claim,) = judged(study, planned, records)
    (finding,) = claim.by_data
    assert claim.verdict == finding.verdict
    return finding


def around(value, jitter=0.0):
    return [value + noise * (1 + jitter * rank) for rank, noise in enumerate(NOISE)]


def test_a_gain_is_relative_to_the_mean_of_the_second():
    finding = verdict(around(0.11, 0.1), around(0.1), kind="gain", effect={"synthetic": 0.1})
    assert finding.verdict == "supported"
    assert finding.difference.mean == pytest.approx(0.1, rel=0.02)
    assert finding.difference.count == 5


@pytest.mark.parametrize(
    ("first", "expected"),
    [(0.11, "supported"), (0.1002, "contradicted"), (0.09, "contradicted")],
)
def test_verdicts_on_a_gain(first, expected):
    assert verdict(around(first, 0.05), around(0.1), kind="gain", effect={"synthetic": 0.1}).verdict == expected


def test_wide_intervals_are_undecided():
    assert verdict([0.08, 0.13, 0.1, 0.15, 0.07], around(0.1), kind="gain", effect={"synthetic": 0.1}).verdict == (
        "undecided"
    )


def test_a_failed_run_leaves_the_claim_untested():
    finding = verdict(
        around(0.11), around(0.1), kind="gain", effect={"synthetic": 0.1}, failed=("samrec-synthetic-seed3-rho0.1",)
    )
    assert finding.verdict == "not tested"
    assert math.isnan(finding.difference.mean)


def test_equality_is_within_the_margin():
    assert verdict(around(0.101, 0.1), around(0.1), kind="equal", effect={"synthetic": 0.05}).verdict == "supported"
    assert verdict(around(0.12, 0.1), around(0.1), kind="equal", effect={"synthetic": 0.05}).verdict == "contradicted"


@pytest.mark.parametrize(("kind", "margin"), [("gain", False), ("equal", True), ("ratio", False), ("smallest", False)])
def test_the_effects_of_an_equality_alone_are_margins(kind, margin):
    spec = {"text": "c", "kind": kind, "first": "SAMRec", "second": ["SASRec"], "measure": "trace"}
    study = parse_study(changed(claims=[spec | ({} if kind == "smallest" else {"effect": {"synthetic": 0.1}})]))
    (claim,) = judged(study, plan(study), {})
    assert claim.margin is margin


def test_a_ratio_is_a_difference_of_logarithms():
    finding = verdict(
        [10.0, 10.1, 9.9, 10.05, 9.95], [1.0, 1.01, 1.0, 0.99, 1.0], measure="top_eigenvalue", kind="ratio",
        effect={"synthetic": 1.0},
    )  # fmt: skip
    assert finding.verdict == "supported"
    assert finding.difference.mean == pytest.approx(1.0, abs=0.01)


def test_the_smallest_is_below_all_others():
    ones, twos = [1.0, 1.01, 1.02, 0.99, 0.98], [2.0, 2.1, 1.9, 2.05, 1.95]
    smallest = {"measure": "top_eigenvalue", "kind": "smallest"}
    assert verdict(ones, twos, **smallest).verdict == "supported"
    assert verdict(twos, ones, **smallest).verdict == "contradicted"
    assert verdict(ones, twos, **smallest).difference.mean == pytest.approx(math.log10(2), abs=0.01)


def test_values_of_an_option_are_those_of_the_figure_and_not_of_a_search():
    sweep = {"key": "figure", "title": "F", "option": "rho", "values": [0.2, 0.9], "methods": ["SAMRec"]}
    search = {**sweep, "key": "search", "tuning": True, "seeds": [100]}
    spec = {"text": "c", "kind": "equal", "first": "SAMRec", "second": ["SAMRec"], "measure": "HR@10"}
    spec |= {"option": "rho", "values": [0.2, 0.9], "effect": {"synthetic": 0.05}}
    study = parse_study(changed(seeds=SEEDS, sweeps=[search, sweep], claims=[spec]))  # the search comes first
    planned = plan(study)
    records = {
        run.name: RunRecord(run.name, run.name, run.data, run.seed, {}, test={"HR@10": values[run.seed]})
        for value, values in ((0.2, around(0.1)), (0.9, around(0.101, 0.1)))
        for run in planned.runs.values()
        if run.options.get("rho") == value and not run.tuning
    }
    (claim,) = judged(study, planned, records)
    assert claim.verdict == "supported"
    assert claim.by_data[0].difference.count == 5
    assert claim.by_data[0].difference.mean == pytest.approx(-0.01, rel=0.1)


@pytest.mark.parametrize(("lost", "expected"), [(0.1, "supported"), (0.3, "contradicted")])
def test_what_less_data_costs(lost, expected):
    """The first loses ``lost`` of its value with the part of the data, the second 0.2."""
    sweep = {"key": "f", "title": "F", "option": "train_fraction", "values": [0.6]}
    spec = {"text": "c", "kind": "drop", "first": "SAMRec", "second": ["SASRec"], "option": "train_fraction"}
    study = parse_study(changed(seeds=SEEDS, sweeps=[sweep], claims=[{**spec, "values": [0.6], "measure": "HR@10"}]))
    planned = plan(study)
    records = {}
    for run in planned.runs.values():
        kept = 1 if "train_fraction" not in run.options else 1 - (lost if run.options["method"] == "samrec" else 0.2)
        value = (0.1 + NOISE[run.seed]) * (kept + NOISE[run.seed] / 10)
        records[run.name] = RunRecord(run.name, run.name, run.data, run.seed, {}, test={"HR@10": value})
    (finding,) = judged(study, planned, records)[0].by_data
    assert finding.verdict == expected
    assert finding.difference.mean == pytest.approx(0.2 - lost, rel=0.01)
    assert finding.effect is None


def ranked(**claim):
    """The finding of a claim about ranks of 200 users: SAMRec hits 60, all others 40, in every seed the same ones."""
    spec = {"text": "c", "kind": "gain", "first": "SAMRec", "second": ["SASRec"], "measure": "HR@10"}
    spec |= {"effect": {"synthetic": 0.5}, **claim}
    methods = {**SMALL["methods"], "CL4SRec": {"method": "cl4srec"}}
    sweep = {"key": "f", "title": "F", "option": "rho", "values": [0.2, 0.9], "methods": ["SAMRec"]}
    study = parse_study(changed(seeds=SEEDS, methods=methods, sweeps=[sweep], claims=[spec]))
    planned = plan(study)
    records = {}
    for run in planned.runs.values():
        hits = 60 if run.options["method"] == "samrec" else 40
        ranks = np.where(np.arange(200) < hits, 3.0, 99.0)
        records[run.name] = RunRecord(
            run.name, run.name, run.data, run.seed, {}, test={"HR@10": hits / 200}, geometry={"trace": float(hits)},
            ranks=pack_ranks(ranks),
        )  # fmt: skip
    (finding,) = judged(study, planned, records)[0].by_data
    return finding


def test_pairs_are_counted_that_the_study_will_have():
    fewer = {"key": "f", "title": "F", "option": "rho", "values": [0.2, 0.9], "methods": ["SAMRec"], "seeds": [0, 1, 7]}
    part = {**fewer, "key": "p", "option": "train_fraction", "values": [0.6], "methods": ["SAMRec", "SASRec"]}
    gain = {"text": "c", "kind": "gain", "first": "SAMRec", "second": ["SASRec"], "effect": {"synthetic": 0.1}}
    values = {**gain, "kind": "equal", "second": ["SAMRec"], "option": "rho", "values": [0.2, 0.9]}
    drop = {**gain, "kind": "drop", "effect": {}, "option": "train_fraction", "values": [0.6]}
    study = parse_study(changed(seeds=SEEDS, sweeps=[fewer, part], claims=[gain, values, drop]))
    claims = judged(study, plan(study), {})
    assert [claim.by_data[0].planned for claim in claims] == [5, 3, 2]  # of 0, 1, 7 only two are seeds of all data
    assert [claim.by_data[0].difference.count for claim in claims] == [0, 0, 0]


def test_users_are_drawn_within_seeds():
    finding = ranked()
    assert finding.over_users.mean == pytest.approx(0.5)  # 0.1 more, relative to 0.2
    # No spread over seeds; of five times 200 users, 20 in 200 differ by 1: σ² = 0.09, relative to 0.2.
    assert finding.over_users.half_width == pytest.approx(1.96 * math.sqrt(0.09 / 1000) / 0.2, rel=0.1)
    assert finding.over_users.count == 5
    assert ranked(kind="equal").over_users.mean == pytest.approx(0.5)


@pytest.mark.parametrize(
    "claim",
    [
        {"measure": "trace"},  # is of no user
        {"kind": "ratio"},
        {"kind": "smallest", "effect": {}},
        {"second": ["SASRec", "CL4SRec"]},  # the best of several is another one in each draw
        {"kind": "equal", "second": ["SAMRec"], "option": "rho", "values": [0.2, 0.9]},
    ],
    ids=["no ranking metric", "ratio", "sign", "several", "values of an option"],
)
def test_only_a_ranking_metric_of_two_methods_has_an_interval_over_users(claim):
    finding = ranked(**claim)
    assert finding.difference.count == 5
    assert finding.over_users is None


@pytest.mark.parametrize(
    ("verdicts", "numbers", "text"),
    [
        (("supported",), (4, 0, 0), "Of 1 claim, 1 is supported; 4 of 4 runs are finished."),
        (
            ("not tested", "not tested"),
            (1, 1, 1),
            "None of 2 claims is tested yet; 1 of 3 runs is finished and 1 has failed: verdicts and means may change.",
        ),
        (("not tested",), (0, 2, 0), "None of 1 claim is tested; 0 of 2 runs are finished and 2 have failed."),
        (
            ("undecided", "supported", "contradicted", "supported"),
            (4, 2, 3),
            "Of 4 claims, 2 are supported, 1 is contradicted and 1 is undecided; "
            "4 of 9 runs are finished and 2 have failed: verdicts and means may change.",
        ),
        ((), (4, 0, 1), "4 of 5 runs are finished: means may change."),
    ],
)
def test_the_summary_counts_verdicts_and_runs(verdicts, numbers, text):
    claims = [Claim("c", "", "", "", verdict, ()) for verdict in verdicts]
    assert summary(claims, *numbers) == text
