"""What is known of a model, for pictures that show several side by side."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from landscape.figures.style import PALETTE, colour
from landscape.results import Curvature, Surface


@dataclass(frozen=True, eq=False)
class ModelEntry:
    """A model with what has been computed of it; whatever is missing is None or empty."""

    name: str  # any text
    surface: Surface | None = None
    curvature: Curvature | None = None
    history: Sequence[Mapping[str, float | str]] = ()  # of its training: a row an epoch, as in ``history.csv``


@dataclass(frozen=True)
class Look:
    """How a model is told from the others: the same everywhere."""

    index: int
    name: str  # any text, but no two models' is the same
    colour: str
    dash: str  # of lines, in plotly's words: after the last colour they begin again, dashed


def looks(models: Sequence[ModelEntry]) -> list[Look]:
    """How the models are told apart, by their position; equal names get numbers."""
    dashes = ("solid", "dash", "dot")
    rounds = [index // len(PALETTE) for index in range(len(models))]
    return [
        Look(index, name, colour(index), dashes[rounds[index] % len(dashes)])
        for index, name in enumerate(_told_apart([model.name for model in models]))
    ]


def _told_apart(names: Sequence[str]) -> list[str]:
    counts = Counter(names)
    found: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in itertools.count(1))
        new = name if counts[name] == 1 else next(each for each in numbered if each not in counts and each not in found)
        found.append(new)
    return found
