"""Interactive figures with plotly, from results alone. ``static`` has the same functions for matplotlib.

Figures carry no colours of their own for text, axes and background: those come from a template, so that a page can
show them in light and in dark.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from figures.contours import contour_lines
from figures.scales import Heights, heights, line_coordinates, not_finite, require_plane, round_ticks
from figures.spectra import spectrum_limits, spectrum_rows
from figures.style import (
    ALPHA_LABEL,
    BETA_LABEL,
    COLOUR_SCALE,
    EIGENVALUE_LABEL,
    GREEK_ALPHA,
    GREEK_BETA,
    MARK,
    PALETTE,
    number,
)
from figures.themes import template
from landscape.results import Curvature, Floats, Surface

FLOOR = 0.32  # room between the floor and the lowest point, in units of the drawn range
CAMERA = {"eye": {"x": 1.0, "y": -1.32, "z": 1.0}, "center": {"x": 0.02, "y": 0, "z": -0.14}, "up": {"x": 0, "y": 0, "z": 1}}
# Names of traces, by which a page finds them.
LOSS_TRACE, CONTOURS, EVALUATED, CENTRE, NOT_FINITE = "loss", "contours", "evaluated points", "centre", "not finite"


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
            z=_compact(drawn.values),
            **_hover(surface, drawn),
            colorscale=_colour_scale(),
            cmin=drawn.low,
            cmax=drawn.high,
            showscale=False,
            contours={axis: {"highlight": False} for axis in "xyz"},
            lighting={"ambient": 0.72, "diffuse": 0.55, "specular": 0.06, "roughness": 0.9, "fresnel": 0.02},
            lightposition={"x": -2000, "y": -1000, "z": 8000},
            name=LOSS_TRACE,
        )
    )
    _add_contours_3d(figure, surface, drawn, floor)
    _add_centre_3d(figure, surface, drawn, floor)
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
            z=_compact(drawn.values),
            **_hover(surface, drawn),
            colorscale=_colour_scale(),
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
                "title": {"text": drawn.label, "side": "right"},
                "tickvals": ticks,
                "ticktext": labels,
                "thickness": 12,
                "outlinewidth": 0,
                "len": 1,
                "ticklen": 4,
            },
            name=LOSS_TRACE,
        )
    )
    _add_evaluated_2d(figure, surface)
    _add_not_finite(figure, surface)
    if np.isfinite(surface.centre):
        figure.add_scatter(x=[0.0], y=[0.0], **_centre_marker(surface, size=11))
    (low_a, high_a), (low_b, high_b) = _span(surface.alphas)["range"], _span(surface.betas)["range"]
    square = 0.25 <= (high_b - low_b) / (high_a - low_a) <= 4
    figure.update_layout(
        template=template("light"),
        xaxis={"title": {"text": ALPHA_LABEL}, "range": [low_a, high_a], "constrain": "domain"},
        yaxis={
            "title": {"text": BETA_LABEL},
            "range": [low_b, high_b],
            "constrain": "domain",
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
            text=[_told(loss, done) for loss, done in zip(losses, evaluated, strict=True)],
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
            text=[_told(loss, True) for loss in surface.node_loss],
            hovertemplate=f"{label[0]} %{{x:.4~g}}<br>loss %{{text}}<extra></extra>",
            name=EVALUATED,
        )
    if np.isfinite(drawn.place(surface.centre)):
        figure.add_scatter(x=[0.0], y=[drawn.place(surface.centre)], **_centre_marker(surface, size=12))
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


def _compact(values: Floats) -> NDArray[np.float32]:
    # Seven digits are more than the eye or the hover shows, at half the size.
    return values.astype(np.float32)


def _colour_scale() -> list[tuple[float, str]]:
    last = len(COLOUR_SCALE) - 1
    return [(index / last, colour) for index, colour in enumerate(COLOUR_SCALE)]


def _span(coordinates: Floats) -> dict[str, list[float]]:
    return {"range": [float(coordinates[0]), float(coordinates[-1])]}


def _aspect(surface: Surface) -> dict[str, float]:
    spans = np.array([np.ptp(surface.alphas), np.ptp(surface.betas)])
    sides = np.maximum(spans / spans.max(), 0.35)  # a long strip stays readable, if not to scale
    return {"x": float(sides[0]), "y": float(sides[1]), "z": 0.72}


def _told(loss: float, evaluated: bool) -> str:
    return f"{number(loss, 5)}<br>{'evaluated' if evaluated else 'interpolated'}"


def _hover(surface: Surface, drawn: Heights) -> dict[str, Any]:
    loss = "%{customdata:.5~g}" if drawn.log else "%{z:.5~g}"
    states = np.unique(surface.evaluated)
    state = ("evaluated" if states[0] else "interpolated") if len(states) == 1 else "%{text}"
    hover: dict[str, Any] = {
        "hovertemplate": f"{GREEK_ALPHA} %{{x:.4~g}}<br>{GREEK_BETA} %{{y:.4~g}}<br>loss {loss}<br>{state}<extra></extra>"
    }
    if drawn.log:
        hover["customdata"] = _compact(drawn.losses)
    if len(states) > 1:
        hover["text"] = np.where(surface.evaluated, "evaluated", "interpolated").tolist()
    return hover


def _centre_marker(surface: Surface, *, size: int) -> dict[str, Any]:
    return {
        "mode": "markers",
        "marker": {"size": size, "color": MARK, "line": {"width": 1.5, "color": "#ffffff"}},
        "hovertemplate": f"centre: the trained model<br>loss {number(surface.centre, 5)}<extra></extra>",
        "name": CENTRE,
    }


def _add_contours_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    # Not plotly's own projected contours: around a hole they contain points without coordinates, at which a browser
    # without a GPU computes for a minute.
    points, levels = contour_lines(surface.alphas, surface.betas, drawn.values, drawn.levels)
    if not len(points):
        return
    figure.add_scatter3d(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        z=np.full(len(points), _just_above(floor, drawn), dtype=np.float32),
        mode="lines",
        connectgaps=False,
        line={"width": 3, "color": levels.astype(np.float32), "colorscale": _colour_scale(), "cmin": drawn.low, "cmax": drawn.high},
        hoverinfo="skip",
        name=CONTOURS,
    )


def _just_above(floor: float, drawn: Heights) -> float:
    return floor + 0.004 * (drawn.high - drawn.low)  # at the very edge of the scene rounding would clip


def _add_centre_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    height = drawn.place(surface.centre)
    if not np.isfinite(height):
        return
    floor = _just_above(floor, drawn)
    figure.add_scatter3d(
        x=[0.0, 0.0],
        y=[0.0, 0.0],
        z=[floor, height],
        mode="lines",
        line={"color": MARK, "width": 3},
        hoverinfo="skip",
        name=CENTRE,
    )
    figure.add_scatter3d(x=[0.0], y=[0.0], z=[height], **_centre_marker(surface, size=5))
    # The surface hides half of the marker; this arrow's tip is drawn above everything.
    label = {"text": f"centre {number(surface.centre)}", "ax": 0, "ay": -46, "arrowhead": 6, "arrowsize": 0.9, "arrowwidth": 1.6}
    figure.update_layout(scene_annotations=[{"x": 0, "y": 0, "z": height, "arrowcolor": MARK, "borderpad": 3, **label}])


def _add_evaluated_2d(figure: go.Figure, surface: Surface) -> None:
    if surface.evaluated.all() or not len(surface.nodes):
        return
    figure.add_scatter(
        x=surface.nodes[:, 0],
        y=surface.nodes[:, 1],
        mode="markers",
        marker={"size": 4, "color": "rgba(255,255,255,0.85)", "line": {"width": 0.7, "color": "rgba(0,0,0,0.55)"}},
        text=[number(loss, 5) for loss in surface.node_loss],
        hovertemplate=f"{GREEK_ALPHA} %{{x:.4~g}}<br>{GREEK_BETA} %{{y:.4~g}}<br>loss %{{text}}<br>evaluated<extra></extra>",
        name=EVALUATED,
        cliponaxis=False,
    )


def _add_not_finite(figure: go.Figure, surface: Surface) -> None:
    rows, columns = np.nonzero(not_finite(surface))
    if not len(rows):
        return
    figure.add_scatter(
        x=surface.alphas[columns],
        y=surface.betas[rows],
        mode="markers",
        marker={"size": 5, "symbol": "x-thin", "line": {"width": 1, "color": "#8a929c"}},
        text=[number(loss) for loss in surface.loss[rows, columns]],
        hovertemplate=f"{GREEK_ALPHA} %{{x:.4~g}}<br>{GREEK_BETA} %{{y:.4~g}}<br>loss %{{text}}<br>evaluated<extra></extra>",
        name=NOT_FINITE,
    )
