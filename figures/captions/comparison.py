"""Whether models compare, and what each lacks, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.figures.captions.curvatures import curvature_warnings
from landscape.figures.captions.surfaces import surface_warnings
from landscape.figures.entries import Look, ModelEntry
from landscape.figures.plotdata.comparison import is_plane
from landscape.figures.style import MATRICES, number
from landscape.results import Curvature, Surface
from landscape.results.serialization import to_plain

UNTOLD = "not told"
OF_ALL = {  # what must be the same, and why
    "data sets": "Their losses are not of the same thing.",
    "losses": "Heights and eigenvalues are not of the same thing.",
    "splits": "Their losses are of different targets.",
    "numbers of users": "Part of a difference may be the users.",
    "seeds of the loss": "Part of a difference may be the users and negatives drawn.",
    "modes": "One has dropout, another does not.",
    "parameters moved": "Lengths and eigenvalues are of different parameters.",
}
OF_SURFACES = {
    "kinds of plane": "Their slopes cannot be held against each other.",
    "ways to scale directions": "A step of 1 is not the same in all.",
    "seeds of the directions": "Part of a difference may be the directions drawn.",
    "extents": "On a shared scale, all are drawn in the largest.",
}
OF_CURVATURES = {"matrices": "Their eigenvalues are of different matrices."}


def comparison_warnings(models: Sequence[ModelEntry], looks: Sequence[Look]) -> list[str]:
    """What keeps the models from being compared: which of them differ in what."""
    warnings = [
        f"The surface and the curvature of {look.name} are of different checkpoints."
        for model, look in zip(models, looks, strict=True)
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
            named = _by_value(models, looks, noun, kinds)
            if len(named) > 1:
                warnings.append(f"Different {noun}: {_listed(named)}. {consequence}")
    results = [result for model in models for result in (model.surface, model.curvature) if result is not None]
    if results and not any(result.metadata.get("objective") for result in results):
        warnings.append("No result tells which users and random draws its loss had: whether they compare is not known.")
    return warnings


@dataclass(frozen=True)
class Notes:
    """What is to be said of one model."""

    name: str
    sentences: list[str]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.sentences)


def model_notes(models: Sequence[ModelEntry], looks: Sequence[Look]) -> list[Notes]:
    """Of each model: what must be known before its numbers are trusted, and what it lacks."""
    found = []
    for model, look in zip(models, looks, strict=True):
        notes = []
        if model.surface is None:
            notes.append("There is no surface.")
        else:
            if not is_plane(model.surface):
                notes.append(f"Its surface is {_shape(model.surface).lower()}, not a plane.")
            notes += surface_warnings(model.surface)
        notes += ["There is no curvature."] if model.curvature is None else curvature_warnings(model.curvature)
        found.append(Notes(look.name, notes))
    return found


def missing(surface: Surface | None, of: Surface | None, quantity: str) -> str:
    """Why nothing is drawn of a quantity, ``of`` being what the surface has of it; empty where it is drawn."""
    if surface is None:
        return "No surface was computed."
    if of is None:
        return f"{quantity} was not measured."
    if not np.isfinite(of.loss).any():
        return "No point has a finite value."
    return "" if is_plane(of) else f"{_shape(of)}, not a plane: see below."


def _shape(surface: Surface) -> str:
    return "A line" if surface.loss.size > 1 else "A single point"


def _listed(named: Mapping[str, Sequence[str]]) -> str:
    """Values with the models that have them; the largest group, where it is large, is all others and comes last."""
    *rest, (value, names) = sorted(named.items(), key=lambda each: len(each[1]))
    alone = len(names) < 3 or (bool(rest) and len(rest[-1][1]) == len(names))
    others = ", ".join(names) if alone else "all others"
    return "; ".join(f"{each} ({', '.join(models)})" for each, models in [*rest, (value, [others])])


def _by_value(
    models: Sequence[ModelEntry], looks: Sequence[Look], noun: str, kinds: Sequence[str]
) -> dict[str, list[str]]:
    """Which models have which value of what ``noun`` names; empty where no result tells."""
    found: dict[str, list[str]] = {}
    for model, look in zip(models, looks, strict=True):
        told = {kind: _told(result).get(noun) for kind in kinds if (result := getattr(model, kind)) is not None}
        values = set(told.values())
        for kind, value in told.items() if len(values) > 1 else [("", value) for value in values]:
            found.setdefault(value or UNTOLD, []).append(f"{look.name}’s {kind}" if kind else look.name)
    return {} if set(found) == {UNTOLD} else found


def _told(result: Surface | Curvature) -> dict[str, str | None]:
    metadata: Mapping[str, Any] = to_plain(result.metadata)
    found: dict[str, str | None] = {}
    data = metadata.get("data")
    if isinstance(data, Mapping):
        found["data sets"] = " ".join(str(data[key])[:12] for key in ("name", "sha256") if data.get(key))
    objective = metadata.get("objective")
    if isinstance(objective, Mapping):
        users, blocks = objective.get("users"), objective.get("blocks")
        found |= {
            "losses": str(objective.get("loss")),
            "splits": str(objective.get("split")),
            "numbers of users": number(users) if isinstance(users, int) else str(users or "all"),
            "seeds of the loss": str(objective.get("seed")),
            "modes": "with dropout" if objective.get("train_mode") else "without dropout",
            "parameters moved": "all" if blocks is None else str(blocks),
        }
    if isinstance(result, Curvature):
        found["matrices"] = MATRICES.get(result.operator, result.operator)
        return found
    axes = (result.alphas, result.betas)
    reached = [f"[{number(axis[0], 3)}, {number(axis[-1], 3)}]" for axis in axes if len(axis) > 1]
    found["extents"] = " × ".join(reached) or "a single point"
    plane = metadata.get("plane")
    if isinstance(plane, Mapping):
        found["kinds of plane"] = str(plane["kind"]) if plane.get("kind") else None
        if plane.get("kind") == "random":
            found["ways to scale directions"] = f"{plane.get('normalize')}, vectors {plane.get('vectors')}"
            found["seeds of the directions"] = str(plane.get("seeds", plane.get("seed")))
    return found


def _checkpoint(result: Surface | Curvature | None) -> Any:
    checkpoint = result.metadata.get("checkpoint") if result is not None else None
    return checkpoint.get("sha256") if isinstance(checkpoint, Mapping) else None
