"""Sharpness, loss and metric along a training run."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from landscape.figures.interactive.parts import axis, finish, joined, plain
from landscape.figures.plotdata.along import EPOCH_LABEL, along_panels
from landscape.figures.style import MARK, colour
from landscape.results.along import AlongTraining


def along_figure(along: AlongTraining, *, name: str | None = None) -> go.Figure:
    """Draw λmax, trace, loss and metric against the epoch, with residuals and standard errors, in four panels.

    The snapshot with the highest validation metric has another colour.

    Args:
        along: What to draw.
        name: Of the run, shown as the title; any text.
    """
    panels = along_panels(along)
    figure = make_subplots(rows=2, cols=2, horizontal_spacing=0.12, vertical_spacing=0.16)
    layout = {}
    for place, panel in enumerate(panels):
        colours = [MARK if snapshot == panel.best else colour(0) for snapshot in range(len(panel.epochs))]
        figure.add_scatter(
            x=panel.epochs,
            y=panel.values,
            mode="lines+markers",
            line={"color": colour(0), "width": 2},
            marker={"size": 8, "color": colours},
            error_y={"type": "data", "array": panel.errors, "width": 4, "thickness": 1.5},
            text=[joined(*panel.hover(snapshot).split("\n")) for snapshot in range(len(panel.epochs))],
            hovertemplate="%{text}<extra></extra>",
            name=plain(panel.label),
            row=1 + place // 2,
            col=1 + place % 2,
        )
        number = "" if place == 0 else str(place + 1)
        layout[f"xaxis{number}"] = {**axis(*panel.span, EPOCH_LABEL), "zeroline": False}
        layout[f"yaxis{number}"] = {**axis(*panel.range, panel.label), "zeroline": False}
    return finish(figure, name, hovermode="closest", **layout)
