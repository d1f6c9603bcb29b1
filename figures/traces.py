"""The parts that interactive figures are put together from, as plotly traces."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from figures.contours import contour_lines
from figures.scales import Heights, centre_in_view, not_finite
from figures.style import COLOUR_SCALE, GREEK_ALPHA, GREEK_BETA, MARK, number
from landscape.results import Floats, Surface

# Names of traces, by which a page finds them.
LOSS_TRACE, CONTOURS, EVALUATED, CENTRE, NOT_FINITE = "loss", "contours", "evaluated points", "centre", "not finite"
WHERE = f"{GREEK_ALPHA} %{{x:.4~g}}<br>{GREEK_BETA} %{{y:.4~g}}"


def just_above(floor: float, drawn: Heights) -> float:
    """A height that is the floor to the eye; at the very edge of the scene rounding would clip."""
    return floor + 0.004 * (drawn.high - drawn.low)


def colour_scale() -> list[tuple[float, str]]:
    """The colour scale as plotly's (position, colour)."""
    last = len(COLOUR_SCALE) - 1
    return [(index / last, colour) for index, colour in enumerate(COLOUR_SCALE)]


def compact(values: Floats) -> NDArray[np.float32]:
    """``values`` at half the size: seven digits are more than the eye or the hover shows."""
    return values.astype(np.float32)


def told(loss: float, evaluated: bool) -> str:
    """A loss and how it is known, for the hover."""
    return f"{number(loss, 5)}<br>{'evaluated' if evaluated else 'interpolated'}"


def hover(surface: Surface, drawn: Heights) -> dict[str, Any]:
    """What the hover says over a surface or its map: coordinates, loss, and how it is known."""
    loss = "%{customdata:.5~g}" if drawn.log else "%{z:.5~g}"
    states = np.unique(surface.evaluated)
    state = ("evaluated" if states[0] else "interpolated") if len(states) == 1 else "%{text}"
    result: dict[str, Any] = {"hovertemplate": f"{WHERE}<br>loss {loss}<br>{state}<extra></extra>"}
    if drawn.log:
        result["customdata"] = compact(drawn.losses)
    if len(states) > 1:
        # An array: of a list of lists, plotly's surfaces would make a string for each row.
        result["text"] = np.where(surface.evaluated, "evaluated", "interpolated")
    return result


def centre_marker(surface: Surface, *, size: int) -> dict[str, Any]:
    """The mark of the trained model, for a trace of any kind."""
    return {
        "mode": "markers",
        "marker": {"size": size, "color": MARK, "line": {"width": 1.5, "color": "#ffffff"}},
        "hovertemplate": f"centre: the trained model<br>loss {number(surface.centre, 5)}<extra></extra>",
        "name": CENTRE,
    }


def add_contours_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    """Draw the contour lines on the floor of a scene, in the colours of their levels."""
    # Not plotly's own projected contours: around a hole they contain points without coordinates, at which a browser
    # without a GPU computes for a minute.
    if drawn.flat:
        return
    points, levels = contour_lines(surface.alphas, surface.betas, drawn.values, drawn.levels)
    figure.add_scatter3d(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        z=np.full(len(points), just_above(floor, drawn), dtype=np.float32),
        mode="lines",
        connectgaps=False,
        line={
            "width": 3,
            "color": levels.astype(np.float32),
            "colorscale": colour_scale(),
            "cmin": drawn.low,
            "cmax": drawn.high,
        },
        hoverinfo="skip",
        name=CONTOURS,
    )


def add_centre_3d(figure: go.Figure, surface: Surface, drawn: Heights, floor: float) -> None:
    """Mark the centre on the surface, with a line down to the floor and its loss beside it."""
    height = drawn.place(centre_in_view(surface))
    if not np.isfinite(height):
        return
    floor = just_above(floor, drawn)
    figure.add_scatter3d(
        x=[0.0, 0.0],
        y=[0.0, 0.0],
        z=[floor, height],
        mode="lines",
        line={"color": MARK, "width": 3},
        hoverinfo="skip",
        name=CENTRE,
    )
    figure.add_scatter3d(x=[0.0], y=[0.0], z=[height], **centre_marker(surface, size=5))
    # The surface hides half of the marker; this arrow's tip is drawn above everything.
    label = {
        "text": f"centre {number(surface.centre)}",
        "ax": 0,
        "ay": -46,
        "arrowhead": 6,
        "arrowsize": 0.9,
        "arrowwidth": 1.6,
    }
    figure.update_layout(scene_annotations=[{"x": 0, "y": 0, "z": height, "arrowcolor": MARK, "borderpad": 3, **label}])


def add_evaluated_2d(figure: go.Figure, surface: Surface) -> None:
    """Show where the loss was evaluated, if it was not everywhere."""
    if surface.evaluated.all() or not len(surface.nodes):
        return
    figure.add_scatter(
        x=surface.nodes[:, 0],
        y=surface.nodes[:, 1],
        mode="markers",
        marker={"size": 4, "color": "rgba(255,255,255,0.85)", "line": {"width": 0.7, "color": "rgba(0,0,0,0.55)"}},
        text=[number(loss, 5) for loss in surface.node_loss],
        hovertemplate=f"{WHERE}<br>loss %{{text}}<br>evaluated<extra></extra>",
        name=EVALUATED,
        cliponaxis=False,
    )


def add_not_finite(figure: go.Figure, surface: Surface) -> None:
    """Mark the points that were evaluated and gave no finite loss."""
    rows, columns = np.nonzero(not_finite(surface))
    if not len(rows):
        return
    figure.add_scatter(
        x=surface.alphas[columns],
        y=surface.betas[rows],
        mode="markers",
        marker={"size": 5, "symbol": "x-thin", "line": {"width": 1, "color": "#8a929c"}},
        text=[number(loss) for loss in surface.loss[rows, columns]],
        hovertemplate=f"{WHERE}<br>loss %{{text}}<br>evaluated<extra></extra>",
        name=NOT_FINITE,
    )
