"""Whether models compare, and what each of them lacks, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.figures.captions.conditions import conditions
from landscape.figures.captions.curvatures import curvature_warnings
from landscape.figures.captions.surfaces import surface_warnings
from landscape.figures.entries import ModelEntry, ModelStyle
from landscape.figures.plotdata.extents import is_plane
from landscape.results import Curvature, Surface

NOT_RECORDED = "not recorded"
OF_ALL = {  # what must be the same, and what follows if it is not
    "data sets": "Their losses measure different things.",
    "losses": "Heights and eigenvalues measure different things.",
    "splits": "Their losses are of different targets.",
    "numbers of users": "Part of a difference may be the users.",
    "seeds of the loss": "Part of a difference may be the users and negatives drawn.",
    "modes": "One has dropout, another does not.",
    "parameters moved": "Lengths and eigenvalues are of different parameters.",
}
OF_SURFACES = {
    "kinds of plane": "Their slopes do not compare.",
    "ways to scale directions": "A step of 1 is not the same in all.",
    "seeds of the directions": "Part of a difference may be the directions drawn.",
    "extents": "On a shared scale, all are drawn in the largest.",
}
OF_CURVATURES = {"matrices": "Their eigenvalues are of different matrices."}


def comparison_warnings(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> list[str]:
    """Return what keeps the models from being compared: which of them differ in what."""
    warnings = [
        f"The surface and the curvature of {style.name} are of different checkpoints."
        for model, style in zip(models, styles, strict=True)
        if None not in (model.surface, model.curvature)
        and len({str(_checkpoint(result)) for result in (model.surface, model.curvature)} - {"None"}) > 1
    ]
    if len(models) < 2:
        return warnings
    for nouns, kinds in (
        (OF_ALL, ("surface", "curvature")),
        (OF_SURFACES, ("surface",)),
        (OF_CURVATURES, ("curvature",)),
    ):
        for noun, consequence in nouns.items():
            values = _by_value(models, styles, noun, kinds)
            if len(values) > 1:
                warnings.append(f"Different {noun}: {_listed(values)}. {consequence}")
    results = [result for model in models for result in (model.surface, model.curvature) if result is not None]
    if results and not any(result.metadata.get("objective") for result in results):
        warnings.append("No result records the users and random draws of its loss: whether they compare is not known.")
    return warnings


@dataclass(frozen=True)
class Notes:
    """Sentences on one model."""

    name: str
    sentences: list[str]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.sentences)


def model_notes(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> list[Notes]:
    """Return for each model what a reader must know before trusting its numbers, and what it lacks."""
    return [Notes(style.name, _notes(model)) for model, style in zip(models, styles, strict=True)]


def _notes(model: ModelEntry) -> list[str]:
    sentences = []
    if model.surface is None:
        sentences.append("There is no surface.")
    else:
        sentences += surface_warnings(model.surface)
        if not is_plane(model.surface):
            sentences.append(f"Its surface is {_shape(model.surface).lower()}, not a plane.")
    return sentences + (["There is no curvature."] if model.curvature is None else curvature_warnings(model.curvature))


def missing(surface: Surface | None, drawn: Surface | None, quantity: str) -> str:
    """Return why nothing is drawn of a quantity; ``drawn`` is its surface, and the text is empty if it is drawn."""
    if surface is None:
        return "No surface was computed."
    if drawn is None:
        return f"{quantity} was not measured."
    if not np.isfinite(drawn.loss).any():
        return "No point has a finite value."
    return "" if is_plane(drawn) else f"{_shape(drawn)}, not a plane: see below."


def _shape(surface: Surface) -> str:
    return "A line" if surface.loss.size > 1 else "A single point"


def _listed(values: Mapping[str, Sequence[str]]) -> str:
    """List values with their models; the largest group comes last, and is called "all others" if it is large."""
    *rest, (last, names) = sorted(values.items(), key=lambda item: len(item[1]))
    alone = len(names) < 3 or (bool(rest) and len(rest[-1][1]) == len(names))
    others = ", ".join(names) if alone else "all others"
    return "; ".join(f"{value} ({', '.join(models)})" for value, models in [*rest, (last, [others])])


def _by_value(
    models: Sequence[ModelEntry], styles: Sequence[ModelStyle], noun: str, kinds: Sequence[str]
) -> dict[str, list[str]]:
    """Return which models have which value of a condition; empty if no result records it."""
    result: dict[str, list[str]] = {}
    for model, style in zip(models, styles, strict=True):
        recorded = {kind: conditions(part).get(noun) for kind in kinds if (part := getattr(model, kind)) is not None}
        values = set(recorded.values())
        for kind, value in recorded.items() if len(values) > 1 else [("", value) for value in values]:
            name = f"{style.name}’s {kind}" if kind else style.name
            result.setdefault(value or NOT_RECORDED, []).append(name)
    return {} if set(result) == {NOT_RECORDED} else result


def _checkpoint(result: Surface | Curvature | None) -> Any:
    checkpoint = result.metadata.get("checkpoint") if result is not None else None
    return checkpoint.get("sha256") if isinstance(checkpoint, Mapping) else None
