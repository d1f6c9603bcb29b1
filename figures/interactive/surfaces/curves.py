"""The loss along the straight path between two models and along the curve of low loss."""

from __future__ import annotations

import plotly.graph_objects as go

from landscape.figures.interactive.parts import LEGEND, add_interval, axis, finish, joined, plain, transparent
from landscape.figures.plotdata.surfaces.curves import T_LABEL, drawn_paths, paths_range
from landscape.results.curve import LowLossCurve


def curve_figure(curve: LowLossCurve, *, name: str | None = None) -> go.Figure:
    """Draw the loss against t along both paths, with standard errors and the barriers' heights.

    Args:
        curve: What to draw.
        name: Of the models, shown as the title; any text.
    """
    figure = go.Figure()
    paths = drawn_paths(curve)
    for path in paths:
        low, high = path.loss - path.error, path.loss + path.error
        add_interval(figure, path.t, low, high, transparent(path.colour, 0.25), name="standard error")
        figure.add_scatter(
            x=path.t,
            y=path.loss,
            mode="lines+markers",
            line={"color": path.colour, "width": 2.5},
            marker={"size": 5, "color": path.colour},
            text=[joined(*path.hover(place).split("\n")) for place in range(len(path.t))],
            hovertemplate="%{text}<extra></extra>",
            name=plain(path.name),
        )
        if path.height > 0:
            figure.add_scatter(
                x=[path.at] * 2,
                y=[path.foot, path.foot + path.height],
                mode="lines+markers",
                line={"color": path.colour, "width": 1.5, "dash": "dot"},
                marker={"symbol": "line-ew", "size": 10, "line": {"width": 2, "color": path.colour}},
                hoverinfo="skip",
                showlegend=False,
                name="barrier",
            )
    return finish(
        figure,
        name,
        showlegend=True,
        legend=LEGEND,
        xaxis={**axis(0, 1, T_LABEL), "zeroline": False},
        yaxis={**axis(*paths_range(paths), "loss"), "zeroline": False},
    )
