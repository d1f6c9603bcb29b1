"""A curvature in words."""

from __future__ import annotations

import math

import numpy as np

from landscape.figures.captions.checks import check_warnings
from landscape.figures.captions.facts import Fact, counted, quadratic_fact
from landscape.figures.captions.measures import negative_fact, trace_fact
from landscape.figures.style import LAMBDA_MAX, LAMBDA_MIN, eigenvalue_name, number, percent
from landscape.results import Curvature, EigenPairs
from landscape.results.display.display_names import display_name
from landscape.results.display.printable import printable

STATIONARY = 1e-3  # the share of the loss that a gradient step may still gain at a point called nearly stationary


def curvature_facts(curvature: Curvature) -> list[Fact]:
    """Return both ends of the spectrum, trace, negative share, gradient, and the scale to read eigenvalues against."""
    pairs, bottom = curvature.pairs, curvature.pairs.bottom
    facts = [Fact(f"{LAMBDA_MAX}, largest eigenvalue", _with_residual(pairs), _state(pairs))]
    if bottom is not None:
        facts.append(Fact(f"{LAMBDA_MIN}, smallest eigenvalue", _with_residual(bottom), _state(bottom)))
    if curvature.trace is not None:
        facts.append(trace_fact(curvature.trace))
    if curvature.spectrum is not None:
        facts.append(negative_fact(curvature.spectrum))
    facts += [
        Fact("Gradient norm ‖∇L‖", number(curvature.gradient_norm), "zero only at a stationary point"),
        Fact(
            f"{LAMBDA_MAX} · ‖θ‖²",
            number(float(pairs.values[0]) * curvature.params_norm**2),
            f"‖θ‖ = {number(curvature.params_norm)}",
        ),
        Fact("Loss", number(curvature.loss), _loss_error(curvature.loss_stderr)),
        Fact(
            f"{display_name(curvature.operator)} products",
            number(pairs.products),
            "matrix-vector products for the eigenvalues",
        ),
    ]
    if curvature.quadratic is not None:
        facts.append(quadratic_fact(curvature.quadratic, plane="in the plane of the first two eigenvectors"))
    return facts


def curvature_warnings(curvature: Curvature) -> list[str]:
    """Return what the numbers do not mean: an indefinite Hessian, a gradient, values that did not converge."""
    bottom = curvature.pairs.bottom
    warnings = [*_not_finite(curvature), *_doubts(curvature), *check_warnings(curvature.checks)]
    if curvature.operator != "hessian":
        warnings.append(
            f"These are eigenvalues of the {display_name(curvature.operator)}, which has no negative ones: it is only "
            "the part of the Hessian that comes from the model's first derivatives."
        )
    elif bottom is not None and bottom.values[0] + bottom.residuals[0] < 0:
        warnings.append(
            f"The Hessian is indefinite: {LAMBDA_MIN} = {number(bottom.values[0], 3)} lies below zero by more than "
            "its residual. The loss curves downwards along that direction, so this point is not a minimum of the loss "
            "measured here."
        )
    gain = expected_gain(curvature)
    if curvature.operator == "hessian" and not gain <= STATIONARY * abs(curvature.loss):
        warnings.append(
            f"This is not a stationary point: its gradient has norm {number(curvature.gradient_norm, 3)}, and to "
            f"second order one gradient step would lower the loss by {_amount(gain, curvature.loss)}. "
            "The eigenvalues are not those of a minimum."
        )
    unfinished = _not_converged(curvature)
    if unfinished:
        warnings.append(
            f"Not converged: {', '.join(unfinished)}. Each bar holds an eigenvalue, but is wider than requested."
        )
    return warnings


def _not_finite(curvature: Curvature) -> list[str]:
    """Say how many rises of the loss are infinite or not a number."""
    values = curvature.sharpness.values if curvature.sharpness is not None else np.zeros(0)
    bad = int((~np.isfinite(values)).sum())
    if not bad:
        return []
    are = "is" if bad == 1 else "are"
    return [f"{bad} of {counted(values.size, 'sharpness value')} {are} not finite: at that distance the loss is not."]


def _doubts(curvature: Curvature) -> list[str]:
    """Return what is wrong with the products themselves."""
    doubts = []
    if not curvature.pairs.symmetric:
        doubts.append(
            "The products are not those of a symmetric matrix: uᵀHv and vᵀHu differ by "
            f"{number(curvature.asymmetry, 2)} of their size. A derivative of the loss is wrong, and so are these "
            "eigenvalues."
        )
    if "products" in curvature.metadata:
        doubts.append(f"Products are {printable(curvature.metadata['products'])}.")
    return doubts


def _not_converged(curvature: Curvature) -> list[str]:
    pairs, bottom, blocks = curvature.pairs, curvature.pairs.bottom, curvature.blocks
    names = [eigenvalue_name(rank + 1) for rank, done in enumerate(pairs.converged) if not done]
    if bottom is not None and not bottom.converged[0]:
        names.append(LAMBDA_MIN)
    if blocks is not None:
        names += [name for name, done in zip(blocks.names, blocks.converged, strict=True) if not done]
    return names


def expected_gain(curvature: Curvature) -> float:
    """Return by how much one gradient step of length 1/λmax lowers the loss at least, to second order: ‖∇L‖²/(2 λmax).

    Infinite if the loss is not convex along any direction seen, NaN if the numbers are not finite.
    """
    top = float(curvature.pairs.values[0])
    if not curvature.gradient_norm:
        return 0.0
    if math.isnan(top):
        return math.nan
    return curvature.gradient_norm**2 / (2 * top) if top > 0 else math.inf


def _amount(gain: float, loss: float) -> str:
    if not math.isfinite(gain):
        return "an amount without bound"
    share = f", {percent(gain / abs(loss))} of it" if loss else ""
    return f"about {number(gain, 2)}{share}"


def _with_residual(pairs: EigenPairs) -> str:
    return f"{number(float(pairs.values[0]))} ± {number(float(pairs.residuals[0]), 2)}"


def _state(pairs: EigenPairs) -> str:
    return "± its residual; converged" if pairs.converged[0] else "± its residual; not converged"


def _loss_error(error: float) -> str:
    if error > 0:
        return f"± {number(error, 2)} standard error"
    return "over all users" if error == 0 else "its standard error is unknown"
