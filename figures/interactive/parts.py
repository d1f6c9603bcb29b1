"""What the interactive figures have in common: text that stays text, titles, hovers, colour scales."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from landscape.figures.plotdata.planes import coordinates
from landscape.figures.plotdata.scales import Heights, log_ticks, round_ticks
from landscape.figures.style import COLOUR_SCALE, number
from landscape.figures.themes import template
from landscape.results import Floats, Surface

# Names of traces, by which a page finds them.
CONTOURS, EVALUATED, CENTRE, MARKS, NOT_FINITE = "contours", "evaluated points", "centre", "marks", "not finite"
PATH, BALL, QUADRATIC, BARRIER = "path", "ball", "quadratic model", "barrier"

QUIET = "#8a929c"  # lines of reference, on light and on dark
LEGEND = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"}


def plain(text: str) -> str:
    """``text`` so that plotly, which reads a few HTML tags in its labels, shows it as it is."""
    return html.escape(text, quote=False)


def literal(text: str) -> str:
    """Any text within a template of plotly's, which would read ``%{`` as its own."""
    return plain(text).replace("%{", "%&#123;")


def lines(*each: str) -> str:
    """Any texts as the lines of a hover or a label."""
    return "<br>".join(map(plain, each))


def finish(figure: go.Figure, name: str | None, **layout: Any) -> go.Figure:
    """Give a figure its layout and theme; and the name as its title, where one is given."""
    # On a page the heading names the model; a title of the figure's own takes room only where it is asked for.
    titled = {} if name is None else {"margin_t": 48, "title_text": plain(name)}
    figure.update_layout({"template": template("light"), "showlegend": False, **layout})
    figure.update_layout(**titled)
    return figure


def colour_scale(colours: Iterable[str] = COLOUR_SCALE) -> list[tuple[float, str]]:
    """The colour scale as plotly's (position, colour)."""
    colours = list(colours)
    return [(index / (len(colours) - 1), colour) for index, colour in enumerate(colours)]


def faint(colour: str, opacity: float) -> str:
    """A colour of the form #rrggbb, seen through."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def compact(values: Floats) -> NDArray[np.float32]:
    """``values`` at half the size: seven digits are more than the eye or the hover shows."""
    return values.astype(np.float32)


def told(loss: float, evaluated: bool) -> str:
    """A loss and how it is known, for the hover."""
    return f"{number(loss, 5)}<br>{'evaluated' if evaluated else 'interpolated'}"


def where(surface: Surface) -> str:
    """The beginning of a hover over a plane: its coordinates."""
    first, second = coordinates(surface)
    return f"{first.symbol} %{{x:.4~g}}<br>{second.symbol} %{{y:.4~g}}"


def hover(surface: Surface, drawn: Heights) -> dict[str, Any]:
    """What the hover says over a surface or its map: coordinates, loss, and how it is known."""
    loss = "%{customdata:.5~g}" if drawn.log else "%{z:.5~g}"
    states = np.unique(surface.evaluated)
    state = ("evaluated" if states[0] else "interpolated") if len(states) == 1 else "%{text}"
    quantity = plain(drawn.quantity)
    result: dict[str, Any] = {"hovertemplate": f"{where(surface)}<br>{quantity} {loss}<br>{state}<extra></extra>"}
    if drawn.log:
        result["customdata"] = compact(drawn.losses)
    if len(states) > 1:
        # An array: of a list of lists, plotly's surfaces would make a string for each row.
        result["text"] = np.where(surface.evaluated, "evaluated", "interpolated")
    return result


def axis(low: float, high: float, title: str, *, log: bool = False) -> dict[str, Any]:
    """An axis from ``low`` to ``high`` in units of what it shows; a linear one has a line at zero."""
    first, last = (float(np.log10(low)), float(np.log10(high))) if log else (low, high)
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
    """A dotted line across the figure with its name above it, at the left (x = 0) or the right (x = 1)."""
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
