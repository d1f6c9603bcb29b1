"""What a study's record says: tables, charts and correlations with intervals, and verdicts on the claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.results.study.records import (
    Cell,
    Chart,
    Estimate,
    ModelSurface,
    RunRecord,
    Scatter,
    ScatterPoint,
    Series,
    StudyRecord,
    StudyReport,
    StudyTable,
)
from landscape.training.study.claims import judged, summary, value_of
from landscape.training.study.config import StudyConfig, Sweep, TableSpec
from landscape.training.study.geometry import MEASURES
from landscape.training.study.measure import GIVEN, PRETRAINING
from landscape.training.study.plan import MAIN, CellKey, Plan
from landscape.training.study.statistics import kendall_interval, mean_interval
from landscape.training.study.tuning import CRITERION

Records = Mapping[str, RunRecord]
SUCCESS = {"NDCG@10": "test NDCG@10", "gap": "generalisation gap"}  # what flatness is held against
FLATNESS = tuple(name for name in MEASURES if name not in ("loss", "gap", "lowest_eigenvalue"))
LEAST_RUNS = 8  # for a correlation: with fewer, bootstrap intervals are all of [-1, 1], or a point
ALONG = {"top_eigenvalue": "λmax", "trace": "trace", "loss": "training loss", "NDCG@10": "validation NDCG@10"}
SPECTRUM = {"top_eigenvalue": "λ₁", "second_eigenvalue": "λ₂", "lowest_eigenvalue": "λmin"}
METRICS_BY_VALUE = ("HR@10", "NDCG@10")  # of a sweep whose values are no numbers
TEST_CAPTION = "Mean over seeds ± half of the 95 % t interval; full ranking of the test items"
SEED = 0  # of the bootstrap


def report_of(study: StudyConfig, plan: Plan, record: StudyRecord) -> StudyReport:
    """Return the report of a study, from its record alone.

    Args:
        study: The study's file.
        plan: Its runs.
        record: What was measured of those that are finished.
    """
    records = {run.run: run for run in record.runs}
    planned = [records[name] for name in plan.runs if name in records]
    finished = [run for run in planned if not run.error]
    failed = tuple((run.run, run.error) for run in planned if run.error)
    seeds = sorted({run.seed for run in finished if run.test})  # not those of searches and of shared pre-training
    left = len(plan.runs) + plan.still_to_plan - len(planned)
    claims = judged(study, plan, records)
    lines = [
        f"Data: {', '.join(dict.fromkeys(run.data for run in finished)) or 'none yet'}",
        f"Seeds: {', '.join(map(str, seeds)) or 'none yet'}",
        f"Geometry on {study.geometry.users:,} users, the same for all runs",
        *_pretraining_lines(plan, records),
        *(f"{method} on {data}: {choice}" for (method, data), choice in plan.chosen.items()),
    ]
    return StudyReport(
        title=study.title,
        lines=tuple(lines),
        summary=summary(claims, len(finished), len(failed), left),
        claims=claims,
        tables=(
            *(_table(spec, study, plan, records) for spec in study.tables),
            _geometry_table(study, plan, records),
            *_sweep_tables(study, plan, records),
            *_tuning_tables(study, plan, records),
        ),
        charts=(
            *(chart for sweep in study.sweeps if not sweep.tuning for chart in _sweep_charts(sweep, plan, records)),
            *_along_charts(study, plan, records),
        ),
        scatters=tuple(_scatters(study, plan, records)),
        surfaces=tuple(_surfaces(study, plan, records)),
        failed=failed,
    )


def _pretraining_lines(plan: Plan, records: Records) -> Iterable[str]:
    """Yield a line for each cell whose runs fine-tune weights that were given, or not all the same weights."""
    for key, runs in plan.cells.items():
        there = [records[name] for name in runs.values() if name in records and PRETRAINING in records[name].metadata]
        weights = {str(record.settings.get("pretrained")) for record in there}
        if key.sweep == MAIN and len(weights) > 1:
            yield f"{key.method} on {key.data}: its runs fine-tune {len(weights)} different pre-trainings"
        elif key.sweep == MAIN and any(record.metadata[PRETRAINING] == GIVEN for record in there):
            yield f"{key.method} on {key.data} fine-tunes given weights, SHA-256 {weights.pop()[:8]}…"


def cell(runs: Mapping[int, str], records: Records, value: Callable[[RunRecord], float]) -> Cell:
    """Return the mean over the seeds that are finished, with its interval.

    A failed run makes the mean NaN: it is never silently left out.
    """
    there = {seed: records[name] for seed, name in sorted(runs.items()) if name in records}
    errors = [record.error for record in there.values() if record.error]
    values = {seed: value(record) for seed, record in there.items() if not record.error}
    note = errors[0] if errors else ""
    if not there:
        return Cell(None, missing=len(runs))
    estimate = mean_interval([*values.values(), *[math.nan] * len(errors)])
    return Cell(
        estimate,
        tuple(values.values()),
        tuple(values),
        failed=len(errors),
        missing=len(runs) - len(there),
        note=note,
    )


def _row_cell(plan: Plan, records: Records, key: CellKey, measure: str) -> Cell:
    runs = plan.cells.get(key)
    if key in plan.waiting:
        note, count = plan.waiting[key]
        return Cell(None, missing=count, note=note)
    if not runs:
        return Cell(None, note="not planned")
    return cell(runs, records, lambda record: value_of(record, measure))


def _table(spec: TableSpec, study: StudyConfig, plan: Plan, records: Records) -> StudyTable:
    columns = [(data, metric) for data in study.data for metric in spec.metrics]
    rows = []
    for method in spec.methods:
        published = spec.published.get(method, {})
        row = []
        for data, metric in columns:
            number = _row_cell(plan, records, CellKey(method, data), metric)
            if data in published:
                number = replace(number, published=float(published[data][spec.metrics.index(metric)]))
            row.append(number)
        rows.append(row)
    caption = f"{TEST_CAPTION}; in brackets as published"
    return StudyTable(spec.key, spec.title, caption, spec.methods, tuple(columns), _with_best(rows, max))


def _geometry_table(study: StudyConfig, plan: Plan, records: Records) -> StudyTable:
    measures = ("top_eigenvalue", "trace", "ascent_0.05", "average_0.5", "rise", "gap")
    columns = tuple((data, MEASURES[name]) for data in study.data for name in measures)
    methods = tuple(row.name for row in study.methods)
    rows = [
        [_row_cell(plan, records, CellKey(method, data), name) for data in study.data for name in measures]
        for method in methods
    ]
    caption = f"Of the training loss on {study.geometry.users:,} users; mean over seeds ± half of the 95 % t interval"
    return StudyTable("geometry", "Geometry", caption, methods, columns, _with_best(rows, min))


def _sweep_tables(study: StudyConfig, plan: Plan, records: Records) -> Iterable[StudyTable]:
    """Yield a table for each sweep whose values have no place on an axis, such as losses."""
    for sweep in study.sweeps:
        if not sweep.tuning and not _has_axis(sweep):
            columns = {metric: _reader(metric) for metric in METRICS_BY_VALUE}
            yield _table_by_value(sweep, TEST_CAPTION, columns, plan, records)


def _tuning_tables(study: StudyConfig, plan: Plan, records: Records) -> Iterable[StudyTable]:
    """Yield a table for each search: the validation metric by value, which is what chooses."""
    columns = {f"validation {CRITERION}": lambda record: record.validation.get(CRITERION, math.nan)}
    for sweep in study.sweeps:
        if sweep.tuning:
            seeds = ", ".join(map(str, sweep.seeds))
            caption = f"Chosen on the validation items by seed {seeds}, which is not among the reported ones"
            yield _table_by_value(sweep, caption, columns, plan, records)


def _table_by_value(
    sweep: Sweep, caption: str, columns: Mapping[str, Callable[[RunRecord], float]], plan: Plan, records: Records
) -> StudyTable:
    """Return a sweep's table: a row for each method and value, and the same columns for each data set."""
    rows = [
        [
            cell(plan.cells.get(CellKey(method, data, sweep.key, value), {}), records, read)
            for data in sweep.data
            for read in columns.values()
        ]
        for method in sweep.methods
        for value in sweep.values
    ]
    names = tuple(f"{method}, {sweep.option} {value}" for method in sweep.methods for value in sweep.values)
    heads = tuple((data, column) for data in sweep.data for column in columns)
    return StudyTable(sweep.key, sweep.title, caption, names, heads, _with_best(rows, max))


