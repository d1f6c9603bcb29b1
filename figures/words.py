"""Results in plain words: what a page says beside its figures. Sentences only, no markup."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from figures.scales import not_finite
from figures.style import LAMBDA_MAX, LAMBDA_MIN, eigenvalue_name, number
from landscape.results import Curvature, EigenPairs, Surface

STATIONARY = 1e-3  # the share of the loss that a gradient step may still gain at a point called nearly stationary


@dataclass(frozen=True)
class Fact:
    """One number that matters, with what one must know to read it."""

    label: str
    value: str
    note: str


def surface_facts(surface: Surface) -> list[Fact]:
    """Loss at the centre, range, error and cost."""
    low, high = surface.range
    points = surface.loss.size
    centre = number(surface.centre) if not math.isnan(surface.centre) else "unknown"
    spread = f"{number(low, 3)} – {number(high, 3)}" if math.isfinite(low) else "none"
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
    ]


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
        f"of the range, at {error.points} left-out {_plural(error.points, 'point')}",
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
    held = f"{error.points} {_plural(error.points, 'evaluation')}"
    return (
        f"The loss was evaluated at {number(surface.evaluations)} points and interpolated between them. "
        f"Held against {held} that the fit did not see, the interpolation was off by at most "
        f"{number(error.absolute, 2)}, which is {percent(error.relative)} of the range.{near} "
        "Between the points measured the error may be larger."
    )


def surface_warnings(surface: Surface) -> list[str]:
    """What a reader must know before trusting the picture."""
    warnings = []
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


def curvature_facts(curvature: Curvature) -> list[Fact]:
    """Both ends of the spectrum, the gradient and the scale that eigenvalues are read against."""
    pairs, bottom = curvature.pairs, curvature.pairs.bottom
    top = pairs.values[0]
    facts = [Fact(f"{LAMBDA_MAX}, largest eigenvalue", _with_residual(pairs), _state(pairs))]
    if bottom is not None:
        facts.append(Fact(f"{LAMBDA_MIN}, smallest eigenvalue", _with_residual(bottom), _state(bottom)))
    error = curvature.loss_stderr
    facts += [
        Fact("Gradient norm ‖∇L‖", number(curvature.gradient_norm), "zero only at a stationary point"),
        Fact(
            f"{LAMBDA_MAX} · ‖θ‖²",
            number(float(top) * curvature.params_norm**2),
            f"‖θ‖ = {number(curvature.params_norm)}",
        ),
        Fact(
            "Loss", number(curvature.loss), f"± {number(error, 2)} standard error" if error > 0 else _exactness(error)
        ),
        Fact("Hessian products", number(pairs.products), "matrix-vector products, all told"),
    ]
    return facts


def curvature_warnings(curvature: Curvature) -> list[str]:
    """What the numbers do not mean, in plain words: an indefinite Hessian, a gradient, values not converged."""
    pairs, bottom = curvature.pairs, curvature.pairs.bottom
    warnings = []
    if bottom is not None and bottom.values[0] + bottom.residuals[0] < 0:
        warnings.append(
            f"The Hessian is indefinite: {LAMBDA_MIN} = {number(bottom.values[0], 3)} lies below zero by more than "
            "its residual. The loss curves downwards along that direction, so this point is not a minimum of the loss "
            "measured here."
        )
    gain = expected_gain(curvature)
    if not gain <= STATIONARY * abs(curvature.loss):
        warnings.append(
            f"This is not a stationary point: its gradient has norm {number(curvature.gradient_norm, 3)}, and to "
            f"second order one gradient step would lower the loss by {_share(gain, curvature.loss)}. "
            "The eigenvalues are not those of a minimum."
        )
    unfinished = [eigenvalue_name(rank + 1) for rank, done in enumerate(pairs.converged) if not done]
    if bottom is not None and not bottom.converged[0]:
        unfinished.append(LAMBDA_MIN)
    if unfinished:
        warnings.append(
            f"Not converged: {', '.join(unfinished)}. Each bar holds an eigenvalue, but is wider than was asked for."
        )
    return warnings


def expected_gain(curvature: Curvature) -> float:
    """How much one gradient step of length 1/λmax lowers the loss at least, to second order: ‖∇L‖²/(2 λmax).

    Infinite where the loss is not convex along any direction seen, NaN where the numbers are not finite.
    """
    top = float(curvature.pairs.values[0])
    if not curvature.gradient_norm:
        return 0.0
    if math.isnan(top):
        return math.nan
    return curvature.gradient_norm**2 / (2 * top) if top > 0 else math.inf


def _share(gain: float, loss: float) -> str:
    if not math.isfinite(gain):
        return "an amount without bound"
    share = f", {percent(gain / abs(loss))} of it" if loss else ""
    return f"about {number(gain, 2)}{share}"


def percent(fraction: float) -> str:
    """A fraction as per cents with two significant digits, or as a power of ten where it is tiny."""
    return f"{number(100 * fraction, 2)} %"


def _with_residual(pairs: EigenPairs) -> str:
    return f"{number(float(pairs.values[0]))} ± {number(float(pairs.residuals[0]), 2)}"


def _state(pairs: EigenPairs) -> str:
    return "± its residual; converged" if pairs.converged[0] else "± its residual; not converged"


def _exactness(error: float) -> str:
    return "over all users" if error == 0 else "its standard error is unknown"


def _points(count: int) -> str:
    return f"{number(count)} {_plural(count, 'point')}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
