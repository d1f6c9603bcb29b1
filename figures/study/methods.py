"""The methods of a report, each with one colour in all tables and figures."""

from __future__ import annotations

from collections.abc import Iterable

from landscape.figures.entries import ModelEntry, ModelStyle, model_styles
from landscape.results.study.records import StudyReport

Styles = dict[str, ModelStyle]  # by the method's name in the report, which a style's may differ from


def named(names: Iterable[str], styles: Styles) -> Styles:
    """Return the styles of some methods, in the order of the report."""
    wanted = set(names)
    return {name: style for name, style in styles.items() if name in wanted}


def method_styles(report: StudyReport) -> Styles:
    """Return colour and dash of each method that is drawn, in the order of the tables' rows.

    Rows of other tables, such as the values of a search, are drawn nowhere and have no colour.
    """
    drawn = [
        *(line.name for chart in report.charts for line in chart.series),
        *(point.method for scatter in report.scatters for point in scatter.points),
        *(drawing.method for drawing in report.surfaces),
        *(row for table in report.tables[:1] for row in table.rows),
    ]
    rows = [row for table in report.tables for row in table.rows if row in drawn]
    names = list(dict.fromkeys([*rows, *drawn]))
    return dict(zip(names, model_styles([ModelEntry(name) for name in names]), strict=True))
