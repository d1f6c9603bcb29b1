"""Figures that show several models in one, a colour a model. Each trace's ``meta`` is the model's index."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import Look
from landscape.figures.interactive.parts import add_level, axis, compact, faint, finish, lines, literal, plain
from landscape.figures.interactive.radial import band_figure
from landscape.figures.plotdata.comparison import TRAINED, VALIDATED, Series, Shown, series
from landscape.figures.plotdata.densities import density
from landscape.figures.plotdata.sharpness import RHO_LABEL, RISE_LABEL, rises
from landscape.figures.style import GREEK_LAMBDA, LAMBDA_MIN, eigenvalue_name, number
from landscape.results import EigenPairs, RadialProfile, Sharpness, Spectrum

HISTORIES = {VALIDATED: "validation NDCG@20", TRAINED: "training loss"}
KINDS = {"ascent": ("circle", "solid"), "average": ("cross", "dot")}  # of sharpness: symbol and dash
DODGE = 0.6  # of the distance between two eigenvalues, for the models beside each other


def profile_figure(drawn: Shown, along: int, symbols: tuple[str, str], looks: Sequence[Look]) -> go.Figure:
    """Axes and empty lines, one a model with something to draw, for the loss along one coordinate.

    Args:
        drawn: The surfaces, of which some reach along the coordinate.
        along: 0 for α, 1 for β.
        symbols: What the coordinates are called.
        looks: Of all models.
    """
    common = drawn.common
    low, high = common.low, common.high
    margin = 0.04 * (high - low)
    low, high = low - margin, high + margin
    figure = go.Figure()
    for look in looks:
        if drawn.drawn[look.index] is not None:
            template = f"{literal(look.name)}<br>{symbols[along]} %{{x:.4~g}}<br>{literal(common.quantity)} %{{y:.5~g}}"
            figure.add_scatter(**line(look), hovertemplate=f"{template}<extra></extra>", connectgaps=False)
    return finish(
        figure,
        None,
        xaxis=axis(*(drawn.alphas, drawn.betas)[along], symbols[along]),
        yaxis=axis(*((10**low, 10**high) if drawn.log else (low, high)), common.quantity, log=drawn.log),
        hovermode="closest",
    )


def line(look: Look) -> dict[str, Any]:
    """How a model's line looks, and what it is called."""
    return {
        "mode": "lines",
        "line": {"color": look.colour, "width": 2.5, "dash": look.dash},
        "name": plain(look.name),
        "meta": look.index,
    }


def bands_figure(bands: Mapping[int, RadialProfile], looks: Sequence[Look], *, rise: bool, log: bool) -> go.Figure:
    """``band_figure`` in the models' colours."""
    named = {looks[index].name: band for index, band in bands.items()}
    figure = band_figure(named, rise=rise, log=log, colours={look.name: look.colour for look in looks})
    by_name = {plain(look.name): look for look in looks}
    single = next(iter(bands))
    for trace in figure.data:
        look = by_name.get(trace.legendgroup, looks[single])  # the thin lines of a single model have no group
        trace.meta = look.index
        if trace.line.width > 2:
            trace.line.dash = look.dash
    figure.update_layout(showlegend=False)
    return figure


