"""Parts of several interactive figures: escaped text, titles, hovers, axes, colour scales."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from landscape.figures.entries import ModelStyle
from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.marks import known
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.figures.plotdata.ticks import DECADES, log_ticks, round_ticks, within_numbers
from landscape.figures.style import COLOUR_SCALE, number
from landscape.figures.themes import template
from landscape.results import Floats, Surface

# Names of traces, by which a page finds them.
CONTOURS, EVALUATED, CENTRE, MARKS, NOT_FINITE = "contours", "evaluated points", "centre", "marks", "not finite"
PATH, BALL, QUADRATIC, BARRIER = "path", "ball", "quadratic model", "barrier"
LEVELS = "contours on the surface"
CURVE = "curve of low loss"
AHEAD, STEM, RUNNER, CURVE, HERE = "path to come", "pin", "runner", "curve", "here"  # of runs that are played

Values = NDArray[np.floating[Any]]

QUIET = "#8a929c"  # of reference lines, on light and on dark
LEGEND = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"}


def plain(text: str) -> str:
    """Escape any text, so that plotly, which reads some HTML tags in its labels, shows it as it is."""
    return html.escape(text, quote=False)


def literal(text: str) -> str:
    """Escape any text within a hover template, in which plotly also reads ``%{``."""
    return plain(text).replace("%{", "%&#123;")


def joined(*lines: str) -> str:
    """Return any texts as the lines of a hover or a label."""
    return "<br>".join(map(plain, lines))


def finish(figure: go.Figure, name: str | None, **layout: Any) -> go.Figure:
    """Give a figure its layout and theme, and the name as its title if there is one."""
    # On a page the heading names the model; the figure needs room for a title only if it has one.
    titled = {} if name is None else {"margin_t": 48, "title_text": plain(name)}
    figure.update_layout({"template": template("light"), "showlegend": False, **layout})
    figure.update_layout(**titled)
    return figure


def colour_scale(colours: Iterable[str] = COLOUR_SCALE) -> list[tuple[float, str]]:
    """Return the colour scale as plotly's (position, colour)."""
    colours = list(colours)
    return [(index / (len(colours) - 1), colour) for index, colour in enumerate(colours)]


def transparent(colour: str, opacity: float) -> str:
    """Return a colour of the form #rrggbb with an opacity."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def compact(values: Floats) -> NDArray[np.float32]:
    """Return ``values`` at half the size; seven digits are more than a reader sees."""
    return values.astype(np.float32)


def loss_hover(loss: float, evaluated: bool) -> str:
    """Return a loss and how it is known, for the hover."""
    return f"{number(loss, 5)}<br>{known(evaluated)}"


def coordinates_hover(surface: Surface) -> str:
    """Return the beginning of a hover over a plane: its coordinates."""
    first, second = coordinates(surface)
    return f"{first.symbol} %{{x:.4~g}}<br>{second.symbol} %{{y:.4~g}}"


def surface_hover(surface: Surface, heights: Heights) -> dict[str, Any]:
    """Return the hover over a surface or its map: coordinates, loss, and how the loss is known."""
    loss = "%{customdata:.5~g}" if heights.log else "%{z:.5~g}"
    states = np.unique(surface.evaluated)
    state = known(bool(states[0])) if len(states) == 1 else "%{text}"
    start = f"{coordinates_hover(surface)}<br>{plain(heights.quantity)} {loss}"
    result: dict[str, Any] = {"hovertemplate": f"{start}<br>{state}<extra></extra>"}
    if heights.log:
        result["customdata"] = compact(heights.losses)
    if len(states) > 1:
        # An array: of a list of lists, plotly's surfaces would make a string for each row.
        result["text"] = np.where(surface.evaluated, known(True), known(False))
    return result


def axis(low: float, high: float, title: str, *, log: bool = False) -> dict[str, Any]:
    """Return an axis from ``low`` to ``high`` in units of what it shows; a linear one has a line at zero."""
    low, high = within_numbers(low, high)
    first, last = (math.log10(max(low, 10.0 ** DECADES[0])), math.log10(high)) if log else (low, high)
    ticks = log_ticks(first, last) if log else round_ticks(first, last)
    return {
        "title": {"text": plain(f"{title} (log scale)" if log else title)},
        "type": "log" if log else "linear",
        "range": [first, last],
        "tickvals": ticks,
        "ticktext": [number(tick) for tick in ticks],
        "zeroline": not log,
        "zerolinewidth": 1.5,
    }


def add_level(figure: go.Figure, height: float, text: str, *, log: bool, x: float) -> None:
    """Draw a dotted line across the figure with its name above it, at the left (x = 0) or the right (x = 1)."""
    figure.add_hline(height, line={"color": QUIET, "width": 1, "dash": "dot"})
    figure.add_annotation(
        text=text,
        x=x,
        xref="paper",
        xanchor="right" if x else "left",
        y=float(np.log10(height)) if log else height,
        yanchor="bottom",
        showarrow=False,
    )


def model_line(style: ModelStyle, *, width: float = 2.5) -> dict[str, Any]:
    """Return a model's line in a figure of several models; ``meta`` is the model's index."""
    return {
        "mode": "lines",
        "line": {"color": style.colour, "width": width, "dash": style.dash},
        "name": plain(style.name),
        "meta": style.index,
    }


def add_interval(
    figure: go.Figure, x: Values, low: Values, high: Values, fillcolor: str, *, name: str = "interval", **trace: Any
) -> None:
    """Shade what lies between two lines over ``x``; the pointer finds nothing there."""
    for side, fill in ((low, None), (high, "tonexty")):
        figure.add_scatter(
            x=x,
            y=side,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=fillcolor,
            hoverinfo="skip",
            showlegend=False,
            name=name,
            **trace,
        )


def edge_symbol(symbol: str, side: int) -> str:
    """Return the symbol of a value by its side of the axis: an open triangle (1 above, −1 below) if it is outside."""
    return symbol if side == 0 else f"triangle-{'up' if side > 0 else 'down'}-open"
