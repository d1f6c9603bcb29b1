"""Eigenvalues with their residuals: of a whole matrix, of its blocks, and of several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.interactive.parts import axis, finish, joined, literal, plain, transparent
from landscape.figures.plotdata.geometry.eigenvalues import (
    BLOCK_LABEL,
    block_limits,
    compared_ranks,
    dodge,
    eigenvalue_limits,
    spectrum_ends,
    spectrum_limits,
)
from landscape.figures.style import MARK, PALETTE, eigenvalue_label, number, shortened
from landscape.results import BlockEigenvalues, Curvature, EigenPairs


def spectrum_figure(curvature: Curvature, *, name: str | None = None) -> go.Figure:
    """Draw eigenvalues with bars as long as their residuals: an eigenvalue of the matrix lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, if it is known, is below in another
    colour.
    """
    figure = go.Figure()
    for end in spectrum_ends(curvature.pairs):
        _add_row(figure, end.pairs, y=end.labels, names=end.labels, colour=end.colour, trace=end.name)
    low, high = spectrum_limits([curvature.pairs])
    return finish(
        figure,
        name,
        xaxis=axis(low, high, eigenvalue_label(curvature.operator)),
        yaxis={"autorange": "reversed", "type": "category", "tickfont": {"size": 15}, "showgrid": True},
    )


def blocks_figure(blocks: BlockEigenvalues, *, whole: EigenPairs | None = None, name: str | None = None) -> go.Figure:
    """Draw the largest eigenvalue of each diagonal block with bars as long as residuals, beside that of the whole.

    Filled marks converged, open ones did not.

    Args:
        blocks: What to draw; names are any text.
        whole: Eigenvalues of the whole matrix, of which the largest is drawn as a line.
        name: Of the model, shown as the title; any text.
    """
    figure = go.Figure()
    count = len(blocks.names)
    names = [
        joined(block, f"{number(int(size))} coordinates")
        for block, size in zip(blocks.names, blocks.sizes, strict=True)
    ]
    _add_row(figure, blocks, y=list(range(count)), names=names, colour=PALETTE["blue"], trace="blocks")
    low, high = block_limits(blocks, whole)
    if whole is not None and np.isfinite(whole.values[0]):
        value, residual = float(whole.values[0]), float(np.nan_to_num(whole.residuals[0]))
        shade = transparent(MARK, 0.3)
        figure.add_vrect(value - residual, value + residual, fillcolor=shade, line_width=0)
        figure.add_vline(value, line={"color": MARK, "width": 2})
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
            "ticktext": [plain(shortened(block, 24)) for block in blocks.names],
            "showgrid": True,
        },
    )


def _add_row(
    figure: go.Figure,
    pairs: EigenPairs | BlockEigenvalues,
    *,
    y: Sequence[str] | Sequence[int],
    names: Sequence[str],
    colour: str,
    trace: str,
) -> None:
    figure.add_scatter(
        x=pairs.values,
        y=y,
        mode="markers",
        error_x={"type": "data", "array": pairs.residuals, "thickness": 2, "width": 6, "color": colour},
        marker={
            "size": 12,
            "color": colour,
            "symbol": [_symbol(done) for done in pairs.converged],
            "line": {"width": 2, "color": colour},
        },
        text=[
            _hover(name, float(value), float(residual), bool(done))
            for name, value, residual, done in zip(names, pairs.values, pairs.residuals, pairs.converged, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        name=trace,
    )


def _symbol(converged: bool) -> str:
    return "circle" if converged else "circle-open"


def _hover(name: str, value: float, residual: float, converged: bool) -> str:
    state = "converged" if converged else "not converged"
    return f"{name} = {number(value)} ± {number(residual, 2)}<br>{state}"


def spectra_figure(pairs: Mapping[int, EigenPairs], styles: Sequence[ModelStyle]) -> go.Figure:
    """Draw eigenvalues by rank, the smallest last, the models side by side; bars are as long as the residuals.

    Args:
        pairs: By the model's index, which is ``meta`` of its trace.
        styles: Of all models.
    """
    count, ticks = compared_ranks(pairs.values())
    figure = go.Figure()
    drawn = []
    for place, (index, model) in enumerate(pairs.items()):
        rows = [(rank, model, rank) for rank in range(len(model.values))]  # place on the axis, pairs, place in them
        if model.bottom is not None and len(model.bottom.values):
            rows.append((count, model.bottom, 0))
        values = np.array([end.values[at] for _, end, at in rows])
        residuals = np.array([end.residuals[at] for _, end, at in rows])
        done = [bool(end.converged[at]) for _, end, at in rows]
        drawn.append((values, residuals))
        colour = styles[index].colour
        figure.add_scatter(
            x=[rank + dodge(place, len(pairs)) for rank, *_ in rows],
            y=values,
            mode="markers",
            marker={
                "size": 9,
                "color": colour,
                "symbol": [_symbol(converged) for converged in done],
                "line": {"width": 1.5, "color": colour},
            },
            error_y={"type": "data", "array": residuals, "thickness": 1.5, "width": 4, "color": colour},
            text=[
                _hover(ticks[rank], value, residual, converged)
                for (rank, *_), value, residual, converged in zip(rows, values, residuals, done, strict=True)
            ],
            hovertemplate=f"{literal(styles[index].name)}<br>%{{text}}<extra></extra>",
            name=plain(styles[index].name),
            meta=index,
        )
    return finish(
        figure,
        None,
        xaxis={
            "tickvals": list(range(len(ticks))),
            "ticktext": ticks,
            "range": [-0.5, len(ticks) - 0.5],
            "showgrid": False,
            "tickfont": {"size": 15},
        },
        yaxis=axis(*eigenvalue_limits(drawn), "eigenvalue"),
        hovermode="closest",
    )
