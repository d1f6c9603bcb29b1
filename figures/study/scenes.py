"""Figure 1 on the page: the loss surfaces of all methods on a data set, on one scale and with one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.figures.entries import ModelStyle
from landscape.figures.explorer.rendering import bare
from landscape.figures.interactive import surface_figure
from landscape.figures.plotdata.extents import aspect, is_plane
from landscape.figures.plotdata.surfaces.comparison import LINEAR, LOG, ComparedSurfaces, compare_surfaces
from landscape.figures.study.methods import Styles
from landscape.figures.study.scattered import first_surfaces
from landscape.figures.style import number
from landscape.results import Surface
from landscape.results.study.records import ModelSurface

SCALES = (LINEAR, LOG)  # of the heights

Json = Any


@dataclass(frozen=True)
class SceneCell:
    """The place of one method's surface."""

    style: ModelStyle
    key: str  # of its figures; empty: there is no surface
    note: str


@dataclass(frozen=True)
class Bar:
    """The colour bar of all surfaces of a data set."""

    scale: str
    label: str
    ticks: tuple[tuple[float, str], ...]  # place in per cent, and label


@dataclass(frozen=True)
class SceneGroup:
    """The surfaces of one data set."""

    data: str
    cells: tuple[SceneCell, ...]
    bars: tuple[Bar, ...]


def scene_groups(surfaces: Sequence[ModelSurface], styles: Styles) -> tuple[list[SceneGroup], dict[str, Json]]:
    """Return the surfaces of each data set that has any, and by key and scale the figures.

    A browser draws about sixteen scenes at a time; of each method there is one, and one data set is shown at a time.
    """
    groups: list[SceneGroup] = []
    figures: dict[str, Json] = {}
    for number_of_group, (data, by_method) in enumerate(first_surfaces(surfaces).items()):
        drawings = sorted(by_method.values(), key=lambda drawing: styles[drawing.method].index)
        compared = {
            scale: compare_surfaces([_plane(drawing.surface) for drawing in drawings], scale) for scale in SCALES
        }
        if compared[LINEAR].limits is None:
            continue
        cells = []
        for place, drawing in enumerate(drawings):
            drawn = {scale: _scene(view, place) for scale, view in compared.items() if view.surfaces[place] is not None}
            key = f"scene-{number_of_group}-{place}" if drawn else ""
            if drawn:
                figures[key] = drawn
            cells.append(SceneCell(styles[drawing.method], key, _note(drawing)))
        bars = tuple(_bar(scale, view) for scale, view in compared.items() if view.limits is not None)
        groups.append(SceneGroup(data, tuple(cells), bars))
    return groups, figures


def _plane(surface: Surface | None) -> Surface | None:
    return surface if surface is not None and is_plane(surface) else None


def _note(drawing: ModelSurface) -> str:
    first = next(((name, value) for name, value in drawing.eigenvalues.items() if np.isfinite(value)), None)
    return f"seed {drawing.seed}" + ("" if first is None else f" · {first[0]} = {number(first[1], 3)}")


def _scene(compared: ComparedSurfaces, place: int) -> Json:
    surface = compared.surfaces[place]
    assert surface is not None
    figure = bare(surface_figure(surface, log=compared.log, limits=compared.limits))
    scene = figure["layout"]["scene"]
    scene["zaxis"]["title"]["text"] = ""  # the colour bar has it
    scene["xaxis"]["range"], scene["yaxis"]["range"] = list(compared.alphas), list(compared.betas)
    scene["aspectratio"] = dict(zip("xyz", aspect(np.array(compared.alphas), np.array(compared.betas)), strict=True))
    scene["annotations"] = []  # a name at each centre would hide the smaller surfaces
    return figure


def _bar(scale: str, compared: ComparedSurfaces) -> Bar:
    common = compared.common
    at, labels = common.ticks
    places = [round(100 * (tick - common.low) / (common.high - common.low), 2) for tick in at]
    return Bar(scale, common.label, tuple(zip(places, labels, strict=True)))
