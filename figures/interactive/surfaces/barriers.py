"""The barriers between several models."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import QUIET, colour_scale, finish, joined, plain
from landscape.figures.plotdata.geometry.localization import ink
from landscape.figures.plotdata.surfaces.barriers import TITLE, barrier_table
from landscape.results.curve import BarrierMatrix


def barriers_figure(matrix: BarrierMatrix, *, name: str | None = None) -> go.Figure:
    """Draw a table of the barriers between all pairs of models, with colours.

    Args:
        matrix: What to draw; names are any text.
        name: The title; any text.
    """
    table = barrier_table(matrix)
    count = len(table.names)
    hovers = np.empty((count, count), dtype=object)
    for i, j in np.ndindex(count, count):
        hovers[i, j] = joined(*table.hovers[i][j])
    places = np.arange(count)
    figure = go.Figure()
    figure.add_heatmap(
        x=places,
        y=places,
        z=table.values,
        zmin=0,
        zmax=table.high,
        colorscale=colour_scale(),
        colorbar={"title": {"text": TITLE, "side": "right"}, "thickness": 10, "outlinewidth": 0},
        xgap=2,
        ygap=2,
        customdata=hovers,
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        name="barriers",
    )
    x, y = np.meshgrid(places, places)
    inks = [ink(value / table.high) if math.isfinite(value) else QUIET for value in table.values.ravel().tolist()]
    figure.add_scatter(
        x=x.ravel(),
        y=y.ravel(),
        mode="text",
        text=[text for row in table.texts for text in row],
        textfont={"color": inks},
        hoverinfo="skip",
        name="heights",
    )
    names = {"tickvals": places, "ticktext": [plain(one) for one in table.names], "showgrid": False, "zeroline": False}
    return finish(
        figure,
        name,
        xaxis={**names, "range": [-0.5, count - 0.5], "automargin": True},
        yaxis={**names, "range": [count - 0.5, -0.5], "automargin": True},
    )
