"""The surfaces of all models as figures, for every quantity and scale that the page can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import Look
from landscape.figures.explorer.compact import encoded
from landscape.figures.explorer.rendering import bare
from landscape.figures.interactive import contour_figure, line_figure, surface_figure
from landscape.figures.interactive.comparison import profile_figure
from landscape.figures.interactive.parts import compact
from landscape.figures.plotdata.comparison import SCALES, Shown, ball_fits, is_plane, quantity_of, shown
from landscape.figures.plotdata.planes import coordinates
from landscape.figures.plotdata.scales import Heights, aspect
from landscape.figures.style import GREEK_ALPHA, GREEK_BETA, number
from landscape.results import Surface

PLANES = {"surface": surface_figure, "contour": contour_figure}
LINE = "line"
SHARED, OWN = "shared", "own"  # the range of heights and colours

Json = Any


def views(
    surfaces: Sequence[Surface | None], names: Sequence[str], seen: Sequence[Look], rho: float | None
) -> dict[str, dict[str, Json]]:
    """By quantity and scale: each model's figures, the numbers behind them, and the axes of the profiles.

    Args:
        surfaces: One a model; None where there is none.
        names: The quantities: the loss, and metrics.
        seen: How the models look.
        rho: The radius of a ball to draw, or None.
    """
    return {name: _scales([quantity_of(each, name) for each in surfaces], seen, rho) for name in names}


def axes(surfaces: Sequence[Surface | None], seen: Sequence[Look]) -> list[str]:
    """What the coordinates of the planes are, and of which models where they differ."""
    named: dict[str, list[str]] = {}
    for surface, look in zip(surfaces, seen, strict=True):
        if surface is not None and is_plane(surface):
            named.setdefault(", ".join(each.label for each in coordinates(surface)), []).append(look.name)
    return list(named) if len(named) == 1 else [f"{axes}: {', '.join(names)}" for axes, names in named.items()]


def _scales(surfaces: Sequence[Surface | None], seen: Sequence[Look], rho: float | None) -> dict[str, Json]:
    found = {}
    for scale in SCALES:
        drawn = shown(surfaces, scale)
        if drawn.limits is not None:
            found[scale] = _view(drawn, seen, rho)
    return found


def _view(drawn: Shown, seen: Sequence[Look], rho: float | None) -> dict[str, Json]:
    variants = {SHARED: True, OWN: False} if len(seen) > 1 else {SHARED: True}
    named = {coordinates(surface) for surface in drawn.surfaces if surface is not None}
    symbols = [each.symbol for each in next(iter(named))] if len(named) == 1 else [GREEK_ALPHA, GREEK_BETA]
    common = drawn.common
    ticks, labels = common.ticks
    return {
        "figures": {
            panel: {
                name: [_figure(drawn, panel, index, rho, share) for index in range(len(seen))]
                for name, share in variants.items()
            }
            for panel in (*PLANES, LINE)
        },
        "grids": [
            None if of is None or these is None else _grid(of, these)
            for of, these in zip(drawn.surfaces, drawn.drawn, strict=True)
        ],
        "profiles": [
            bare(profile_figure(drawn, along, (symbols[0], symbols[1]), seen)) if low < high else None
            for along, (low, high) in enumerate((drawn.alphas, drawn.betas))
        ],
        "symbols": symbols,
        "bar": {
            "label": common.label,
            "ticks": [
                [(tick - common.low) / (common.high - common.low), label]
                for tick, label in zip(ticks, labels, strict=True)
            ],
        },
    }


def _figure(drawn: Shown, panel: str, index: int, rho: float | None, share: bool) -> Json:
    """A model's figure; None where the panel is not for what it has."""
    surface = drawn.surfaces[index]
    if surface is None or is_plane(surface) == (panel == LINE):
        return None
    draw: Callable[..., go.Figure] = line_figure if panel == LINE else PLANES[panel]
    figure = bare(
        draw(
            surface,
            log=drawn.log,
            rho=rho if rho is not None and ball_fits(surface, rho) else None,
            quadratic=surface.quadratic is not None,
            **({"limits": drawn.limits} if share and panel != LINE else {}),
        )
    )
    if panel == LINE:
        return figure
    layout = figure["layout"]
    sides = layout if panel == "contour" else layout["scene"]
    if share:
        sides["xaxis"]["range"], sides["yaxis"]["range"] = list(drawn.alphas), list(drawn.betas)
    if panel == "contour":
        _as_small_map(figure, surface, share)
    else:
        _as_small_scene(layout["scene"], drawn, share)
    return figure


def _as_small_map(figure: dict[str, Json], surface: Surface, share: bool) -> None:
    """A map among others: its axes and, on a common scale, its colours are told once for all."""
    layout = figure["layout"]
    figure["data"][0]["showscale"] = not share
    for axis, coordinate in zip(("xaxis", "yaxis"), coordinates(surface), strict=True):
        layout[axis] |= {"title": {"text": coordinate.symbol, "standoff": 4}}
    layout |= {"hovermode": "closest", "margin": {"l": 44, "r": 8, "t": 8, "b": 40}}


def _as_small_scene(scene: dict[str, Json], drawn: Shown, share: bool) -> None:
    """A scene among others: colour bar and caption have the quantity and the value at the centre."""
    scene["zaxis"]["title"]["text"] = ""
    if share:
        sides = aspect(np.array(drawn.alphas), np.array(drawn.betas))
        scene["aspectratio"] = dict(zip("xyz", sides, strict=True))
    # What is left of the label is the arrow's tip, which the surface does not hide.
    for label in scene.get("annotations", ()):
        if (label["x"], label["y"]) == (0, 0):
            label |= {"text": "", "ay": -20, "bgcolor": "rgba(0,0,0,0)"}


def _grid(surface: Surface, drawn: Heights) -> dict[str, Json]:
    """The numbers that the crosshair and the profiles read; heights on the logarithmic scale are log10."""
    states = [["evaluated" if done else "interpolated" for done in row] for row in surface.evaluated.tolist()]
    return {
        "alphas": encoded(surface.alphas),
        "betas": encoded(surface.betas),
        "values": encoded(compact(drawn.values)),
        "centre": number(surface.centre) if math.isfinite(surface.centre) else "",
        "states": states if len(np.unique(surface.evaluated)) > 1 else states[0][0],
    }


def scales_of(found: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """The scales on which any quantity can be drawn."""
    return [scale for scale in SCALES if any(scale in view for view in found.values())]
