"""The surfaces of all models as figures, for each quantity and scale that the page can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from landscape.figures.entries import ModelStyle
from landscape.figures.explorer.compact import encoded
from landscape.figures.explorer.rendering import bare
from landscape.figures.interactive import contour_figure, line_figure, surface_figure
from landscape.figures.interactive.parts import QUIET, compact
from landscape.figures.interactive.surfaces.course import add_runners_2d, add_runners_3d
from landscape.figures.interactive.surfaces.profiles import profiles_figure
from landscape.figures.plotdata.extents import aspect, is_plane, is_square
from landscape.figures.plotdata.scales import Heights, plot_heights
from landscape.figures.plotdata.surfaces.comparison import (
    SCALES,
    ComparedSurfaces,
    ball_fits,
    compare_surfaces,
    quantity_of,
)
from landscape.figures.plotdata.surfaces.course import Course
from landscape.figures.plotdata.surfaces.marks import known, snapshot_names
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.figures.style import GREEK_ALPHA, GREEK_BETA, SPOT, SPOT_EDGE, number
from landscape.results import Surface

PLANES = {"surface": surface_figure, "contour": contour_figure}
LINE = "line"
PIN = 5.5  # pixels: the radius of the head of the pin in the centre
SHARED, OWN = "shared", "own"  # the range of heights and colours

Json = Any


def views(
    surfaces: Sequence[Surface | None],
    names: Sequence[str],
    styles: Sequence[ModelStyle],
    rho: float | None,
    course: Course | None = None,
) -> dict[str, dict[str, Json]]:
    """Return by quantity and scale: each model's figures, the numbers in them, and the axes of the profiles.

    Args:
        surfaces: One a model; None if it has none.
        names: The quantities: the loss, and metrics.
        styles: Of the models.
        rho: The radius of a ball to draw, or None.
        course: The training runs on the surfaces, or None.
    """
    return {name: _scales([quantity_of(surface, name) for surface in surfaces], styles, rho, course) for name in names}


def axes(surfaces: Sequence[Surface | None], styles: Sequence[ModelStyle]) -> list[str]:
    """Return what the coordinates of the planes are, with the names of the models if they differ."""
    named: dict[str, list[str]] = {}
    for surface, style in zip(surfaces, styles, strict=True):
        if surface is not None and is_plane(surface):
            label = ", ".join(coordinate.label for coordinate in coordinates(surface, longest=60))
            named.setdefault(label, []).append(style.name)
    return list(named) if len(named) == 1 else [f"{label}: {', '.join(names)}" for label, names in named.items()]


def map_aspect(surfaces: Sequence[Surface | None]) -> float:
    """Return width by height of the maps: of the coordinates that hold all planes, or 1 if these are not to scale."""
    drawn = [surface for surface in surfaces if surface is not None and is_plane(surface)]
    if not drawn or not all(map(is_square, drawn)):
        return 1.0
    spans = [np.ptp(np.concatenate([getattr(one, axis) for one in drawn])) for axis in ("alphas", "betas")]
    return round(float(np.clip(spans[0] / spans[1], 0.5, 4)), 3)


def _scales(
    surfaces: Sequence[Surface | None], styles: Sequence[ModelStyle], rho: float | None, course: Course | None
) -> dict[str, Json]:
    compared = {scale: compare_surfaces(surfaces, scale) for scale in SCALES}
    return {scale: _view(view, styles, rho, course) for scale, view in compared.items() if view.limits is not None}


def _view(
    compared: ComparedSurfaces, styles: Sequence[ModelStyle], rho: float | None, course: Course | None
) -> dict[str, Json]:
    variants = {SHARED: True, OWN: False} if len(styles) > 1 else {SHARED: True}
    named = {coordinates(surface) for surface in compared.surfaces if surface is not None}
    symbols = [coordinate.symbol for coordinate in next(iter(named))] if len(named) == 1 else [GREEK_ALPHA, GREEK_BETA]
    common = compared.common
    ticks, labels = common.ticks
    return {
        "figures": {
            panel: {
                name: [_figure(compared, panel, index, rho, share, course) for index in range(len(styles))]
                for name, share in variants.items()
            }
            for panel in (*PLANES, LINE)
        },
        "grids": [
            None if surface is None or heights is None else _grid(surface, heights)
            for surface, heights in zip(compared.surfaces, compared.heights, strict=True)
        ],
        "profiles": [
            bare(profiles_figure(compared, along, (symbols[0], symbols[1]), styles)) if low < high else None
            for along, (low, high) in enumerate((compared.alphas, compared.betas))
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


def _figure(
    compared: ComparedSurfaces, panel: str, index: int, rho: float | None, share: bool, course: Course | None
) -> Json:
    """A model's figure; None if the panel shows another kind of surface."""
    surface = compared.surfaces[index]
    if surface is None or is_plane(surface) == (panel == LINE):
        return None
    draw: Callable[..., go.Figure] = line_figure if panel == LINE else PLANES[panel]
    limits = {"limits": compared.limits} if share and panel != LINE else {}
    drawn = draw(
        surface,
        log=compared.log,
        rho=rho if rho is not None and ball_fits(surface, rho) else None,
        quadratic=surface.quadratic is not None,
        **limits,
    )
    runs = [run for run in course.runs if run.model == index] if course is not None else []
    if panel == "surface":
        add_runners_3d(drawn, surface, plot_heights(surface, log=compared.log, **limits), runs)
    elif panel == "contour":
        add_runners_2d(drawn, runs)
        ends = {snapshot_names(run.trajectory)[-1] for run in runs}  # which the markers say
        drawn.layout.annotations = [one for one in drawn.layout.annotations if one.text not in ends]
    figure = bare(drawn)
    if panel == LINE:
        return figure
    layout = figure["layout"]
    sides = layout if panel == "contour" else layout["scene"]
    if share:
        sides["xaxis"]["range"], sides["yaxis"]["range"] = list(compared.alphas), list(compared.betas)
    if panel == "contour":
        _as_small_map(figure, surface, share)
    else:
        _as_small_scene(layout["scene"], compared, share, pinned=not runs)
    return figure


