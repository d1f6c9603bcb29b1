"""The training runs of several models, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import History, ModelStyle
from landscape.figures.interactive.parts import axis, finish, literal, model_line
from landscape.figures.plotdata.histories import VALIDATED, series
from landscape.figures.style import number
from landscape.results.display.display_names import display_name


def history_figure(histories: Mapping[int, History], column: str, styles: Sequence[ModelStyle]) -> go.Figure | None:
    """Draw a column of the training histories by epoch, with the best validated epoch marked.

    Args:
        histories: By the model's index, which is ``meta`` of its traces.
        column: ``valid_ndcg@20`` or ``train_loss``.
        styles: Of all models.

    Returns:
        None if no run has the column.
    """
    every = {index: series(history, column) for index, history in histories.items()}
    columns = {index: values for index, values in every.items() if np.isfinite(values.values).any()}
    if not columns:
        return None
    title = display_name(column)
    figure = go.Figure()
    for index, values in columns.items():
        name = literal(styles[index].name)
        figure.add_scatter(
            x=values.epochs,
            y=values.values,
            **model_line(styles[index], width=2),
            hovertemplate=f"{name}<br>epoch %{{x}}<br>{title} %{{y:.5~g}}<extra></extra>",
            connectgaps=True,
        )
        best = series(histories[index], VALIDATED).best
        if best is not None and math.isfinite(values.values[best]):
            figure.add_scatter(
                x=values.epochs[best : best + 1],
                y=values.values[best : best + 1],
                mode="markers",
                marker={"size": 9, "color": styles[index].colour, "line": {"width": 1.5, "color": "#ffffff"}},
                hovertemplate=f"{name}<br>best epoch, {number(float(values.epochs[best]))}<br>"
                f"{title} %{{y:.5~g}}<extra></extra>",
                name="best epoch",
                meta=index,
            )
    epochs = np.concatenate([values.epochs for values in columns.values()])
    finite = np.concatenate([values.values for values in columns.values()])
    finite = finite[np.isfinite(finite)]
    margin = 0.06 * float(np.ptp(finite)) or 1.0
    low, high = float(finite.min()) - margin, float(finite.max()) + margin
    return finish(
        figure,
        None,
        xaxis={**axis(0, float(np.nanmax(epochs)) + 1, "epoch"), "zeroline": False},
        yaxis={**axis(low, high, title), "zeroline": False},
        hovermode="closest",
    )
