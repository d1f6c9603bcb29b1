"""How the eigenvectors' mass divides among groups of parameters."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import QUIET, colour_scale, finish, lines, plain
from landscape.figures.plotdata.localization import Table, cell, ink, table
from landscape.figures.style import number, percent, shortened
from landscape.results import Localization


def shares_figure(shares: Localization, *, name: str | None = None) -> go.Figure:
    """The mass of each eigenvector by group, in per cent, beside what a random vector would have.

    Groups run down, eigenvectors across with the error that each of their shares may have; apart from them are the
    baselines.

    Args:
        shares: What to draw; groups are any text.
        name: Of the model, shown as the title; any text.
    """
    drawn = table(shares)
    rows, columns = drawn.values.shape
    figure = go.Figure()
    for title, part in drawn.parts.items():
        figure.add_heatmap(
            x=drawn.places[part],
            y=np.arange(rows),
            dx=1,
            z=drawn.values[:, part],
            zmin=0,
            zmax=drawn.high,
            colorscale=colour_scale(),
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=_told(drawn, part),
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            name=title,
        )
    x, y = np.meshgrid(drawn.places, np.arange(rows))
    figure.add_scatter(  # not the heat map's own text: that has one colour for all cells
        x=x.ravel(),
        y=y.ravel(),
        mode="text",
        text=[cell(share) for share in drawn.values.ravel()],
        textfont={"color": [_ink(drawn, share) for share in drawn.values.ravel()]},
        hoverinfo="skip",
        name="shares",
    )
    return finish(
        figure,
        name,
        margin={"t": 80, "b": 16},
        xaxis={
            "side": "top",
            "title": {"text": plain(drawn.label), "standoff": 12},
            "tickvals": drawn.places,
            "ticktext": [lines(*heading) for heading in drawn.headings],
            "tickangle": 0,
            "tickfont": {"size": 11},
            "range": [-0.5, (drawn.places[-1] if columns else 0) + 0.5],
            "showgrid": False,
        },
        yaxis={
            "range": [rows - 0.5, -0.5],
            "tickvals": list(range(rows)),
            "ticktext": [plain(shortened(row, 20)) for row in drawn.rows],
            "tickfont": {"size": 12},
            "showgrid": False,
        },
    )


def _ink(drawn: Table, share: float) -> str:
    if not math.isfinite(share):
        return QUIET
    return ink(share / drawn.high)


def _told(drawn: Table, part: slice) -> np.ndarray:
    columns = range(*part.indices(drawn.values.shape[1]))
    told = np.empty((len(drawn.rows), len(columns)), dtype=object)
    for row, group in enumerate(drawn.rows):
        for place, column in enumerate(columns):
            share, error = float(drawn.values[row, column]), float(drawn.errors[column])
            of = drawn.columns[column]
            off = f" (off by at most {percent(error)})" if math.isfinite(error) else ""
            baseline = [
                f"{drawn.columns[other]} {percent(float(drawn.values[row, other]))}"
                for other in range(drawn.vectors, len(drawn.columns))
                if column < drawn.vectors
            ]
            known = percent(share) if math.isfinite(share) else number(share)
            told[row, place] = lines(f"{group}: {known} of {of}{off}", *baseline)
    return told
