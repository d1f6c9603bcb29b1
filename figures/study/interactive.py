"""The figures of a study's page: charts with seeds, eigenvalues, flatness against ranking. ``meta`` is the method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import axis, finish, joined, literal, model_line, plain, transparent
from landscape.figures.plotdata.geometry.eigenvalues import dodge, eigenvalue_limits
from landscape.figures.study.methods import Styles
from landscape.figures.study.points import DrawnChart, Line
from landscape.figures.study.scattered import DrawnScatter, eigenvalues_by_method
from landscape.figures.style import number
from landscape.results.display.display_names import display_name
from landscape.results.study.records import ModelSurface

SEED = {"size": 6, "opacity": 0.55}
HOVER = "%{text}<extra></extra>"
TOP = {"margin": {"t": 12}, "hovermode": "closest"}


def chart_figure(drawn: DrawnChart, styles: Sequence[ModelStyle]) -> go.Figure:
    """Draw the lines of a chart: means with 95 % bars or bands, seeds as dots, failed runs as crosses at the bottom.

    Args:
        drawn: What to draw.
        styles: One for each line.
    """
    chart = drawn.chart
    figure = go.Figure()
    for line, style in zip(drawn.lines, styles, strict=True):
        _add_line(figure, line, style, drawn)
    x_axis = axis(*drawn.x_limits, display_name(chart.x_title), log=chart.log_x)
    if drawn.x_ticks is not None:
        x_axis |= {"tickvals": list(drawn.x_ticks), "ticktext": [number(tick) for tick in drawn.x_ticks]}
    y_axis = axis(*drawn.y_limits, chart.y_title, log=chart.log_y)
    return finish(figure, None, xaxis={**x_axis, "zeroline": False}, yaxis={**y_axis, "zeroline": False}, **TOP)


def _add_line(figure: go.Figure, line: Line, style: ModelStyle, drawn: DrawnChart) -> None:
    name = literal(style.name)
    common = {"meta": style.index, "name": plain(style.name)}
    if drawn.band:
        for part in _runs(np.isfinite(line.low) & np.isfinite(line.high)):
            figure.add_scatter(
                x=np.concatenate([line.at[part], line.at[part][::-1]]),
                y=np.concatenate([line.high[part], line.low[part][::-1]]),
                fill="toself",
                fillcolor=transparent(style.colour, 0.16),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                **common,
            )
    figure.add_scatter(
        x=[seed.x for seed in line.seeds],
        y=[seed.y for seed in line.seeds],
        mode="markers",
        marker={**SEED, "size": 4 if drawn.band else 6, "color": style.colour},
        text=[joined(style.name, f"seed {seed.seed}: {number(seed.y)}") for seed in line.seeds],
        hovertemplate=HOVER,
        **common,
    )
    figure.add_scatter(
        x=line.at,
        y=line.mean,
        **{**model_line(style, width=2), "mode": "lines" if drawn.band else "lines+markers"},
        marker={"size": 8, "color": style.colour},
        error_y=None if drawn.band else _bars(line, style),
        text=[_mean_hover(line, place) for place in range(len(line.x))],
        hovertemplate=f"{name}<br>%{{text}}<extra></extra>",
        connectgaps=False,
    )
    if np.isfinite(line.published).any():
        figure.add_scatter(
            x=line.at,
            y=line.published,
            mode="markers",
            marker={"size": 9, "symbol": "diamond-open", "color": style.colour, "line": {"width": 1.5}},
            hovertemplate=f"{name}<br>published %{{y:.4~g}}<extra></extra>",
            **common,
        )
    if line.failed:
        figure.add_scatter(
            x=[at for at, _ in line.failed],
            y=[drawn.floor] * len(line.failed),
            mode="markers",
            marker={"size": 11, "symbol": "x-thin", "line": {"width": 2.5, "color": style.colour}},
            text=[joined(style.name, f"failed ({count})") for _, count in line.failed],
            hovertemplate=HOVER,
            **common,
        )


def _bars(line: Line, style: ModelStyle) -> dict[str, Any]:
    above, below = line.high - line.mean, line.mean - line.low
    return {
        "type": "data",
        "array": np.where(np.isfinite(above), above, 0.0),
        "arrayminus": np.where(np.isfinite(below), below, 0.0),
        "thickness": 1.5,
        "width": 4,
        "color": style.colour,
    }


def _mean_hover(line: Line, place: int) -> str:
    lines = [f"mean {number(float(line.mean[place]))}"]
    if math.isfinite(line.low[place]) and math.isfinite(line.high[place]):
        lines += [f"95 % interval {number(float(line.low[place]))} to {number(float(line.high[place]))}"]
    count = line.counts[place]
    return joined(*lines, f"{count} {'seed' if count == 1 else 'seeds'}, at {number(float(line.x[place]))}")


def _runs(known: Any) -> list[slice]:
    """The stretches of places that are all known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [slice(start, end) for start, end in edges.reshape(-1, 2).tolist()]