def _as_small_map(figure: dict[str, Json], surface: Surface, share: bool) -> None:
    """Make a map one of several: axes and, on a common scale, colours are explained once for all."""
    layout = figure["layout"]
    figure["data"][0]["showscale"] = not share
    for axis, coordinate in zip(("xaxis", "yaxis"), coordinates(surface), strict=True):
        layout[axis] |= {"title": {"text": coordinate.symbol, "standoff": 4}}
    # Margins that fit labels would change the plane's size, and that the labels: the library gives up on some sizes.
    layout["xaxis"]["automargin"] = layout["yaxis"]["automargin"] = False
    layout |= {"hovermode": "closest", "margin": {"l": 64, "r": 8, "t": 8, "b": 44}}


def _as_small_scene(scene: dict[str, Json], compared: ComparedSurfaces, share: bool, *, pinned: bool) -> None:
    """Make a scene one of several: the caption has the value at the centre, where a pin or a dot stays.

    A pin would cover the marker of a run, which may be there.
    """
    if share:
        sides = aspect(np.array(compared.alphas), np.array(compared.betas))
        scene["aspectratio"] = dict(zip("xyz", sides, strict=True))
    labels = []
    for label in scene.get("annotations", ()):
        at = {axis: label[axis] for axis in "xyz"}
        if (at["x"], at["y"]) != (0, 0):
            labels.append(label)
        elif pinned:
            labels += _pin(at)
        else:
            labels.append(label | {"text": "", "ay": -20, "bgcolor": "rgba(0,0,0,0)"})
    if labels:
        scene["annotations"] = labels


def _pin(at: dict[str, float]) -> list[dict[str, Json]]:
    """Return a pin in the centre, whose marker the surface hides by half: annotations are drawn above everything."""
    common = {**at, "text": "", "ax": 0, "bgcolor": "rgba(0,0,0,0)", "showarrow": True}
    stem = {**common, "ay": -24, "arrowhead": 0, "arrowwidth": 1.6, "arrowcolor": QUIET}
    dots = ((SPOT_EDGE, PIN + 1.5), (SPOT, PIN))
    # A head of plotly's kind 6 is a disc of radius 2 · size · width; its line is too thin to be seen.
    return [stem] + [
        {**common, "ay": -24, "arrowhead": 6, "arrowwidth": 0.1, "arrowsize": radius / 0.2, "arrowcolor": colour}
        for colour, radius in dots
    ]


def _grid(surface: Surface, heights: Heights) -> dict[str, Json]:
    """The numbers that the crosshair and the profiles read; heights on the logarithmic scale are log10.

    The centre is the loss itself: grids with an even number of points do not hold it.
    """
    states = [[known(done) for done in row] for row in surface.evaluated.tolist()]
    return {
        "alphas": encoded(surface.alphas),
        "betas": encoded(surface.betas),
        "values": encoded(compact(heights.values)),
        "centre": surface.centre if math.isfinite(surface.centre) else None,
        "headline": number(surface.centre) if math.isfinite(surface.centre) else "",
        "states": states if len(np.unique(surface.evaluated)) > 1 else states[0][0],
    }


def scales_of(drawn: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """Return the scales on which any quantity can be drawn."""
    return [scale for scale in SCALES if any(scale in view for view in drawn.values())]