def spectra_figure(pairs: Mapping[int, EigenPairs], looks: Sequence[Look]) -> go.Figure:
    """Eigenvalues by rank, the smallest last, the models beside each other; bars are as long as the residuals."""
    count = max(len(each.values) for each in pairs.values())
    names = [eigenvalue_name(rank + 1) for rank in range(count)]
    bottom = any(each.bottom is not None and len(each.bottom.values) for each in pairs.values())
    figure = go.Figure()
    reached = [np.zeros(1)]
    for place, (index, each) in enumerate(pairs.items()):
        shift = DODGE * ((place + 0.5) / len(pairs) - 0.5)
        rows = [(rank, each, rank) for rank in range(len(each.values))]
        if each.bottom is not None and len(each.bottom.values):
            rows.append((count, each.bottom, 0))
        x = [rank + shift for rank, *_ in rows]
        values = np.array([of.values[at] for _, of, at in rows])
        residuals = np.array([of.residuals[at] for _, of, at in rows])
        done = [bool(of.converged[at]) for _, of, at in rows]
        reach = np.where(np.isfinite(residuals), residuals, 0)
        reached += [values - reach, values + reach]
        look = looks[index]
        figure.add_scatter(
            x=x,
            y=values,
            mode="markers",
            marker={
                "size": 9,
                "color": look.colour,
                "symbol": ["circle" if each else "circle-open" for each in done],
                "line": {"width": 1.5, "color": look.colour},
            },
            error_y={"type": "data", "array": residuals, "thickness": 1.5, "width": 4, "color": look.colour},
            text=[
                f"{([*names, LAMBDA_MIN])[rank]} = {number(value)} ± {number(residual, 2)}"
                f"<br>{'converged' if each else 'not converged'}"
                for (rank, *_), value, residual, each in zip(rows, values, residuals, done, strict=True)
            ],
            hovertemplate=f"{literal(look.name)}<br>%{{text}}<extra></extra>",
            name=plain(look.name),
            meta=index,
        )
    finite = np.concatenate(reached)
    finite = finite[np.isfinite(finite)]
    margin = 0.08 * float(np.ptp(finite)) or 1.0
    ticks = [*names, LAMBDA_MIN] if bottom else names
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
        yaxis=axis(float(finite.min()) - margin, float(finite.max()) + margin, "eigenvalue"),
        hovermode="closest",
    )


def densities_figure(spectra: Mapping[int, Spectrum], looks: Sequence[Look]) -> go.Figure:
    """The densities of all eigenvalues with their standard errors, on a logarithmic axis."""
    drawn = {index: density(spectrum) for index, spectrum in spectra.items()}
    drawn = {index: each for index, each in drawn.items() if len(each.grid)}
    figure = go.Figure()
    low, high = (
        min((each.low for each in drawn.values()), default=0.1),
        max((each.high for each in drawn.values()), default=1.0),
    )
    for index, each in drawn.items():
        look = looks[index]
        # Below the axis nothing is seen of the curve: kept where it can be drawn.
        mean, stderr = np.maximum(each.mean, low / 10), np.nan_to_num(each.stderr)
        for side, fill in ((mean - stderr, None), (mean + stderr, "tonexty")):
            figure.add_scatter(
                x=compact(each.grid),
                y=compact(np.maximum(side, low / 10)),
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=faint(look.colour, 0.15),
                hoverinfo="skip",
                name="standard error",
                meta=index,
            )
        figure.add_scatter(
            x=compact(each.grid),
            y=compact(mean),
            **line(look) | {"line": {"color": look.colour, "width": 1.8, "dash": look.dash}},
            customdata=compact(each.stderr),
            hovertemplate=f"{literal(look.name)}<br>{GREEK_LAMBDA} %{{x:.4~g}}<br>density %{{y:.3~g}} ± "
            "%{customdata:.2~g}<extra></extra>",
        )
    if drawn:
        add_level(figure, min(each.single for each in drawn.values()), "one eigenvalue", log=True, x=1)
    spans = [each.span for each in drawn.values()] or [(-1.0, 1.0)]
    return finish(
        figure,
        None,
        xaxis=axis(min(first for first, _ in spans), max(last for _, last in spans), f"eigenvalue {GREEK_LAMBDA}"),
        yaxis={**axis(low, high, f"density per unit of {GREEK_LAMBDA}", log=True), "zeroline": False},
        hovermode="closest",
    )


