"""The report: means and marks made from a record whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from landscape.results.study import RunRecord, StudyRecord
from landscape.training.study.geometry import MEASURES
from landscape.training.study.plan import CellKey, plan
from landscape.training.study.report import cell, report_of
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
