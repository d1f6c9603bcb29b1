"""Eigenvalues with their residuals: of the whole matrix and of its blocks."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from landscape.figures.interactive.parts import axis, faint, finish, lines, plain
from landscape.figures.plotdata.eigenvalues import BLOCK_LABEL, block_limits, spectrum_limits, spectrum_rows
from landscape.figures.style import PALETTE, eigenvalue_label, number, shortened
from landscape.results import BlockEigenvalues, Curvature, EigenPairs


def spectrum_figure(curvature: Curvature, *, name: str | None = None) -> go.Figure:
    """Eigenvalues with bars as long as their residuals: an eigenvalue of the matrix lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, where it is known, is below in another
    colour.
    """
    figure = go.Figure()
    for pairs, labels, colour, end in spectrum_rows(curvature):
        _add_row(figure, pairs, y=labels, told=labels, colour=colour, name=end)
    low, high = spectrum_limits(curvature)
    return finish(
        figure,
        name,
        xaxis=axis(low, high, eigenvalue_label(curvature.operator)),
        yaxis={"autorange": "reversed", "type": "category", "tickfont": {"size": 15}, "showgrid": True},
    )


def blocks_figure(blocks: BlockEigenvalues, *, whole: EigenPairs | None = None, name: str | None = None) -> go.Figure:
    """The largest eigenvalue of each diagonal block with bars as long as residuals, beside that of the whole.

    Filled marks converged, open ones did not.

    Args:
        blocks: What to draw; names are any text.
        whole: Eigenvalues of the whole matrix, of which the largest is drawn as a line.
        name: Of the model, shown as the title; any text.
    """
    figure = go.Figure()
    count = len(blocks.names)
    told = [
        lines(each, f"{number(int(size))} coordinates") for each, size in zip(blocks.names, blocks.sizes, strict=True)
    ]
    _add_row(figure, blocks, y=list(range(count)), told=told, colour=PALETTE["blue"], name="blocks")
    low, high = block_limits(blocks, whole)
    if whole is not None and np.isfinite(whole.values[0]):
        value, residual = float(whole.values[0]), float(np.nan_to_num(whole.residuals[0]))
        figure.add_vrect(value - residual, value + residual, fillcolor=faint(PALETTE["vermillion"], 0.3), line_width=0)
        figure.add_vline(value, line={"color": PALETTE["vermillion"], "width": 2})
        side = "right" if value > (low + high) / 2 else "left"
        label = {"text": f"whole {number(value)}", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
        figure.add_annotation(x=value, xanchor=side, **label)
    return finish(
        figure,
        name,
        margin={"t": 28},
        xaxis=axis(low, high, BLOCK_LABEL),
        yaxis={
            "range": [max(count, 1) - 0.5, -0.5],
            "tickvals": list(range(count)),
            "ticktext": [plain(shortened(each, 24)) for each in blocks.names],
            "showgrid": True,
        },
    )


def _add_row(
    figure: go.Figure, pairs: EigenPairs | BlockEigenvalues, *, y: list, told: list[str], colour: str, name: str
) -> None:
    figure.add_scatter(
        x=pairs.values,
        y=y,
        mode="markers",
        error_x={"type": "data", "array": pairs.residuals, "thickness": 2, "width": 6, "color": colour},
        marker={
            "size": 12,
            "color": colour,
            "symbol": ["circle" if done else "circle-open" for done in pairs.converged],
            "line": {"width": 2, "color": colour},
        },
        text=[
            f"{each} = {number(value)} ± {number(residual, 2)}<br>{'converged' if done else 'not converged'}"
            for each, value, residual, done in zip(told, pairs.values, pairs.residuals, pairs.converged, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        name=name,
    )
