"""A study's figures for a paper, with matplotlib: one picture a subject, its panels side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.static.canvas import COLUMN, DPI, PAGE, SMALL, TITLE_SIZE, WIDEST, settings
from landscape.figures.static.surfaces.comparison import FOOT, NARROW, comparison_figure
from landscape.figures.static.text import fitted
from landscape.figures.study.methods import Styles, method_styles, named
from landscape.figures.study.panels import Size, chart_panel, claim_panel, eigenvalues_panel, scatter_panel
from landscape.figures.study.points import drawn_chart
from landscape.figures.study.scattered import drawn_scatter, eigenvalues_by_method, first_surfaces
from landscape.figures.study.verdicts import claim_scale
from landscape.results.study.records import Chart, ModelSurface, Scatter, StudyReport

COLUMNS, MORE_COLUMNS = 2, 3  # of panels on a page; of more than MANY
MANY = 6
HEIGHT, LOW = 2.3, 1.25  # inches of a panel, and of one with a row for each data set
LEGEND, NAME = 0.3, 1.2  # inches: height of the legend, and width of a name in it

Draw = Callable[[Axes, Size], None]
Panel = tuple[str, Draw]  # title; how it is drawn into axes of a size in inches


def study_pictures(report: StudyReport) -> dict[str, Figure]:
    """Return the pictures of a report by name, which is that of their files; what has no values is left out.

    There are ``verdicts``, ``figure-1`` (surfaces, methods × data), a picture for each key of the charts,
    ``spectra``, and ``flatness-DATA-SUCCESS`` for each data set and measure of success. ``static.save`` writes them as
    PDF, SVG or PNG.

    Args:
        report: What to draw; names are any text.
    """
    styles = method_styles(report)
    pictures = {
        "verdicts": _verdicts(report),
        "figure-1": _surfaces(report.surfaces, styles),
        **{file_name(key): _charts(charts, styles) for key, charts in _by_key(report.charts).items()},
        "spectra": _spectra(report.surfaces, styles),
        **{
            file_name(f"flatness-{data}-{success}"): _scatters(scatters, styles)
            for (data, success), scatters in _by_success(report.scatters).items()
        },
    }
    return {name: figure for name, figure in pictures.items() if figure is not None}


def file_name(key: str) -> str:
    """Return any text as a name of a file without suffix.

    >>> file_name("figure-2"), file_name("../Toys & Games")
    ('figure-2', 'Toys-Games')
    """
    return re.sub(r"[^\w-]+", "-", key).strip("-") or "figure"


def _by_key(charts: Iterable[Chart]) -> dict[str, list[Chart]]:
    groups: dict[str, list[Chart]] = {}
    for chart in charts:
        groups.setdefault(chart.key, []).append(chart)
    return groups


def _by_success(scatters: Iterable[Scatter]) -> dict[tuple[str, str], list[Scatter]]:
    groups: dict[tuple[str, str], list[Scatter]] = {}
    for scatter in scatters:
        groups.setdefault((scatter.data, scatter.y_title), []).append(scatter)
    return groups


def _charts(charts: Sequence[Chart], styles: Styles) -> Figure | None:
    panels: list[Panel] = []
    for chart in charts:
        drawn, own = drawn_chart(chart), [styles[line.name] for line in chart.series]
        if drawn is not None:
            panels.append((chart.panel, lambda axes, size, d=drawn, s=own: chart_panel(axes, d, s, size)))  # type: ignore[misc]
    return _grid(panels, named((line.name for chart in charts for line in chart.series), styles))


def _spectra(surfaces: Sequence[ModelSurface], styles: Styles) -> Figure | None:
    panels: list[Panel] = []
    for data in dict.fromkeys(drawing.data for drawing in surfaces):
        own = [drawing for drawing in surfaces if drawing.data == data]
        if eigenvalues_by_method(own)[1]:
            panels.append((data, lambda axes, size, own=own: eigenvalues_panel(axes, own, styles, size)))  # type: ignore[misc]
    return _grid(panels, named((drawing.method for drawing in surfaces), styles))


def _scatters(scatters: Sequence[Scatter], styles: Styles) -> Figure | None:
    drawn = [each for each in map(drawn_scatter, scatters) if each is not None]
    panels: list[Panel] = [
        ("", lambda axes, size, d=each: scatter_panel(axes, d, styles, size))  # type: ignore[misc]
        for each in drawn
    ]
    return _grid(panels, named((name for each in drawn for name in each.by_method), styles))


def _verdicts(report: StudyReport) -> Figure | None:
    claims = [claim for claim in report.claims if claim_scale(claim) is not None]
    rows = max((len(claim.by_data) for claim in claims), default=0)
    panels: list[Panel] = [("", lambda axes, size, c=claim: claim_panel(axes, c, size)) for claim in claims]  # type: ignore[misc]
    return _grid(panels, {}, height=LOW + 0.18 * rows, most=COLUMNS)


def _grid(
    panels: Sequence[Panel], legend: Styles, *, height: float = HEIGHT, most: int = MORE_COLUMNS
) -> Figure | None:
    """Draw panels side by side, with one legend above; None if there is no panel."""
    if not panels:
        return None
    columns = min(COLUMNS if len(panels) <= MANY else most, len(panels))
    rows = math.ceil(len(panels) / columns)
    width = PAGE if columns > 1 else COLUMN
    size = (width / columns, height)
    with settings():
        figure = Figure(figsize=(width, rows * height + (LEGEND if legend else 0)), dpi=DPI, layout="constrained")
        for place, (title, draw) in enumerate(panels):
            axes = figure.add_subplot(rows, columns, place + 1)
            draw(axes, size)
            if title:
                axes.set_title(fitted(title, 0.9 * size[0], SMALL + 1), loc="left", fontsize=SMALL + 1)
        if legend:
            handles = [
                Line2D([], [], color=style.colour, marker="o", markersize=4, linewidth=1.3) for style in legend.values()
            ]
            names = [fitted(style.name, width / 2, SMALL) for style in legend.values()]
            lines = math.ceil(len(legend) * NAME / width)
            figure.legend(handles, names, loc="outside upper left", ncols=math.ceil(len(legend) / lines))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # placed once, and not again for each file
    return figure


def _surfaces(surfaces: Sequence[ModelSurface], styles: Styles) -> Figure | None:
    """Draw all surfaces on one scale: a row for each data set, a column for each method."""
    first = {data: own for data, own in first_surfaces(surfaces).items() if any(map(_has_plane, own.values()))}
    methods = named((drawing.method for drawing in surfaces), styles)
    entries = []
    for data, by_method in first.items():
        for method in methods:
            drawing = by_method.get(method)
            surface = None if drawing is None else drawing.surface
            entries.append(ModelEntry(f"{method}, {data}", surface))
    if not entries:
        return None
    width = min(max(PAGE, NARROW * len(methods)), WIDEST)
    names = [style.name for _ in first for style in methods.values()]
    figure = comparison_figure(entries, columns=len(methods), names=names, width=width)
    with settings():
        high = figure.get_figheight()
        for place, data in enumerate(first):
            top = 1 - place * (1 - FOOT / high) / len(first)
            figure.text(0.005, top - 0.05 / high, fitted(data, width / 2, TITLE_SIZE), va="top", fontsize=TITLE_SIZE)
    return figure


def _has_plane(drawing: ModelSurface) -> bool:
    surface = drawing.surface
    return surface is not None and is_plane(surface) and bool(np.isfinite(surface.loss).any())
