"""The shares of eigenvectors that lie in groups of parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from landscape.figures.interactive.parts import QUIET, colour_scale, finish, joined, plain
from landscape.figures.plotdata.geometry.localization import LocalizationTable, cell, ink, localization_table
from landscape.figures.style import number, percent, shortened
from landscape.results import Localization


def localization_figure(localization: Localization, *, name: str | None = None) -> go.Figure:
    """Draw the share of each eigenvector by group, in per cent, beside the shares of a random vector.

    Groups run down, eigenvectors across with the error that each of their shares may have; the baselines are apart
    from them.

    Args:
        localization: What to draw; groups are any text.
        name: Of the model, shown as the title; any text.
    """
    table = localization_table(localization)
    figure = go.Figure()
    for title, part in table.parts.items():
        figure.add_heatmap(
            x=table.places[part],
            y=np.arange(len(table.rows)),
            dx=1,
            z=table.values[:, part],
            zmin=0,
            zmax=table.high,
            colorscale=colour_scale(),
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=_hovers(table, part),
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            name=title,
        )
    x, y = np.meshgrid(table.places, np.arange(len(table.rows)))
    figure.add_scatter(  # not the heat map's own text, which has one colour for all cells
        x=x.ravel(),
        y=y.ravel(),
        mode="text",
        text=[cell(share) for share in table.values.ravel()],
        textfont={"color": [_ink(table, share) for share in table.values.ravel()]},
        hoverinfo="skip",
        name="shares",
    )
    return finish(figure, name, margin={"t": 80, "b": 16}, **_axes(table))


def _axes(table: LocalizationTable) -> dict[str, Any]:
    rows, columns = table.values.shape
    return {
        "xaxis": {
            "side": "top",
            "title": {"text": plain(table.label), "standoff": 12},
            "tickvals": table.places,
            "ticktext": [joined(*heading) for heading in table.headings],
            "tickangle": 0,
            "tickfont": {"size": 11},
            "range": [-0.5, (table.places[-1] if columns else 0) + 0.5],
            "showgrid": False,
        },
        "yaxis": {
            "range": [rows - 0.5, -0.5],
            "tickvals": list(range(rows)),
            "ticktext": [plain(shortened(row, 20)) for row in table.rows],
            "tickfont": {"size": 12},
            "showgrid": False,
        },
    }


def _ink(table: LocalizationTable, share: float) -> str:
    return ink(share / table.high) if math.isfinite(share) else QUIET


def _hovers(table: LocalizationTable, part: slice) -> NDArray[np.object_]:
    columns = range(*part.indices(table.values.shape[1]))
    hovers = np.empty((len(table.rows), len(columns)), dtype=object)
    for row in range(len(table.rows)):
        for place, column in enumerate(columns):
            hovers[row, place] = _hover(table, row, column)
    return hovers


def _hover(table: LocalizationTable, row: int, column: int) -> str:
    share, error = float(table.values[row, column]), float(table.errors[column])
    allowed = f" (off by at most {percent(error)})" if math.isfinite(error) else ""
    baselines = [
        f"{table.columns[other]} {percent(float(table.values[row, other]))}"
        for other in range(table.vectors, len(table.columns))
        if column < table.vectors
    ]
    known = percent(share) if math.isfinite(share) else number(share)
    return joined(f"{table.rows[row]}: {known} of {table.columns[column]}{allowed}", *baselines)
