"""What a chart draws of its series: means with intervals, the seeds behind them, what failed; within which limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from landscape.results import Floats
from landscape.results.study.records import Cell, Chart, Series

MANY = 8  # places from which on intervals are a band and not bars
FLOOR = 0.03  # of the height of the axes
DODGE = 0.18  # of the distance between two places: bars of several lines stand beside one another


@dataclass(frozen=True)
class Seed:
    """The value of one run."""

    x: float
    y: float
    seed: int


@dataclass(frozen=True)
class Line:
    """A series as it is drawn. On a logarithmic axis what is not positive is NaN, or at the lower limit."""

    name: str
    x: Floats  # (n,) as measured
    at: Floats  # (n,) where it is drawn
    mean: Floats  # (n,) NaN: no run is finished, or one has failed
    low: Floats  # (n,) NaN: no interval
    high: Floats  # (n,)
    counts: tuple[int, ...]  # (n,) runs of each mean
    seeds: tuple[Seed, ...]
    published: Floats  # (n,) NaN where nothing is
    failed: tuple[tuple[float, int], ...]  # where it is drawn, and how many runs failed


@dataclass(frozen=True)
class DrawnChart:
    """All lines of a chart, and the limits of its axes."""

    chart: Chart
    lines: tuple[Line, ...]
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    x_ticks: tuple[float, ...] | None  # None: round ones
    band: bool

    @property
    def floor(self) -> float:
        """The height just above the lower limit, at which failed runs are marked."""
        low, high = self.y_limits
        return float(low * (high / low) ** FLOOR) if self.chart.log_y else low + FLOOR * (high - low)


def drawn_chart(chart: Chart) -> DrawnChart | None:
    """Return what a chart draws; None if none of its runs has a value that its axes can show."""
    places = _places(chart)
    band = len(places) > MANY
    count = len(chart.series)
    spacing = 0.0 if band else _spacing(places, log=chart.log_x)
    lines = tuple(_line(series, chart, _shift(spacing, place, count)) for place, series in enumerate(chart.series))
    values = [value for line in lines for value in _values(line)]
    if not places or not values:
        return None
    y_limits = limits(values, log=chart.log_y)
    lines = tuple(_cut(line, y_limits[0]) for line in lines) if chart.log_y else lines
    x_limits = limits([*places, *(float(at) for line in lines for at in line.at if math.isfinite(at))], log=chart.log_x)
    return DrawnChart(chart, lines, x_limits, y_limits, None if band else tuple(places), band)


def _places(chart: Chart) -> list[float]:
    drawn = {x for series in chart.series for x in series.x if math.isfinite(x) and (x > 0 or not chart.log_x)}
    return sorted(drawn)


def _spacing(places: Sequence[float], *, log: bool) -> float:
    """The least distance between two places, or one for a single place; a logarithm on a logarithmic axis."""
    at = np.log(places) if log else np.asarray(places)
    if len(at) > 1:
        return float(np.diff(at).min())
    return math.log(2) if log or not len(at) else abs(float(at[0])) / 2 or 1.0


def _shift(spacing: float, place: int, count: int) -> float:
    return DODGE * spacing * ((place + 0.5) / count - 0.5)


def _line(series: Series, chart: Chart, shift: float) -> Line:
    order = np.argsort(series.x, kind="stable")
    cells = [series.cells[place] for place in order]
    x = _shown(np.asarray(series.x, dtype=np.float64)[order], log=chart.log_x)
    at = x * math.exp(shift) if chart.log_x else x + shift
    known = [_numbers(cell) for cell in cells]
    mean, low, high = (np.array([each[column] for each in known], dtype=np.float64) for column in range(3))
    seeds = [
        Seed(float(place), value, seed)
        for place, cell in zip(at, cells, strict=True)
        for value, seed in zip(_shown(np.asarray(cell.values), log=chart.log_y).tolist(), cell.seeds, strict=True)
        if math.isfinite(value) and math.isfinite(place)
    ]
    mean = _shown(mean, log=chart.log_y)
    low, high = (np.where(np.isnan(mean), np.nan, bound) for bound in (low, high))
    published = np.array([math.nan if cell.published is None else cell.published for cell in cells])
    return Line(
        name=series.name,
        x=x,
        at=at,
        mean=mean,
        low=low,
        high=high,
        counts=tuple(0 if cell.estimate is None else cell.estimate.count for cell in cells),
        seeds=tuple(seeds),
        published=_shown(published, log=chart.log_y),
        failed=tuple(
            (float(place), cell.failed)
            for place, cell in zip(at, cells, strict=True)
            if cell.failed and math.isfinite(place)
        ),
    )


def _numbers(cell: Cell) -> tuple[float, float, float]:
    if cell.estimate is None or cell.failed:
        return math.nan, math.nan, math.nan
    return cell.estimate.mean, cell.estimate.low, cell.estimate.high


def _shown(values: Floats, *, log: bool) -> Floats:
    """Values as an axis can show them; all others are NaN."""
    shown = np.isfinite(values) & ((values > 0) | (not log))
    return np.where(shown, values, np.nan)


def _values(line: Line) -> list[float]:
    here = np.isfinite(line.at)
    known = np.concatenate([part[here] for part in (line.mean, line.low, line.high, line.published)])
    return [*known[np.isfinite(known)].tolist(), *(seed.y for seed in line.seeds)]


def limits(values: Sequence[float], *, log: bool) -> tuple[float, float]:
    """Return the ends of an axis that holds all finite values, with a margin; positive ones if it is logarithmic."""
    drawn = np.asarray([value for value in values if value > 0 or not log])
    drawn = np.log(drawn) if log else drawn
    low, high = float(drawn.min()), float(drawn.max())
    margin = 0.06 * (high - low) or (0.5 if log else 0.1 * abs(low) or 1.0)
    ends = np.array([low - margin, high + margin])
    first, last = np.exp(ends) if log else ends
    return float(first), float(last)


def _cut(line: Line, lowest: float) -> Line:
    """Let intervals that reach below zero end at the lower limit of a logarithmic axis."""
    low = np.where(np.isfinite(line.low), np.maximum(line.low, lowest), line.low)
    return replace(line, low=low)
