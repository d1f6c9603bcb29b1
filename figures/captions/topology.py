"""The minima of a surface in words."""

from __future__ import annotations

import math

from landscape.figures.captions.facts import counted
from landscape.figures.style import number
from landscape.results import Surface

LARGEST = 200_000  # grid points for which it takes about a second


def minima_caption(surface: Surface) -> str:
    """Say how many minima the surface has, and how many of them its error cannot undo; empty for very fine grids."""
    if surface.loss.size > LARGEST:
        return ""
    found = surface.topology()
    count = len(found.heights)
    if count == 0:
        return ""
    shown = _minima(count)
    if math.isnan(found.error):
        return f"The points drawn have {shown}; the error is unknown, and with it whether they are minima of the loss."
    sure, edge = int(found.certain.sum()), int((found.certain & found.at_edge).sum())
    beyond = f", {edge if sure > 1 else 'which is'} at the edge, where the loss may go on falling" if edge else ""
    if found.error == 0:
        return f"The grid has {shown}{beyond}: points that no neighbour lies below."
    rest = count - sure
    others = f"; {counted(rest, 'other')} may come from the error" if rest else ""
    return (
        f"{_minima(sure)} of the plane {'is' if sure == 1 else 'are'} deeper than twice the "
        f"measured error of {number(found.error, 2)}{beyond}{others}."
    )


def _minima(count: int) -> str:
    return f"{number(count)} {'minimum' if count == 1 else 'minima'}"
