"""Interactive figures with plotly, from results alone. ``static`` has the same functions for matplotlib.

Figures carry no colours of their own for text, axes and background: those come from a template, so that a page can
show them in light and in dark.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go

from figures.scales import Heights, centre_in_view, heights, line_coordinates, require_plane, round_ticks
from figures.spectra import spectrum_limits, spectrum_rows
from figures.style import (
    ALPHA_LABEL,
    BETA_LABEL,
    EIGENVALUE_LABEL,
    GREEK_ALPHA,
    GREEK_BETA,
    PALETTE,
    number,
)
from figures.themes import template
from figures.traces import (
    EVALUATED,
    LOSS_TRACE,
    add_centre_3d,
    add_contours_3d,
    add_evaluated_2d,
    add_not_finite,
    centre_marker,
    colour_scale,
    compact,
    hover,
    told,
)
from landscape.results import Curvature, Floats, Surface

FLOOR = 0.32  # room between the floor and the lowest point, in units of the drawn range
CAMERA = {
    "eye": {"x": 1.0, "y": -1.3, "z": 1.16},
    "center": {"x": 0.02, "y": 0, "z": -0.26},
    "up": {"x": 0, "y": 0, "z": 1},
}


def surface_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> go.Figure:
    """The loss as a surface in three dimensions, with its contours on the floor below.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether heights, colours and contours are logarithmic.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws.
    """
    require_plane(surface)
    drawn = heights(surface, log=log)
    floor, ceiling = _floor(drawn), drawn.high + 0.04 * (drawn.high - drawn.low)
    ticks, labels = drawn.ticks
    figure = go.Figure(
        go.Surface(
            x=surface.alphas,
            y=surface.betas,
            z=compact(drawn.values),
            visible=drawn.any,  # plotly.js 4.1 stumbles over one without a single number
            **hover(surface, drawn),
            colorscale=colour_scale(),
            cmin=drawn.low,
            cmax=drawn.high,
            showscale=False,
            contours={axis: {"highlight": False} for axis in "xyz"},
            lighting={"ambient": 0.72, "diffuse": 0.55, "specular": 0.06, "roughness": 0.9, "fresnel": 0.02},
            lightposition={"x": -2000, "y": -1000, "z": 8000},
            name=LOSS_TRACE,
        )
    )
    add_contours_3d(figure, surface, drawn, floor)
    add_centre_3d(figure, surface, drawn, floor)
    figure.update_layout(
        template=template("light"),
        scene={
            "xaxis": {"title": {"text": GREEK_ALPHA}, **_span(surface.alphas)},
            "yaxis": {"title": {"text": GREEK_BETA}, **_span(surface.betas)},
            "zaxis": {
                "title": {"text": drawn.label},
                "range": [floor, ceiling],
                "tickvals": ticks,
                "ticktext": labels,
            },
            "aspectmode": "manual",
            "aspectratio": _aspect(surface),
            "camera": CAMERA,
        },
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
    )
    figure.update_layout(**_titled(name))
    return figure


def contour_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> go.Figure:
    """The loss seen from above: contours at the levels of ``surface_figure``, points evaluated, the centre marked.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title; any text.
        log: Whether colours and contours are logarithmic.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws.
    """
    require_plane(surface)
    drawn = heights(surface, log=log)
    ticks, labels = drawn.ticks
    levels = drawn.levels
    figure = go.Figure(
        go.Contour(
            x=surface.alphas,
            y=surface.betas,
            z=compact(drawn.values),
            visible=drawn.any,  # plotly.js 4.1 stumbles over one without a single number
            **hover(surface, drawn),
            colorscale=colour_scale(),
            zmin=drawn.low,
            zmax=drawn.high,
            autocontour=False,
            contours={
                "start": levels[0],
                "end": levels[-1],
                "size": drawn.step,
                "coloring": "heatmap",
                "showlines": not drawn.flat,
            },
            line={"width": 0.9},
            hoverongaps=False,
            connectgaps=False,
            colorbar={
                "title": {"text": drawn.label, "side": "top"},
                "orientation": "h",
                "y": 1.03,
                "yanchor": "bottom",
                "xpad": 0,
                "ypad": 0,
                "tickvals": ticks,
                "ticktext": labels,
                "thickness": 10,
                "outlinewidth": 0,
                "ticklen": 4,
            },
            name=LOSS_TRACE,
        )
    )
    add_evaluated_2d(figure, surface)
    add_not_finite(figure, surface)
    if np.isfinite(centre_in_view(surface)):
        figure.add_scatter(x=[0.0], y=[0.0], **centre_marker(surface, size=11))
    (low_a, high_a), (low_b, high_b) = _span(surface.alphas)["range"], _span(surface.betas)["range"]
    square = 0.25 <= (high_b - low_b) / (high_a - low_a) <= 4
    figure.update_layout(
        template=template("light"),
        xaxis={"title": {"text": ALPHA_LABEL}, "range": [low_a, high_a], "constrain": "domain"},
        yaxis={
            "title": {"text": BETA_LABEL},
            "range": [low_b, high_b],
            "constrain": "domain",
            "constraintoward": "top",  # below the colour bar
            **({"scaleanchor": "x", "scaleratio": 1} if square else {}),
        },
        showlegend=False,
        **_titled(name),
    )
    return figure


def line_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> go.Figure:
    """The loss along a line: the curve, the points evaluated on it, the centre marked. A single point is drawn as one.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title; any text.
        log: Whether the axis of the loss is logarithmic.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws.
    """
    coordinate, label, column = line_coordinates(surface)
    drawn = heights(surface, log=log)
    margin = 0.06 * (drawn.high - drawn.low)
    ticks, labels = drawn.ticks
    losses, evaluated = drawn.losses.ravel(), surface.evaluated.ravel()
    figure = go.Figure(
        go.Scatter(
            x=coordinate,
            y=drawn.values.ravel(),
            mode="lines+markers" if len(coordinate) == 1 else "lines",
            line={"color": PALETTE["blue"], "width": 2.5},
            text=[told(loss, done) for loss, done in zip(losses.tolist(), evaluated.tolist(), strict=True)],
            hovertemplate=f"{label[0]} %{{x:.4~g}}<br>loss %{{text}}<extra></extra>",
            connectgaps=False,
            name=LOSS_TRACE,
        )
    )
    if len(surface.nodes) and not surface.evaluated.all():
        figure.add_scatter(
            x=surface.nodes[:, column],
            y=[drawn.place(loss) for loss in surface.node_loss],
            mode="markers",
            marker={"size": 6, "color": PALETTE["blue"]},
            text=[told(loss, True) for loss in surface.node_loss],
            hovertemplate=f"{label[0]} %{{x:.4~g}}<br>loss %{{text}}<extra></extra>",
            name=EVALUATED,
        )
    height = drawn.place(centre_in_view(surface))
    if np.isfinite(height):
        figure.add_scatter(x=[0.0], y=[height], **centre_marker(surface, size=12))
    figure.update_layout(
        template=template("light"),
        xaxis={"title": {"text": label}, "showgrid": False, "showline": True, "ticks": "outside"},
        yaxis={
            "title": {"text": drawn.label},
            "range": [drawn.low - margin, drawn.high + margin],
            "tickvals": ticks,
            "ticktext": labels,
        },
        showlegend=False,
        **_titled(name),
    )
    return figure


def spectrum_figure(curvature: Curvature, *, name: str | None = None) -> go.Figure:
    """Eigenvalues with bars as long as their residuals: an eigenvalue of the Hessian lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, where it is known, is below in another
    colour.
    """
    figure = go.Figure()
    for pairs, labels, colour, end in spectrum_rows(curvature):
        figure.add_scatter(
            x=pairs.values,
            y=labels,
            mode="markers",
            error_x={"type": "data", "array": pairs.residuals, "thickness": 2, "width": 6, "color": colour},
            marker={
                "size": 12,
                "color": colour,
                "symbol": ["circle" if done else "circle-open" for done in pairs.converged],
                "line": {"width": 2, "color": colour},
            },
            text=[
                f"{number(value)} ± {number(residual, 2)}<br>{'converged' if done else 'not converged'}"
                for value, residual, done in zip(pairs.values, pairs.residuals, pairs.converged, strict=True)
            ],
            hovertemplate="%{y} = %{text}<extra></extra>",
            name=end,
        )
    low, high = spectrum_limits(curvature)
    at = round_ticks(low, high)
    figure.update_layout(
        template=template("light"),
        xaxis={
            "title": {"text": EIGENVALUE_LABEL},
            "range": [low, high],
            "tickvals": at,
            "ticktext": [number(tick) for tick in at],
            "zeroline": True,
            "zerolinewidth": 1.5,
        },
        yaxis={"autorange": "reversed", "type": "category", "tickfont": {"size": 15}, "showgrid": True},
        showlegend=False,
        **_titled(name),
    )
    return figure


def plain(text: str) -> str:
    """``text`` so that plotly, which reads a few HTML tags in its labels, shows it as it is."""
    return html.escape(text, quote=False)


def _titled(name: str | None) -> dict[str, Any]:
    # On a page the heading names the model; a title of the figure's own takes room only where it is asked for.
    return {} if name is None else {"margin_t": 48, "title_text": plain(name)}


def _floor(drawn: Heights) -> float:
    return drawn.low - FLOOR * (drawn.high - drawn.low)


def _span(coordinates: Floats) -> dict[str, list[float]]:
    return {"range": [float(coordinates[0]), float(coordinates[-1])]}


def _aspect(surface: Surface) -> dict[str, float]:
    spans = np.array([np.ptp(surface.alphas), np.ptp(surface.betas)])
    sides = np.maximum(spans / spans.max(), 0.35)  # a long strip stays readable, if not to scale
    return {"x": float(sides[0]), "y": float(sides[1]), "z": 0.72}
