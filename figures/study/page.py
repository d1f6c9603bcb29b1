"""A study's report as one page: verdicts, tables, Figure 1, charts, spectra, flatness against ranking, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.explorer.compact import Pool
from landscape.figures.explorer.rendering import bare, render
from landscape.figures.interactive.surfaces.surface import CAMERA
from landscape.figures.plotdata.surfaces.comparison import LINEAR
from landscape.figures.study.interactive import chart_figure, eigenvalues_figure, scatter_figure
from landscape.figures.study.methods import Styles, method_styles, named
from landscape.figures.study.points import drawn_chart
from landscape.figures.study.scattered import drawn_scatter
from landscape.figures.study.scenes import scene_groups
from landscape.figures.study.tables import copies, correlations, most_runs, shown_table, tau_text
from landscape.figures.study.verdicts import claim_cards, verdict_counts
from landscape.figures.style import COLOUR_SCALE
from landscape.figures.themes import THEMES, template
from landscape.results.study.records import Chart, ModelSurface, Scatter, StudyReport

HERE = Path(__file__).parent

Json = Any


@dataclass(frozen=True)
class Panel:
    """A figure on the page; without a key there is nothing to draw."""

    key: str
    heading: str
    about: str = ""


@dataclass(frozen=True)
class Group:
    """Figures that stand together."""

    title: str
    styles: tuple[ModelStyle, ...]
    panels: tuple[Panel, ...]


@dataclass
class _Figures:
    """All figures of the page, each under a key."""

    plain: dict[str, Json] = field(default_factory=dict)

    def add(self, figure: go.Figure | None) -> str:
        if figure is None:
            return ""
        key = f"figure-{len(self.plain)}"
        self.plain[key] = {LINEAR: bare(figure)}
        return key


def report_page(report: StudyReport) -> str:
    """Return a study's report as a page: it opens from disk and loads nothing; about 2 MB of it are plotly.js.

    Args:
        report: What to show; all names and texts are any text.

    Returns:
        HTML.
    """
    styles, figures = method_styles(report), _Figures()
    groups, scenes = scene_groups(report.surfaces, styles)
    charts = _chart_groups(report.charts, styles, figures)
    spectra = _spectra(report.surfaces, styles, figures)
    scatters = _scatter_groups(report.scatters, styles, figures)
    pool = Pool()
    data = {  # for the page's script
        "camera": CAMERA,
        "name": report.title,
        "models": [{"name": style.name, "colour": style.colour} for style in styles.values()],
        "figures": {key: {scale: pool.put(figure) for scale, figure in scales.items()}
                    for key, scales in {**figures.plain, **scenes}.items()},
        "copies": [copies(table) for table in report.tables],
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
        "pool": pool.values,
    }  # fmt: skip
    return render(
        "report.html",
        folder=HERE,
        data=data,
        report=report,
        styles=list(styles.values()),
        counts=verdict_counts(report),
        cards=claim_cards(report),
        tables=[shown_table(table, styles) for table in report.tables],
        scenes=groups,
        charts=charts,
        spectra=spectra,
        scatters=scatters,
        correlations=correlations(report.scatters),
        scatter_runs=most_runs(report.scatters),
        colours=COLOUR_SCALE,
    )


def _chart_groups(charts: Sequence[Chart], styles: Styles, figures: _Figures) -> list[Group]:
    groups: dict[str, tuple[str, list[Panel]]] = {}
    methods: dict[str, list[str]] = {}
    for chart in charts:
        drawn = drawn_chart(chart)
        shown: list[ModelStyle] = [styles[line.name] for line in chart.series]
        key = "" if drawn is None else figures.add(chart_figure(drawn, shown))
        groups.setdefault(chart.key, (chart.title, []))[1].append(Panel(key, chart.panel, _chart_about(chart)))
        methods.setdefault(chart.key, []).extend(line.name for line in chart.series)
    return [Group(title, _styled(methods[key], styles), tuple(panels)) for key, (title, panels) in groups.items()]


def _styled(names: Iterable[str], styles: Styles) -> tuple[ModelStyle, ...]:
    return tuple(named(names, styles).values())


def _chart_about(chart: Chart) -> str:
    if chart.note:
        return chart.note
    failed = sum(cell.failed for series in chart.series for cell in series.cells)
    missing = sum(cell.missing for series in chart.series for cell in series.cells)
    parts = [f"{failed} failed" if failed else "", f"{missing} not finished" if missing else ""]
    return f"Runs: {', '.join(filter(None, parts))}." if any(parts) else ""


def _spectra(surfaces: Sequence[ModelSurface], styles: Styles, figures: _Figures) -> Group:
    names = dict.fromkeys(drawing.data for drawing in surfaces)
    drawn = {
        data: figures.add(eigenvalues_figure([each for each in surfaces if each.data == data], styles))
        for data in names
    }
    panels = tuple(Panel(key, data) for data, key in drawn.items() if key)
    return Group("", _styled((drawing.method for drawing in surfaces), styles), panels)


def _scatter_groups(scatters: Iterable[Scatter], styles: Styles, figures: _Figures) -> list[Group]:
    groups: dict[str, list[Panel]] = {}
    methods: dict[str, list[str]] = {}
    for scatter in scatters:
        drawn = drawn_scatter(scatter)
        key = "" if drawn is None else figures.add(scatter_figure(drawn, styles))
        left_out = 0 if drawn is None else drawn.left_out
        about = [
            f"Kendall’s τ {tau_text(scatter.overall)} over {scatter.overall.count} runs; "
            f"within methods {tau_text(scatter.within)}.",
            f"{left_out} without a finite value not drawn." if left_out else "",
        ]
        panel = Panel(key, f"{scatter.y_title} against {scatter.x_title}", " ".join(filter(None, about)))
        groups.setdefault(scatter.data, []).append(panel)
        methods.setdefault(scatter.data, []).extend(point.method for point in scatter.points)
    return [Group(data, _styled(methods[data], styles), tuple(panels)) for data, panels in groups.items()]
