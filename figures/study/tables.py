"""The tables of a report as they stand on a page: sortable, with the seeds of each cell as dots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landscape.figures.entries import ModelStyle
from landscape.figures.study.methods import Styles
from landscape.figures.study.strips import Scale, Strip, scale_of, strip_of, values_of
from landscape.results.study.records import Cell, Estimate, Scatter, StudyTable
from landscape.results.study.tables import FORMATS, CellText, cell_text, decimal, is_started

CORRELATION = Scale(-1.0, 1.0)  # of Kendall's τ
COPIES = {"Markdown": ".md", "LaTeX": ".tex", "CSV": ".csv"}


@dataclass(frozen=True)
class ShownCell:
    """A cell of a table on the page."""

    text: CellText
    strip: Strip | None
    title: str  # the seeds, in words
    order: float | None  # by which rows are sorted; None stays last
    best: bool
    failed: bool


@dataclass(frozen=True)
class ShownRow:
    """A row of a table on the page."""

    name: str
    style: ModelStyle | None  # None: a row that is in no figure
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True)
class ShownTable:
    """A table on the page."""

    key: str
    title: str
    caption: str
    groups: tuple[tuple[str, int], ...]  # data, and how many columns stand below it
    columns: tuple[tuple[str, str], ...]
    rows: tuple[ShownRow, ...]
    started: bool  # whether any of its runs is finished


def shown_table(table: StudyTable, styles: Styles) -> ShownTable:
    """Return a table with the strips of all cells; the strips of a column have one scale."""
    scales = [scale_of(_values(row[place] for row in table.cells)) for place in range(len(table.columns))]
    rows = tuple(
        ShownRow(name, styles.get(name), tuple(map(_shown, cells, scales)))
        for name, cells in zip(table.rows, table.cells, strict=True)
    )
    return ShownTable(
        table.key, table.title, table.caption, _groups(table.columns), table.columns, rows, is_started(table)
    )


def copies(table: StudyTable) -> dict[str, str]:
    """Return a table as text in each format that a reader may copy."""
    return {name: FORMATS[suffix](table) for name, suffix in COPIES.items()}


def _values(cells: Iterable[Cell]) -> list[float]:
    values: list[float] = []
    for cell in cells:
        values += [*values_of(cell.estimate), *cell.values]
        values += [] if cell.published is None else [cell.published]
    return values


def _shown(cell: Cell, scale: Scale | None) -> ShownCell:
    estimate = cell.estimate
    known = estimate is not None and math.isfinite(estimate.mean) and not cell.failed
    strip = strip_of(scale, estimate if known else None, dots=cell.values, mark=cell.published)
    if not cell.values:  # nothing to compare what is published with
        strip = None
    return ShownCell(
        text=cell_text(cell),
        strip=strip,
        title=seeds_text(cell),
        order=estimate.mean if known and estimate is not None else None,
        best=cell.best,
        failed=cell.failed > 0,
    )


def seeds_text(cell: Cell) -> str:
    """Return the values of the seeds in words."""
    return ", ".join(f"seed {seed}: {decimal(value)}" for seed, value in zip(cell.seeds, cell.values, strict=True))


def _groups(columns: Sequence[tuple[str, str]]) -> tuple[tuple[str, int], ...]:
    """The data sets with the number of columns that follow one another."""
    groups: list[tuple[str, int]] = []
    for data, _ in columns:
        if groups and groups[-1][0] == data:
            groups[-1] = (data, groups[-1][1] + 1)
        else:
            groups.append((data, 1))
    return tuple(groups)


# ---- correlations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShownCorrelation:
    """Kendall's τ on one data set."""

    overall: str
    within: str
    orders: tuple[float | None, float | None]  # by which rows are sorted
    strips: tuple[Strip | None, Strip | None]


def correlations(scatters: Sequence[Scatter]) -> dict[tuple[str, str], dict[str, ShownCorrelation]]:
    """Return Kendall's τ by success and flatness, all of one success together, and by data set."""
    result: dict[tuple[str, str], dict[str, ShownCorrelation]] = {}
    successes = list(dict.fromkeys(scatter.y_title for scatter in scatters))
    for scatter in sorted(scatters, key=lambda each: successes.index(each.y_title)):
        result.setdefault((scatter.y_title, scatter.x_title), {})[scatter.data] = ShownCorrelation(
            tau_text(scatter.overall),
            tau_text(scatter.within),
            (_order(scatter.overall), _order(scatter.within)),
            (_tau_strip(scatter.overall), _tau_strip(scatter.within)),
        )
    return result


def tau_text(tau: Estimate) -> str:
    """Return Kendall's τ with its interval.

    >>> tau_text(Estimate(-0.62, -0.85, -0.3, 9)), tau_text(Estimate(0.5, float("nan"), float("nan"), 3))
    ('−0.62 [−0.85, −0.30]', '0.50, no interval')
    """
    if not math.isfinite(tau.mean):
        return "undefined"
    if not (math.isfinite(tau.low) and math.isfinite(tau.high)):
        return f"{decimal(tau.mean, 2)}, no interval"
    return f"{decimal(tau.mean, 2)} [{decimal(tau.low, 2)}, {decimal(tau.high, 2)}]"


def most_runs(scatters: Sequence[Scatter]) -> dict[str, int]:
    """Return by data set over how many runs its correlations are, at most."""
    counts: dict[str, int] = {}
    for scatter in scatters:
        counts[scatter.data] = max(counts.get(scatter.data, 0), scatter.overall.count)
    return counts


def _order(tau: Estimate) -> float | None:
    return tau.mean if math.isfinite(tau.mean) else None


def _tau_strip(tau: Estimate) -> Strip | None:
    return strip_of(CORRELATION, tau, zero=True) if math.isfinite(tau.mean) else None
