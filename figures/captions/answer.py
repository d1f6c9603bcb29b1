"""The first lines of a page: what is compared, and what the numbers answer within their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.captions.comparison import comparison_warnings
from landscape.figures.captions.conditions import conditions
from landscape.figures.entries import ModelEntry, ModelStyle
from landscape.figures.plotdata.extents import centre_in_view, is_plane
from landscape.figures.style import LAMBDA_MAX, LAMBDA_MIN, give_or_take, number
from landscape.results import Surface
from landscape.results.storage.serialization import to_plain

MOST_DIGITS = 6  # of two values that would look equal with fewer


@dataclass(frozen=True)
class Measured:
    """A number of a model, known within ± error."""

    name: str
    value: float
    error: float


@dataclass(frozen=True)
class _Clause:
    text: str
    claims: bool = False  # a difference that the intervals show
    lifts: bool = True  # begins with a word, which a sentence writes large; names and symbols stay as they are


def clearly_largest(numbers: Sequence[Measured]) -> Measured | None:
    """Return the number whose interval lies above all other intervals.

    None if there is no such number, or if any value or error is not finite.

    >>> clearly_largest([Measured("a", 1.0, 0.1), Measured("b", 0.7, 0.1)]).name
    'a'
    >>> clearly_largest([Measured("a", 1.0, 0.2), Measured("b", 0.7, 0.2)]) is None
    True
    """
    if len(numbers) < 2 or not all(math.isfinite(one.value) and math.isfinite(one.error) for one in numbers):
        return None
    top, *others = sorted(numbers, key=lambda one: one.value, reverse=True)
    return top if all(one.value + one.error < top.value - top.error for one in others) else None


def compared(models: Sequence[ModelEntry]) -> str:
    """Return what all results are of: data, loss, split, users and epoch; what differs or is unknown is left out."""
    results = [result for model in models for result in (model.surface, model.curvature) if result is not None]
    recorded = [conditions(result) for result in results]

    def common(noun: str) -> str | None:
        values = {values.get(noun) for values in recorded}
        return values.pop() if len(values) == 1 else None

    data, loss, split, users = map(common, ("data sets", "losses", "splits", "numbers of users"))
    first = to_plain(results[0].metadata) if results else {}
    own = first.get("objective", {}).get("problem") if loss else None  # of a user's own model
    epochs = list(dict.fromkeys(_epoch(model) for model in models))
    parts = [
        str(first["data"].get("name", "")) if data else "",  # without its hash, which stands in the provenance
        str(own) if own else f"{loss} loss" if loss else "",
        f"{split} targets" if split else "",
        f"{users} users" if users else "",
        ""
        if None in epochs or not epochs
        else f"epoch {epochs[0]}"
        if len(epochs) == 1
        else f"epochs {_joined(epochs)}",
    ]
    return " · ".join(part for part in parts if part)


def _epoch(model: ModelEntry) -> str | None:
    """The epoch whose weights were measured."""
    for result in (model.surface, model.curvature):
        checkpoint = result.metadata.get("checkpoint") if result is not None else None
        if isinstance(checkpoint, Mapping) and checkpoint.get("epoch") is not None:
            return str(checkpoint["epoch"])
    return None


def _joined(texts: Sequence[str | None]) -> str:
    *first, last = map(str, texts)
    return f"{', '.join(first)} and {last}" if first else last


def answer(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> str:
    """Return one cautious sentence or two: no difference is claimed that the intervals do not show.

    Several models: whose loss rises more in random planes (intervals over planes), whose λmax is larger (residuals).
    A model alone: how far its loss rises, and whether an eigenvalue lies below zero. Empty if nothing was computed.
    """
    if len(models) == 1:
        return " ".join([*_surface_alone(models[0].surface), *_curvature_alone(models[0])])
    if comparison_warnings(models, styles):
        return "These models differ in more than their parameters, so their numbers do not compare directly: see below."
    clauses = [clause for clause in (_rises(models, styles), _eigenvalues(models, styles)) if clause is not None]
    clauses.sort(key=lambda clause: not clause.claims)  # what the numbers show comes before what they leave open
    sentence = "; ".join(clause.text for clause in clauses)
    return f"{sentence[0].upper() if clauses[0].lifts else sentence[0]}{sentence[1:]}." if sentence else ""


ONE_PLANE = _Clause("one plane of each model has no interval, so it does not show whose loss rises more")


def _rises(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> _Clause | None:
    surfaces = [model.surface for model in models]
    if not any(surface is not None and is_plane(surface) for surface in surfaces):
        return None
    profiles = [surface.radial_profile if surface is not None else None for surface in surfaces]
    known = [profile for profile in profiles if profile is not None]
    if not known:
        return ONE_PLANE
    reaches = {float(profile.radii[-1]) for profile in known}
    if len(known) < len(models) or len(reaches) > 1:
        return _Clause("not all models were measured in several planes to one distance, so their rises do not compare")
    rises = [
        Measured(style.name, float(profile.rises.mean(0)[-1]), float(profile.half_width(profile.rises)[-1]))
        for style, profile in zip(styles, known, strict=True)
    ]
    if any(math.isnan(rise.error) for rise in rises):
        return ONE_PLANE
    within, top = f"within r = {number(reaches.pop(), 3)}", clearly_largest(rises)
    if top is None:
        return _Clause(f"in random planes {_undecided(models, 'rise of the loss')} {within}, beyond the intervals")
    return _Clause(
        f"in random planes the loss of {top.name} rises {_degree(models, 'more')} {within}: {_against(top, rises)}",
        True,
    )


def _eigenvalues(models: Sequence[ModelEntry], styles: Sequence[ModelStyle]) -> _Clause | None:
    curvatures = [model.curvature for model in models]
    if all(curvature is None for curvature in curvatures):
        return None
    missing = [style.name for style, curvature in zip(styles, curvatures, strict=True) if curvature is None]
    if missing:
        return _Clause(f"{LAMBDA_MAX} was not computed for {_joined(missing)}", lifts=False)
    pairs = [curvature.pairs for curvature in curvatures if curvature is not None]
    unfinished = [style.name for style, pair in zip(styles, pairs, strict=True) if not pair.converged[0]]
    if unfinished:
        return _Clause(f"{LAMBDA_MAX} has not converged for {_joined(unfinished)}", lifts=False)
    values = [
        Measured(style.name, float(pair.values[0]), float(pair.residuals[0]))
        for style, pair in zip(styles, pairs, strict=True)
    ]
    top = clearly_largest(values)
    if top is None:
        return _Clause(f"{_undecided(models, LAMBDA_MAX)}, beyond the residuals")
    larger = f"{top.name} has the {_degree(models, 'larger')} {LAMBDA_MAX} on this data"
    return _Clause(f"{larger}: {_against(top, values)}", True, lifts=False)


def _undecided(models: Sequence[ModelEntry], noun: str) -> str:
    return f"neither model has the larger {noun}" if len(models) == 2 else f"no single model has the largest {noun}"


def _degree(models: Sequence[ModelEntry], word: str) -> str:
    return word if len(models) == 2 else {"more": "most", "larger": "largest"}[word]


def _against(top: Measured, numbers: Sequence[Measured]) -> str:
    """Return the largest number and the next one, with as many digits as tell them apart."""
    following = max((one for one in numbers if one is not top), key=lambda one: one.value)
    digits = next(
        (
            digits
            for digits in range(3, MOST_DIGITS)
            if len({number(one.value, digits) for one in (top, following)}) == 2
        ),
        MOST_DIGITS,
    )
    # An error that does not reach the digits shown says nothing.
    texts = [
        give_or_take(one.value, one.error if one.error > 10 ** (-digits) * abs(one.value) else math.nan, digits)
        for one in (top, following)
    ]
    by = f" ({following.name})" if len(numbers) > 2 else ""
    return f"{texts[0]} against {texts[1]}{by}"


def _surface_alone(surface: Surface | None) -> list[str]:
    if surface is None or not np.isfinite(surface.loss).any():
        return []
    low, high = surface.range
    centre = centre_in_view(surface)
    where = "In the plane shown" if is_plane(surface) else "Along the line shown"
    there = f"; the trained model has {number(centre)}" if not math.isnan(centre) else ""
    sentences = [f"{where} the loss lies between {number(low)} and {number(high)}{there}."]
    profile = surface.radial_profile
    if profile is not None and profile.repeats > 1:
        half = float(profile.half_width(profile.rises)[-1])
        rise = give_or_take(float(profile.rises.mean(0)[-1]), half, 3)
        sentences.append(f"In random planes it rises by {rise} within r = {number(float(profile.radii[-1]), 3)}.")
    return sentences


def _curvature_alone(model: ModelEntry) -> list[str]:
    if model.curvature is None:
        return []
    pairs, bottom = model.curvature.pairs, model.curvature.pairs.bottom
    at_least = "" if pairs.converged[0] else "about "
    sentences = [f"{LAMBDA_MAX} is {at_least}{give_or_take(float(pairs.values[0]), float(pairs.residuals[0]))}."]
    if model.curvature.operator == "hessian" and bottom is not None and bottom.values[0] + bottom.residuals[0] < 0:
        below = f"{LAMBDA_MIN} = {number(float(bottom.values[0]), 3)} lies below zero by more than its residual"
        sentences.append(f"{below}: the model is not at a minimum of this loss.")
    return sentences
