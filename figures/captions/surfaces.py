"""A surface in words."""

from __future__ import annotations

import math

import numpy as np

from landscape.figures.captions.checks import check_warnings
from landscape.figures.captions.facts import Fact, counted, plural, quadratic_fact
from landscape.figures.captions.planes import band_fact, barrier_fact
from landscape.figures.plotdata.scales import centre_in_view, not_finite
from landscape.figures.style import number, percent
from landscape.results import Surface


def surface_facts(surface: Surface) -> list[Fact]:
    """Loss at the centre, range, error and cost; barrier, band and the reach of the quadratic model where they are."""
    low, high = surface.range
    points = surface.loss.size
    centre = number(surface.centre) if not math.isnan(surface.centre) else "unknown"
    spread = f"{number(low, 3)} – {number(high, 3)}" if math.isfinite(low) else "none"
    further = []
    if surface.barrier is not None:
        further.append(barrier_fact(surface.barrier))
    if surface.radial_profile is not None:
        further.append(band_fact(surface.radial_profile))
    if surface.quadratic is not None:
        further.append(quadratic_fact(surface.quadratic, plane="in this plane"))
    return [
        Fact(
            "Loss at the centre", centre, "the trained model" if centre != "unknown" else "the centre was not evaluated"
        ),
        Fact("Range shown", spread, f"lowest to highest loss of {_points(points)}"),
        _error_fact(surface),
        Fact(
            "Evaluations",
            number(surface.evaluations),
            f"of the loss, for {_points(points)} drawn",
        ),
        *further,
    ]


def quantity_rows(surface: Surface) -> list[dict[str, str]]:
    """For a table, the loss and each metric: name, at the centre, lowest, highest, and how it is known."""
    rows = []
    for name in ("loss", *surface.metrics):
        shown = surface if name == "loss" else surface.of(name)
        low, high = shown.range
        centre = centre_in_view(shown)
        rows.append(
            {
                "name": name,
                "centre": number(centre) if not math.isnan(centre) else "unknown",
                "low": number(low) if math.isfinite(low) else "none",
                "high": number(high) if math.isfinite(high) else "none",
                "known": _known(shown),
            }
        )
    return rows


def _known(surface: Surface) -> str:
    if surface.error is None or math.isnan(surface.error.relative):
        return f"{_points(int(surface.evaluated.sum()))} evaluated"
    return f"interpolated, off by at most {percent(surface.error.relative)} of the range where measured"


def _error_fact(surface: Surface) -> Fact:
    error = surface.error
    if error is None:
        interpolated = not surface.evaluated.all() and np.isfinite(surface.loss[~surface.evaluated]).any()
        return (
            Fact("Error", "unknown", "nothing was measured")
            if interpolated
            else Fact("Error", "none", "nothing interpolated")
        )
    if math.isnan(error.relative):
        return Fact("Error", "unknown", "nothing was measured")
    return Fact(
        "Measured error",
        percent(error.relative),
        f"of the range, at {error.points} left-out {plural(error.points, 'point')}",
    )


def surface_error(surface: Surface) -> str:
    """How far the picture may be from the loss, and how that is known."""
    error = surface.error
    if error is None:
        reason = surface.metadata.get("reason")
        because = f" The reason: {reason}." if isinstance(reason, str) else ""
        return f"Every point drawn was evaluated; nothing was interpolated.{because}"
    if math.isnan(error.absolute):
        return "Points between the evaluated ones are interpolated. How far that is off was not measured."
    near = ""
    if math.isfinite(error.near_centre):
        near = f" In the inner half of the plane it was within {percent(error.near_centre)} of the loss there."
    held = f"{error.points} {plural(error.points, 'evaluation')}"
    return (
        f"The loss was evaluated at {number(surface.evaluations)} points and interpolated between them. "
        f"Held against {held} that the fit did not see, the interpolation was off by at most "
        f"{number(error.absolute, 2)}, which is {percent(error.relative)} of the range.{near} "
        "Between the points measured the error may be larger."
    )


def surface_warnings(surface: Surface) -> list[str]:
    """What a reader must know before trusting the picture."""
    warnings = check_warnings(surface.checks)
    finite = np.isfinite(surface.loss)
    bad, missing = int(not_finite(surface).sum()), int((~surface.evaluated & ~finite).sum())
    below = int((surface.loss[finite] <= 0).sum())
    low, high = surface.range
    if not finite.any():
        warnings.append("No point has a finite loss: there is nothing to draw.")
    elif bad:
        warnings.append(
            f"At {_points(bad)} the loss is not finite (infinite, or not a number): holes, marked with crosses."
        )
    if missing:
        warnings.append(
            f"{_points(missing)} of {number(surface.loss.size)} were not evaluated. They are left as holes."
        )
    if below:
        warnings.append(f"At {_points(below)} the loss is not above zero: the log scale leaves them out.")
    if finite.sum() > 1 and low == high:
        warnings.append(f"All points have the same loss, {number(low)}: along these directions it does not change.")
    return warnings


def _points(count: int) -> str:
    return counted(count, "point")
