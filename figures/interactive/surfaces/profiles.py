"""The loss of several models along one coordinate: axes and lines that the page's script fills at the crosshair."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import axis, finish, literal, model_line
from landscape.figures.plotdata.surfaces.comparison import ComparedSurfaces

LARGEST = 300.0  # the exponent of ten up to which an axis is drawn


def profiles_figure(
    compared: ComparedSurfaces, along: int, symbols: tuple[str, str], styles: Sequence[ModelStyle]
) -> go.Figure:
    """Draw axes and empty lines, one for each model with something to draw.

    Args:
        compared: The surfaces, at least one of which reaches along the coordinate.
        along: 0 for α, 1 for β.
        symbols: The names of the coordinates.
        styles: Of all models.
    """
    common = compared.common
    margin = 0.04 * (common.high - common.low)
    low, high = common.low - margin, common.high + margin
    if compared.log:
        low, high = (10 ** min(max(end, -LARGEST), LARGEST) for end in (low, high))
    figure = go.Figure()
    for style in styles:
        if compared.heights[style.index] is not None:
            hover = f"{literal(style.name)}<br>{symbols[along]} %{{x:.4~g}}<br>{literal(common.quantity)} %{{y:.5~g}}"
            figure.add_scatter(**model_line(style), hovertemplate=f"{hover}<extra></extra>", connectgaps=False)
    return finish(
        figure,
        None,
        xaxis=axis(*(compared.alphas, compared.betas)[along], symbols[along]),
        yaxis=axis(low, high, common.quantity, log=compared.log),
        hovermode="closest",
    )
