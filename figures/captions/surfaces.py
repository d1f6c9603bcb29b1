"""A surface in words."""

from __future__ import annotations

import math

import numpy as np

from landscape.figures.captions.checks import check_warnings
from landscape.figures.captions.facts import Fact, counted, plural, quadratic_fact
from landscape.figures.captions.planes import barrier_fact, radial_profile_fact
from landscape.figures.plotdata.extents import centre_in_view
from landscape.figures.style import number, percent
from landscape.results import Surface


def surface_facts(surface: Surface) -> list[Fact]:
    """Return loss at the centre, range, error and cost; and the barrier, radial profile and quadratic model, if any."""
    low, high = surface.range
    points = _points(surface.loss.size)
    spread = f"{number(low, 3)} – {number(high, 3)}" if math.isfinite(low) else "none"
    facts = [
        Fact("Loss at the centre", number(surface.centre), "the trained model")
        if not math.isnan(surface.centre)
        else Fact("Loss at the centre", "unknown", "the centre was not evaluated"),
        Fact("Range shown", spread, f"lowest to highest loss of {points}"),
        _error_fact(surface),
        Fact("Evaluations", number(surface.evaluations), f"of the loss, for {points} drawn"),
    ]
    if surface.barrier is not None:
        facts.append(barrier_fact(surface.barrier))
    if surface.radial_profile is not None:
        facts.append(radial_profile_fact(surface.radial_profile))
    if surface.quadratic is not None:
        facts.append(quadratic_fact(surface.quadratic, plane="in this plane"))
    return facts


def quantity_rows(surface: Surface) -> list[dict[str, str]]:
    """Return table rows of the loss and each metric: name, centre, lowest, highest, and how the values are known."""
    rows = []
    for name in ("loss", *surface.metrics):
        quantity = surface if name == "loss" else surface.of(name)
        low, high = quantity.range
        centre = centre_in_view(quantity)
        rows.append(
            {
                "name": name,
                "centre": number(centre) if not math.isnan(centre) else "unknown",
                "low": number(low) if math.isfinite(low) else "none",
                "high": number(high) if math.isfinite(high) else "none",
                "known": _known(quantity),
            }
        )
    return rows


def _known(surface: Surface) -> str:
    if surface.error is None or math.isnan(surface.error.relative):
        return f"{_points(int(surface.evaluated.sum()))} evaluated"
    return f"interpolated; largest error measured: {percent(surface.error.relative)} of the range"


def _error_fact(surface: Surface) -> Fact:
    error = surface.error
    if error is None:
        interpolated = not surface.evaluated.all() and np.isfinite(surface.loss[~surface.evaluated]).any()
        return Fact("Error", "unknown", "not measured") if interpolated else Fact("Error", "none", "no interpolation")
    if math.isnan(error.relative):
        return Fact("Error", "unknown", "not measured")
    return Fact(
        "Measured error",
        percent(error.relative),
        f"of the range, at {error.points} left-out {plural(error.points, 'point')}",
    )


def surface_error(surface: Surface) -> str:
    """Describe how far the picture may be from the loss, and how that is known."""
    error = surface.error
    if error is None:
        reason = surface.metadata.get("reason")
        because = f" The reason: {reason}." if isinstance(reason, str) else ""
        return f"Every point drawn was evaluated; nothing was interpolated.{because}"
    if math.isnan(error.absolute):
        return "Points between the evaluated points are interpolated. The error of that was not measured."
    near = ""
    if math.isfinite(error.near_centre):
        near = f" In the inner half of the plane it was within {percent(error.near_centre)} of the loss there."
    return (
        f"The loss was evaluated at {number(surface.evaluations)} points and interpolated between them: at "
        f"{counted(error.points, 'evaluation')} left out of the fit it was off by at most {number(error.absolute, 2)}, "
        f"which is {percent(error.relative)} of the range.{near} Elsewhere the error may be larger."
    )


def surface_warnings(surface: Surface) -> list[str]:
    """Return what a reader must know before trusting the picture, first where the loss is not finite."""
    warnings = [*_not_finite(surface), *check_warnings(surface.checks)]
    finite = np.isfinite(surface.loss)
    missing = int((~surface.evaluated & ~finite).sum())
    below = int((surface.loss[finite] <= 0).sum())
    low, high = surface.range
    if missing:
        warnings.append(
            f"{_points(missing)} of {number(surface.loss.size)} were not evaluated. They are left as holes."
        )
    if below:
        # A loss that is never negative may be so between evaluations, by the error of the fit.
        fitted = surface.error is not None and bool((surface.node_loss > 0).all()) and low >= -surface.error.absolute
        what = "the interpolated loss is not above zero, within its error" if fitted else "the loss is not above zero"
        warnings.append(f"At {_points(below)} {what}: the log scale leaves them out.")
    if finite.sum() > 1 and low == high:
        warnings.append(f"All points have the same loss, {number(low)}: along these directions it does not change.")
    return warnings


def _not_finite(surface: Surface) -> list[str]:
    """Say at how many points the loss, and each metric, is infinite or not a number."""
    sentences, bad = [], surface.not_finite
    between = int((~np.isfinite(surface.node_loss)).sum())
    if not np.isfinite(surface.loss).any():
        sentences.append("No point has a finite loss: there is nothing to draw.")
    elif bad:
        have, are, them = ("has", "is", "it") if bad == 1 else ("have", "are", "them")
        crosses = "" if surface.is_line else f" Crosses mark {them} on the map."
        grid = f"{number(bad)} of {counted(surface.loss.size, 'grid point')}"
        sentences.append(f"{grid} {have} no finite loss and {are} left blank.{crosses}")
    elif between:
        have = "has" if between == 1 else "have"
        of_all = f"{number(between)} of {counted(surface.evaluations, 'evaluated point')}"
        sentences.append(f"{of_all} {have} no finite loss; none of them is a grid point.")
    for metric in map(surface.of, surface.metrics):
        if metric.not_finite:
            sentences.append(f"{metric.quantity} is not finite at {metric.not_finite} of {_points(metric.loss.size)}.")
    return sentences


def _points(count: int) -> str:
    return counted(count, "point")
