"""The report: means and marks made from a record whose numbers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from landscape.results.study.records import RunRecord, StudyRecord, SurfaceGrid
from landscape.training.study.geometry import MEASURES
from landscape.training.study.plan import CellKey, plan
from landscape.training.study.report import LEAST_RUNS, cell, report_of
from landscape.training.study.statistics import kendall_interval, kendall_within
from landscape.training.study.study_file import parse_study
from tests.training.study.test_config import changed

SEEDS = [0, 1, 2]
TABLE = {
    "key": "t",
    "title": "T",
    "methods": ["SASRec", "SAMRec"],
    "metrics": ["HR@10"],
    "published": {"SAMRec": {"synthetic": [0.5]}},
}
SWEEP = {"key": "s", "title": "S", "option": "rho", "values": [0.1, 0.7], "methods": ["SAMRec"], "log": True}
SEARCH = {**SWEEP, "key": "search", "tuning": True, "seeds": [100]}


def study(**changes):
    return parse_study(changed(seeds=SEEDS, tables=[TABLE], sweeps=[SWEEP, SEARCH], **changes))


def record(planned, *, failed=(), missing=()):
    """A record in which HR@10 is 0.1 · seed, 1 more for SAMRec; flatness falls as NDCG rises."""
    runs = []
    for name, run in planned.runs.items():
        if name in missing:
            continue
        method = run.options["method"]
        value = 0.1 * run.seed + (method == "samrec")
        measured = {
            "validation": {"NDCG@20": run.options.get("rho", 0.0)},
            "test": {"HR@10": value, "NDCG@10": value},
            "geometry": dict.fromkeys(MEASURES, -value),
        }
        settings = {"method": method}
        if name in failed:
            runs.append(RunRecord(name, name, run.data, run.seed, settings, error="the loss is nan"))
        else:
            runs.append(RunRecord(name, name, run.data, run.seed, settings, **measured))
    return StudyRecord("small", {}, tuple(runs))


def test_a_cell_is_the_mean_over_seeds_with_its_t_interval():
    config = study()
    planned = plan(config)
    report = report_of(config, planned, record(planned))
    table = report.tables[0]
    assert (table.rows, table.columns) == (("SASRec", "SAMRec"), (("synthetic", "HR@10"),))
    first, second = table.cells[0][0], table.cells[1][0]
    assert first.values == pytest.approx((0.0, 0.1, 0.2))
    assert first.seeds == (0, 1, 2)
    assert first.estimate.mean == pytest.approx(0.1)
    assert first.estimate.half_width == pytest.approx(stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3))
    assert (first.best, second.best) == (False, True)
    assert (first.published, second.published) == (None, 0.5)


def test_what_is_missing_is_counted_and_what_failed_spoils_the_mean():
    config = study()
    planned = plan(config)
    runs = planned.cells[CellKey("SASRec", "synthetic")]
    stored = record(planned, failed={runs[1]}, missing={runs[2]})
    number = report_of(config, planned, stored).tables[0].cells[0][0]
    assert (number.failed, number.missing, number.values) == (1, 1, (0.0,))
    assert math.isnan(number.estimate.mean)
    assert number.note == "the loss is nan"
    nothing = cell(runs, {}, lambda record: 0.0)
    assert (nothing.estimate, nothing.missing) == (None, 3)


@pytest.mark.parametrize("finished", [1, 2])
def test_seeds_that_are_not_there_yet_are_counted(finished):
    config = study()
    planned = plan(config)
    names = list(planned.cells[CellKey("SASRec", "synthetic")].values())
    number = report_of(config, planned, record(planned, missing={*names[finished:]})).tables[0].cells[0][0]
    assert (number.failed, number.missing, number.estimate.count) == (0, 3 - finished, finished)
    assert number.seeds == tuple(SEEDS[:finished])


def test_the_best_of_one_method_is_not_marked():
    config = study()
    planned = plan(config)
    others = {*planned.cells[CellKey("SASRec", "synthetic")].values()}
    rows = report_of(config, planned, record(planned, missing=others)).tables[0].cells
    assert math.isfinite(rows[1][0].estimate.mean)
    assert [row[0].best for row in rows] == [False, False]
    both = report_of(config, planned, record(planned, missing={*sorted(others)[1:]})).tables[0].cells
    assert [row[0].best for row in both] == [False, True]


def test_only_the_first_seed_that_is_there_has_a_surface():
    config = study()
    planned = plan(config)
    runs = planned.cells[CellKey("SASRec", "synthetic")]
    grid = SurfaceGrid(np.arange(3.0), np.arange(2.0), np.arange(6.0).reshape(2, 3))
    stored = record(planned, missing={runs[0]})
    with_grid = StudyRecord("small", {}, tuple(replace(run, surface=grid) for run in stored.runs))
    drawn = [one for one in report_of(config, planned, with_grid).surfaces if one.method == "SASRec"]
    assert [(one.seed, one.surface is not None) for one in drawn] == [(1, True), (2, False)]
    assert (drawn[0].surface.loss == grid.loss).all()
    assert [one.eigenvalues["λ₁"] for one in drawn] == pytest.approx([-0.1, -0.2])


def test_measures_along_training_are_charts_over_the_epochs_that_all_seeds_reached():
    along = {"methods": ["SASRec", "SAMRec"], "data": ["synthetic"], "seeds": [0, 1]}
    config = study(along=along)
    planned = plan(config)
    stored = record(planned)
    assert not any(chart.key == "along" for chart in report_of(config, planned, stored).charts)
    epochs = {0: (0, 5, 10), 1: (0, 5)}
    rows = {
        seed: tuple(
            {"epoch": float(epoch), "top_eigenvalue": epoch + seed + 1.0, "trace": 2.0, "loss": 3.0,
             "NDCG@10": 0.1 * epoch if epoch else math.nan}
            for epoch in reached
        )
        for seed, reached in epochs.items()
    }  # fmt: skip
    runs = (replace(run, along=rows.get(run.seed, ())) if "sasrec" in run.run else run for run in stored.runs)
    charts = [each for each in report_of(config, planned, StudyRecord("small", {}, tuple(runs))).charts
              if each.key == "along"]  # fmt: skip
    assert [each.panel for each in charts] == [
        "synthetic: λmax", "synthetic: trace", "synthetic: training loss", "synthetic: validation NDCG@10",
    ]  # fmt: skip
    assert [each.log_y for each in charts] == [True, True, False, False]
    (line,) = charts[0].series
    assert (line.name, line.x) == ("SASRec", (0.0, 5.0))
    assert [number.values for number in line.cells] == [(1.0, 2.0), (6.0, 7.0)]
    assert charts[0].note == "Seeds: SAMRec 0 of 2."
    assert line.cells[1].estimate.mean == 6.5
    assert charts[3].series[0].x == (5.0,)  # before the first step there is no validation


def test_a_search_is_a_table_of_validation_metrics_and_no_chart():
    config = study()
    planned = plan(config)
    report = report_of(config, planned, record(planned))
    search = next(table for table in report.tables if table.key == "search")
    assert search.rows == ("SAMRec, rho 0.1", "SAMRec, rho 0.7")
    assert [row[0].estimate.mean for row in search.cells] == [0.1, 0.7]
    assert {chart.key for chart in report.charts} == {"s"}
    assert report.charts[0].log_x
    assert report.charts[0].series[0].x == (0.1, 0.7)


def test_kendall_is_over_all_runs_and_within_methods():
    config = study()
    planned = plan(config)
    report = report_of(config, planned, record(planned))
    scatter = next(one for one in report.scatters if one.y_title == "test NDCG@10")
    assert scatter.overall.mean == pytest.approx(-1)  # flatness falls strictly as NDCG rises
    assert scatter.within.mean == pytest.approx(-1)
    assert not any("seed100" in point.run for one in report.scatters for point in one.points)
    assert {point.method for point in scatter.points} == {"SASRec", "SAMRec"}


def test_a_correlation_needs_some_runs():
    config = study()
    planned = plan(config)
    names = [name for name, run in planned.runs.items() if not run.tuning]
    for count, there in ((LEAST_RUNS - 1, False), (LEAST_RUNS, True)):
        scatters = report_of(config, planned, record(planned, missing=names[count:])).scatters
        assert bool(scatters) is there
        assert all(len(one.points) == LEAST_RUNS for one in scatters)


def test_the_summary_says_how_far_the_study_is():
    claim = {"text": "c", "kind": "gain", "first": "SAMRec", "second": ["SASRec"], "measure": "HR@10"}
    config = study(claims=[{**claim, "effect": {"synthetic": 0.1}}])
    planned = plan(config)
    names, runs = list(planned.runs), len(planned.runs)
    whole = report_of(config, planned, record(planned))
    assert whole.summary == f"Of 1 claim, 1 is supported; {runs} of {runs} runs are finished."
    part = report_of(config, planned, record(planned, failed=names[:1], missing=names[1:]))
    assert part.summary == (
        f"None of 1 claim is tested yet; 0 of {runs} runs are finished and 1 has failed: verdicts and means may change."
    )


def test_of_an_empty_record_everything_is_missing():
    config = study()
    planned = plan(config)
    report = report_of(config, planned, StudyRecord("small", {}, ()))
    assert report.tables[0].cells[0][0].missing == 3
    assert report.charts == report.scatters == report.surfaces == ()


def test_the_bootstrap_draws_runs_within_methods():
    x = np.arange(12.0)
    y = np.r_[np.arange(6.0), 100 - np.arange(6.0)]
    groups = ["a"] * 6 + ["b"] * 6
    assert kendall_within(x, y, groups) == pytest.approx(0)  # 1 and -1
    interval = kendall_interval(x, y, groups, generator=np.random.default_rng(0), draws=200)
    assert interval.low == interval.high == pytest.approx(0)  # each group is strictly ordered in every draw


def test_the_report_says_which_weights_were_given_and_where_a_cell_mixes_them():
    config = parse_study(changed(seeds=SEEDS, methods={"S3Rec": {"method": "s3rec"}}, claims=[], tables=[]))
    planned = plan(config)

    def lines(*weights):
        runs = [
            RunRecord(name, name, run.data, run.seed, {"method": "s3rec", "pretrained": sha}, metadata=origin)
            for (name, run), (sha, origin) in zip(planned.runs.items(), weights, strict=False)
        ]
        return [
            line for line in report_of(config, planned, StudyRecord("small", {}, tuple(runs))).lines if "S3" in line
        ]

    given, own = {"pretraining": "given"}, {"pretraining": "s3rec-synthetic-seed9-pretraining"}
    assert lines(("0123456789", given), ("0123456789", given)) == [
        "S3Rec on synthetic fine-tunes given weights, SHA-256 01234567…"
    ]
    assert lines(("0123456789", own), ("0123456789", own)) == []
    assert lines(("0123456789", own), ("abcdef", given)) == [
        "S3Rec on synthetic: its runs fine-tune 2 different pre-trainings"
    ]


def test_a_tuned_row_says_what_it_waits_for_and_what_was_chosen():
    methods = {"SASRec": {"method": "sasrec"}, "SAMRec": {"method": "samrec"}}
    methods["tuned"] = {"method": "samrec", "tuned_by": ["search"]}
    table = {**TABLE, "methods": ["SASRec", "tuned"], "published": {}}
    config = parse_study(changed(seeds=SEEDS, methods=methods, tables=[table], sweeps=[SEARCH]))
    planned = plan(config)
    searches = {name for name, run in planned.runs.items() if run.tuning}
    before = report_of(config, planned, record(planned, missing=searches))
    waiting = before.tables[0].cells[1][0]
    assert (waiting.estimate, waiting.missing, waiting.note) == (None, 3, "waits for the search search")
    assert "6 of 11 runs are finished" in before.summary  # two of the search, three of the row to come
    stored = record(planned)
    after_search = plan(config, {run.run: run for run in stored.runs}.get)
    report = report_of(config, after_search, record(after_search))
    assert report.tables[0].cells[1][0].values == pytest.approx((1.0, 1.1, 1.2))
    assert "tuned on synthetic: rho 0.7 (validation NDCG@20 0.7000, the best of 2 settings)" in report.lines
    assert {point.method for point in report.scatters[0].points} == {"SASRec", "SAMRec", "tuned"}


def test_values_without_a_place_on_an_axis_are_a_table():
    losses = {**SWEEP, "key": "losses", "title": "Losses", "option": "loss", "values": ["bce", "ce"], "log": False}
    config = parse_study(changed(seeds=SEEDS, sweeps=[losses, SWEEP]))
    planned = plan(config)
    report = report_of(config, planned, record(planned, missing={"samrec-synthetic-seed2-lossce-rho0.1"}))
    (table,) = [each for each in report.tables if each.key == "losses"]
    assert table.rows == ("SAMRec, loss bce", "SAMRec, loss ce")
    assert table.columns == (("synthetic", "HR@10"), ("synthetic", "NDCG@10"))
    assert [[number.values for number in row] for row in table.cells] == [
        [pytest.approx((1.0, 1.1, 1.2))] * 2, [pytest.approx((1.0, 1.1))] * 2,
    ]  # fmt: skip
    assert [[(number.missing, number.best) for number in row] for row in table.cells] == [
        [(0, True)] * 2, [(1, False)] * 2,
    ]  # fmt: skip
    assert {chart.key for chart in report.charts} == {"s"}


def test_a_run_that_a_tuned_row_shares_counts_for_the_row_with_the_defaults():
    methods = {"SASRec": {"method": "sasrec"}, "SAMRec": {"method": "samrec", "rho": 0.7}}
    methods["tuned"] = {"method": "samrec", "tuned_by": ["search"]}
    config = parse_study(changed(seeds=[0, 1, 2, 3], methods=methods, sweeps=[SEARCH]))
    stored = record(plan(config))
    planned = plan(config, {run.run: run for run in stored.runs}.get)
    assert planned.cells[CellKey("tuned", "synthetic")] == planned.cells[CellKey("SAMRec", "synthetic")]
    points = report_of(config, planned, stored).scatters[0].points
    assert sorted(point.method for point in points) == ["SAMRec"] * 4 + ["SASRec"] * 4