def eigenvalues_figure(surfaces: Sequence[ModelSurface], styles: Styles) -> go.Figure | None:
    """Draw the eigenvalues of all runs on a data set: a dot for each seed, and a line at their mean.

    Returns:
        None if no eigenvalue is known.
    """
    names, by_method = eigenvalues_by_method(surfaces)
    if not by_method:
        return None
    figure = go.Figure()
    for place, (method, (seeds, values)) in enumerate(by_method.items()):
        style = styles[method]
        at = np.arange(len(names)) + dodge(place, len(by_method))
        common = {"meta": style.index, "name": plain(method), "hovertemplate": HOVER, "mode": "markers"}
        figure.add_scatter(
            x=np.tile(at, len(seeds)),
            y=values.ravel(),
            marker={**SEED, "size": 7, "color": style.colour},
            text=[joined(method, f"seed {seed}: {name} {number(value)}")
                  for seed, row in zip(seeds, values.tolist(), strict=True)
                  for name, value in zip(names, row, strict=True)],
            **common,
        )  # fmt: skip
        means = np.array([column[np.isfinite(column)].mean() if np.isfinite(column).any() else np.nan
                          for column in values.T])  # fmt: skip
        figure.add_scatter(
            x=at,
            y=means,
            marker={"symbol": "line-ew", "size": 18, "line": {"width": 2.5, "color": style.colour}},
            text=[joined(method, f"mean {name} {number(mean)}") for name, mean in zip(names, means, strict=True)],
            **common,
        )
    every = [values.ravel() for _, values in by_method.values()]
    x_axis = {
        "tickvals": list(range(len(names))),
        "ticktext": [plain(name) for name in names],
        "range": [-0.5, len(names) - 0.5],
        "showgrid": False,
        "tickfont": {"size": 15},
    }
    y_axis = axis(*eigenvalue_limits((values, np.zeros(len(values))) for values in every), "eigenvalue")
    return finish(figure, None, xaxis=x_axis, yaxis=y_axis, **TOP)


def scatter_figure(drawn: DrawnScatter, styles: Styles) -> go.Figure:
    """Draw a measure of flatness against a measure of success: a point for each run, a colour for each method."""
    figure = go.Figure()
    for method, points in drawn.by_method.items():
        style = styles[method]
        figure.add_scatter(
            x=[point.x for point in points],
            y=[point.y for point in points],
            mode="markers",
            marker={"size": 8, "opacity": 0.75, "color": style.colour},
            text=[plain(point.run) for point in points],
            hovertemplate=f"{literal(method)}<br>%{{text}}<br>%{{x:.4~g}}, %{{y:.4~g}}<extra></extra>",
            meta=style.index,
            name=plain(method),
        )
    x_axis = axis(*drawn.x_limits, drawn.scatter.x_title, log=drawn.log_x)
    y_axis = axis(*drawn.y_limits, drawn.scatter.y_title)
    return finish(figure, None, xaxis={**x_axis, "zeroline": False}, yaxis={**y_axis, "zeroline": False}, **TOP)
