"""The models that a page or a picture shows, and how each of them is drawn."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from landscape.figures.style import PALETTE, colour
from landscape.results import Curvature, Surface
from landscape.results.along import AlongTraining
from landscape.results.display.printable import printable

History = Sequence[Mapping[str, float | str]]  # of a training run: a row an epoch, as in ``history.csv``
DASHES = ("solid", "dash", "dot")  # plotly's names


@dataclass(frozen=True, eq=False)
class ModelEntry:
    """A model with the results that were computed for it; a missing result is None or empty."""

    name: str  # any text
    surface: Surface | None = None
    curvature: Curvature | None = None
    history: History = ()
    along: Sequence[AlongTraining | None] = ()  # for each of the surface's training runs, what was measured along it


@dataclass(frozen=True)
class ModelStyle:
    """How a model is drawn and called, the same in all figures of a page."""

    index: int
    name: str  # any text; no two models have the same
    colour: str
    dash: str  # of lines: after the last colour the colours begin again, dashed


def model_styles(models: Sequence[ModelEntry]) -> list[ModelStyle]:
    """Return name, colour and dash of each model by its position; equal names get numbers.

    Control characters in a name, which may come from a file, are escaped.
    """
    return [
        ModelStyle(index, name, colour(index), DASHES[index // len(PALETTE) % len(DASHES)])
        for index, name in enumerate(_distinct([printable(model.name) for model in models]))
    ]


def _distinct(names: Sequence[str]) -> list[str]:
    counts = Counter(names)
    result: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in itertools.count(1))
        unused = (candidate for candidate in numbered if candidate not in counts and candidate not in result)
        result.append(name if counts[name] == 1 else next(unused))
    return result