def _reader(measure: str) -> Callable[[RunRecord], float]:
    return lambda record: value_of(record, measure)


def _has_axis(sweep: Sweep) -> bool:
    """Whether the values of a sweep are numbers, which a chart can show."""
    return all(type(value) in (int, float) for value in sweep.values)


def _with_best(rows: Sequence[Sequence[Cell]], best: Callable[[list[float]], float]) -> tuple[tuple[Cell, ...], ...]:
    """Mark the best mean of each column."""
    result = [list(row) for row in rows]
    for column in range(len(rows[0]) if rows else 0):
        means = [_mean(row[column]) for row in rows]
        known = [mean for mean in means if math.isfinite(mean)]
        for row, mean in zip(result, means, strict=True):
            if len(known) > 1 and mean == best(known):
                row[column] = replace(row[column], best=True)
    return tuple(map(tuple, result))


def _mean(number: Cell) -> float:
    return math.nan if number.estimate is None else number.estimate.mean


def _sweep_charts(sweep: Sweep, plan: Plan, records: Records, metric: str = "HR@10") -> Iterable[Chart]:
    """Yield a chart for each data set: a line for each method over the option's values."""
    for data in sweep.data if _has_axis(sweep) else ():
        series = tuple(
            Series(
                method,
                tuple(float(value) for value in sweep.values),
                tuple(
                    _row_cell(plan, records, CellKey(method, data, sweep.key, value), metric) for value in sweep.values
                ),
            )
            for method in sweep.methods
        )
        if any(number.estimate is not None for line in series for number in line.cells):
            yield Chart(sweep.key, sweep.title, data, sweep.option, f"test {metric}", series, log_x=sweep.log)


