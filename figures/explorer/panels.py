"""The figures beside the surfaces: those that all models are in, and those of one model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from landscape.figures.entries import Look, ModelEntry
from landscape.figures.explorer.rendering import bare
from landscape.figures.interactive import (
    blocks_figure,
    density_figure,
    shares_figure,
    sharpness_figure,
    spectrum_figure,
)
from landscape.figures.interactive.comparison import (
    bands_figure,
    densities_figure,
    history_figure,
    sharpnesses_figure,
    spectra_figure,
)
from landscape.figures.plotdata.comparison import LINEAR, LOG, RISE, SCALES, TRAINED, VALIDATED

Json = Any
Scales = Mapping[str, go.Figure | None]


def common_panels(models: Sequence[ModelEntry], seen: Sequence[Look]) -> dict[str, dict[str, Json]]:
    """By panel and scale: figures that all models are in, as far as there is something to draw.

    A model alone gets the figures that show all that is known of it.
    """
    curvatures = {index: model.curvature for index, model in enumerate(models) if model.curvature is not None}
    bands = {
        index: model.surface.radial_profile
        for index, model in enumerate(models)
        if model.surface and model.surface.radial_profile
    }
    spectra = {index: each.spectrum for index, each in curvatures.items() if each.spectrum is not None}
    histories = {index: model.history for index, model in enumerate(models) if len(model.history)}
    alone = len(models) == 1
    figures: dict[str, Scales] = {
        name: {LINEAR: history_figure(histories, name, seen)} for name in (VALIDATED, TRAINED)
    }
    if bands:
        figures["band"] = {scale: bands_figure(bands, seen, rise=scale == RISE, log=scale == LOG) for scale in SCALES}
    if curvatures:
        pairs = {index: each.pairs for index, each in curvatures.items()}
        figures["spectrum"] = {LINEAR: spectrum_figure(curvatures[0]) if alone else spectra_figure(pairs, seen)}
    if spectra:
        figures["density"] = {LINEAR: density_figure(spectra[0]) if alone else densities_figure(spectra, seen)}
    tables = {index: each.sharpness for index, each in curvatures.items() if each.sharpness is not None}
    if tables and not alone:
        figures["sharpnesses"] = {LINEAR: sharpnesses_figure(tables, seen)}
    drawn = {
        name: {scale: bare(figure) for scale, figure in scales.items() if figure is not None}
        for name, scales in figures.items()
    }
    return {name: scales for name, scales in drawn.items() if scales}


def own_panels(model: ModelEntry, colour: str | None = None) -> dict[str, Json]:
    """By panel: what is known of a model that no other can be drawn into; in its colour, where colours tell models."""
    curvature = model.curvature
    if curvature is None:
        return {}
    figures = {f"shares-{index}": shares_figure(shares) for index, shares in enumerate(curvature.localization)}
    if curvature.blocks is not None:
        figures["blocks"] = blocks_figure(curvature.blocks, whole=curvature.pairs)
    if curvature.sharpness is not None:
        figures["sharpness"] = sharpness_figure(curvature.sharpness)
    if colour is not None:
        for panel in figures.keys() & {"blocks", "sharpness"}:
            looks = {"line": {"color": colour}, "error_x": {"color": colour}, "error_y": {"color": colour}}
            figures[panel].update_traces(**looks, marker={"color": colour, "line": {"color": colour}})
    return {panel: bare(figure) for panel, figure in figures.items()}
