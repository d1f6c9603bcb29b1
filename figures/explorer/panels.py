"""The figures beside the surfaces: joint ones of all models, and those of one model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from landscape.figures.captions.cards import CARDS, JOINT_CARDS, Card
from landscape.figures.entries import ModelEntry, ModelStyle
from landscape.figures.explorer.rendering import bare
from landscape.figures.interactive import FIGURES
from landscape.figures.interactive.geometry.densities import densities_figure
from landscape.figures.interactive.geometry.eigenvalues import spectra_figure
from landscape.figures.interactive.geometry.sharpness import sharpnesses_figure
from landscape.figures.interactive.histories import history_figure
from landscape.figures.interactive.surfaces.course import course_figures
from landscape.figures.interactive.surfaces.curves import curve_figure
from landscape.figures.interactive.surfaces.radial import radial_profiles_figure
from landscape.figures.plotdata.histories import TRAINED, VALIDATED
from landscape.figures.plotdata.registry import CURVATURE_FIGURES, Arguments
from landscape.figures.plotdata.surfaces.comparison import LINEAR, LOG, RISE, SCALES
from landscape.figures.plotdata.surfaces.course import Course

JOINT = ("spectrum", "density")  # of the figures of a curvature: several models are drawn into one
RADIAL_PROFILE = "radial-profile"
CURVE = "curve"  # of low loss between two models
COURSE = "course-"  # with which the names of the curves along training begin

Json = Any
Scales = Mapping[str, go.Figure | None]


def common_panels(
    models: Sequence[ModelEntry], styles: Sequence[ModelStyle], course: Course | None = None
) -> dict[str, dict[str, Json]]:
    """Return by panel and scale the figures that all models are in, if there is something to draw.

    A model alone gets the figures of one model, which show more.
    """
    histories = {index: model.history for index, model in enumerate(models) if len(model.history)}
    figures: dict[str, Scales] = {
        column: {LINEAR: history_figure(histories, column, styles)} for column in (VALIDATED, TRAINED)
    }
    if course is not None:
        figures |= {COURSE + name: {LINEAR: figure} for name, figure in course_figures(course).items()}
    if len(models) == 1 and models[0].surface is not None and models[0].surface.curve is not None:
        figures[CURVE] = {LINEAR: curve_figure(models[0].surface.curve)}
    profiles = {
        index: model.surface.radial_profile
        for index, model in enumerate(models)
        if model.surface and model.surface.radial_profile
    }
    if profiles:
        figures[RADIAL_PROFILE] = {
            scale: radial_profiles_figure(profiles, styles, rise=scale == RISE, log=scale == LOG) for scale in SCALES
        }
    if len(models) == 1:
        figures |= {name: {LINEAR: FIGURES[name](**arguments)} for name, arguments in _joint(models[0]).items()}
    else:
        figures |= {name: {LINEAR: figure} for name, figure in _curvatures_together(models, styles).items()}
    drawn = {
        name: {scale: bare(figure) for scale, figure in scales.items() if figure is not None}
        for name, scales in figures.items()
    }
    return {name: scales for name, scales in drawn.items() if scales}


def _joint(model: ModelEntry) -> dict[str, Arguments]:
    """The arguments of the figures of ``JOINT`` for a model alone."""
    if model.curvature is None:
        return {}
    return {name: arguments for name in JOINT for arguments in CURVATURE_FIGURES[name](model.curvature)}


def _curvatures_together(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> dict[str, go.Figure | None]:
    curvatures = {index: model.curvature for index, model in enumerate(models) if model.curvature is not None}
    spectra = {index: curvature.spectrum for index, curvature in curvatures.items() if curvature.spectrum is not None}
    sharpnesses = {
        index: curvature.sharpness for index, curvature in curvatures.items() if curvature.sharpness is not None
    }
    figures: dict[str, go.Figure | None] = {}
    if curvatures:
        figures["spectrum"] = spectra_figure(
            {index: curvature.pairs for index, curvature in curvatures.items()}, styles
        )
    if spectra:
        figures["density"] = densities_figure(spectra, styles)
    if sharpnesses:
        figures["sharpnesses"] = sharpnesses_figure(sharpnesses, styles)
    return figures


def joint_cards(models: Sequence[ModelEntry]) -> dict[str, Card]:
    """Return heading and caption of the joint figures of curvatures."""
    if len(models) > 1:
        return JOINT_CARDS
    return {name: CARDS[name](**arguments) for name, arguments in _joint(models[0]).items()}


def _own(model: ModelEntry) -> dict[str, list[Arguments]]:
    """The arguments of the figures of one model's curvature that are drawn model by model, by their name."""
    if model.curvature is None:
        return {}
    figures = {name: parts(model.curvature) for name, parts in CURVATURE_FIGURES.items() if name not in JOINT}
    return {name: parts for name, parts in figures.items() if parts}


def own_panels(model: ModelEntry, colour: str | None = None) -> dict[str, Json]:
    """Return by panel the figures of one model's curvature, in its colour if there is one."""
    figures = {
        f"{name}-{place}": FIGURES[name](**arguments)
        for name, parts in _own(model).items()
        for place, arguments in enumerate(parts)
    }
    if colour is not None:
        colours = {"line": {"color": colour}, "error_x": {"color": colour}, "error_y": {"color": colour}}
        for figure in figures.values():
            figure.update_traces(**colours, marker={"color": colour, "line": {"color": colour}}, selector=_has_colour)
    return {panel: bare(figure) for panel, figure in figures.items()}


def _has_colour(trace: Any) -> bool:
    """Whether a trace may have the model's colour; heat maps and text have colours of their own."""
    return bool(trace.type == "scatter" and trace.mode != "text")


def own_cards(model: ModelEntry) -> dict[str, list[tuple[str, Card]]]:
    """Return by name of the figure the panels of ``own_panels`` with heading and caption."""
    return {
        name: [(f"{name}-{place}", CARDS[name](**arguments)) for place, arguments in enumerate(parts)]
        for name, parts in _own(model).items()
    }