def _along_charts(study: StudyConfig, plan: Plan, records: Records) -> Iterable[Chart]:
    """Yield a chart for each data set and measure: the mean over seeds at each epoch that all of them reached."""
    along = study.along
    for data in along.data:
        for measure, title in ALONG.items():
            series, counts = [], {}
            for method in along.methods:
                names = plan.cells.get(CellKey(method, data), {})
                tracks = {
                    seed: {row["epoch"]: row[measure] for row in records[name].along if math.isfinite(row[measure])}
                    for seed, name in names.items()
                    if seed in along.seeds and name in records and records[name].along
                }
                counts[method] = len(tracks)
                if tracks:
                    epochs = sorted(set.intersection(*({*track} for track in tracks.values())))
                    cells = [
                        Cell(
                            mean_interval([track[epoch] for track in tracks.values()]),
                            tuple(track[epoch] for track in tracks.values()),
                            tuple(tracks),
                        )
                        for epoch in epochs
                    ]
                    series.append(Series(method, tuple(epochs), tuple(cells)))
            if series:
                log = measure in ("top_eigenvalue", "trace")
                text, seeds = "Sharpness along training", len(along.seeds)
                few = [f"{method} {count} of {seeds}" for method, count in counts.items() if count < seeds]
                note = f"Seeds: {', '.join(few)}." if few else ""
                yield Chart("along", text, f"{data}: {title}", "epoch", title, tuple(series), log_y=log, note=note)


def _scatters(study: StudyConfig, plan: Plan, records: Records) -> Iterable[Scatter]:
    """Yield each measure of flatness against each measure of success, over all measured runs of a data set."""
    for data in study.data:
        labels = _labels(study, plan, data)
        runs = [records[name] for name in labels if name in records and records[name].geometry]
        if len(runs) < LEAST_RUNS:
            continue
        groups = [labels[run.run] for run in runs]
        for flatness in FLATNESS:
            for success, title in SUCCESS.items():
                x = np.array([value_of(run, flatness) for run in runs])
                y = np.array([value_of(run, success) for run in runs])
                generator = np.random.default_rng(SEED)
                points = tuple(
                    ScatterPoint(group, run.run, float(a), float(b))
                    for group, run, a, b in zip(groups, runs, x, y, strict=True)
                )
                yield Scatter(
                    data,
                    MEASURES[flatness],
                    title,
                    points,
                    _correlation(x, y, None, generator),
                    _correlation(x, y, groups, generator),
                )


def _correlation(x: Any, y: Any, groups: Sequence[str] | None, generator: np.random.Generator) -> Estimate:
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Estimate(math.nan, math.nan, math.nan, len(x))
    return kendall_interval(x, y, groups, generator=generator, draws=500)


def _labels(study: StudyConfig, plan: Plan, data: str) -> dict[str, str]:
    """Return the method that each run on a data set belongs to, without those of searches."""
    searches = {sweep.key for sweep in study.sweeps if sweep.tuning}
    labels: dict[str, str] = {}
    for key, runs in plan.cells.items():
        if key.data == data and key.sweep not in searches:
            for name in runs.values():
                labels.setdefault(name, key.method)  # a tuned row may share the runs of the row that it is compared to
    return labels


def _surfaces(study: StudyConfig, plan: Plan, records: Records) -> Iterable[ModelSurface]:
    """Yield the eigenvalues of each run of the tables, and with the first seed of each cell its surface."""
    for data in study.data:
        for row in study.methods:
            runs = plan.cells.get(CellKey(row.name, data), {})
            done = [records[name] for _, name in sorted(runs.items()) if name in records and records[name].geometry]
            for place, run in enumerate(done):
                grid = run.surface if place == 0 else None
                eigenvalues = {title: run.geometry[name] for name, title in SPECTRUM.items()}
                yield ModelSurface(data, row.name, run.seed, grid.surface() if grid else None, eigenvalues)