def sharpnesses_figure(tables: Mapping[int, Sharpness], looks: Sequence[Look]) -> go.Figure | None:
    """The rise against ρ on logarithmic axes: the worst case by ascent solid, the average dotted; None without both.

    What such an axis does not hold (zero, negative, infinite) lies at its edge as an open triangle.
    """
    drawn = {index: rises(table) for index, table in tables.items()}
    chosen = {
        index: [kind for kind in each.kinds if kind.kind in KINDS and len(kind.rhos)] for index, each in drawn.items()
    }
    if not any(chosen.values()):
        return None
    shown = [drawn[index] for index, kinds in chosen.items() if kinds]
    low, high = min(each.low for each in shown), max(each.high for each in shown)
    figure = go.Figure()
    for index, kinds in chosen.items():
        look = looks[index]
        for kind in kinds:
            heights, side = replace(drawn[index], low=low, high=high).placed(kind)
            symbol, dash = KINDS[kind.kind]
            figure.add_scatter(
                x=kind.rhos,
                y=heights,
                mode="lines+markers",
                line={"color": look.colour, "width": 2, "dash": dash},
                marker={"size": 8, "symbol": [symbol if at == 0 else _outside(int(at)) for at in side]},
                error_y={"type": "data", "array": np.where(side == 0, kind.errors, np.nan), "thickness": 1.5},
                text=[lines(look.name, *each.split("\n")) for each in kind.told],
                hovertemplate="%{text}<extra></extra>",
                name=plain(look.name),
                meta=index,
            )
    spans = [each.span for each in shown]
    return finish(
        figure,
        None,
        xaxis=axis(
            min(first for first, _ in spans),
            max(last for _, last in spans),
            RHO_LABEL,
            log=all(each.log_rho for each in shown),
        ),
        yaxis=axis(*replace(shown[0], low=low, high=high).range, RISE_LABEL, log=True),
        hovermode="closest",
    )


def _outside(side: int) -> str:
    return f"triangle-{'up' if side > 0 else 'down'}-open"


def history_figure(
    histories: Mapping[int, Sequence[Mapping[str, float | str]]], column: str, looks: Sequence[Look]
) -> go.Figure | None:
    """A number of the training by epoch, its best validated epoch marked; None where no run has it."""
    found = {index: series(history, column) for index, history in histories.items()}
    found = {index: each for index, each in found.items() if np.isfinite(each.values).any()}
    if not found:
        return None
    figure = go.Figure()
    for index, each in found.items():
        look = looks[index]
        figure.add_scatter(
            x=each.epochs,
            y=each.values,
            **line(look) | {"line": {"color": look.colour, "width": 2, "dash": look.dash}},
            hovertemplate=f"{literal(look.name)}<br>epoch %{{x}}<br>{HISTORIES[column]} %{{y:.5~g}}<extra></extra>",
            connectgaps=True,
        )
        best = _best(series(histories[index], VALIDATED))
        if best is not None and math.isfinite(each.values[best]):
            figure.add_scatter(
                x=each.epochs[best : best + 1],
                y=each.values[best : best + 1],
                mode="markers",
                marker={"size": 9, "color": look.colour, "line": {"width": 1.5, "color": "#ffffff"}},
                hovertemplate=f"{literal(look.name)}<br>best epoch, {number(float(each.epochs[best]))}<br>"
                f"{HISTORIES[column]} %{{y:.5~g}}<extra></extra>",
                name="best epoch",
                meta=index,
            )
    epochs, values = (np.concatenate([getattr(each, name) for each in found.values()]) for name in ("epochs", "values"))
    values = values[np.isfinite(values)]
    margin = 0.06 * float(np.ptp(values)) or 1.0
    return finish(
        figure,
        None,
        xaxis={**axis(0, float(np.nanmax(epochs)) + 1, "epoch"), "zeroline": False},
        yaxis={
            **axis(float(values.min()) - margin, float(values.max()) + margin, HISTORIES[column]),
            "zeroline": False,
        },
        hovermode="closest",
    )


def _best(validated: Series) -> int | None:
    return int(np.nanargmax(validated.values)) if np.isfinite(validated.values).any() else None
