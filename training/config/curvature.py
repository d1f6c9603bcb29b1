"""The quantities of a curvature analysis."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.training.config.fields import Config, numbers, option, size

TRACE_METHODS = ("hutch++", "xtrace", "hutchinson")
OPERATORS = ("hessian", "gauss-newton", "fisher")
EIGENVALUES = "Eigenvalues"
SPECTRUM = "Spectrum"
SHARPNESS = "Sharpness"
PLACES = "Where it is sharp, and checks"


@dataclass(frozen=True)
class CurvatureConfig(Config):
    """The quantities of a curvature analysis, and their accuracy.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    operator: str = option(
        EIGENVALUES,
        "hessian",
        "Matrix to analyse: hessian, gauss-newton (the Gauss-Newton matrix of the convex part of the loss) or fisher "
        "(the empirical Fisher matrix, by user; of a model of your own, by example).",
        choices=OPERATORS,
    )
    top: int = option(EIGENVALUES, 5, "Number of largest eigenvalues.", least=1)
    bottom: int = option(EIGENVALUES, 1, "Number of smallest eigenvalues.", least=0)
    tolerance: float = option(
        EIGENVALUES, 1e-3, "Relative residual at which an eigenvalue counts as converged.", above=0
    )
    max_products: int | None = option(
        EIGENVALUES,
        None,
        "Largest number of products with the matrix; more continue an earlier result.",
        least=2,
        default_help="90 + 10 for each eigenvalue",
    )
    memory: int | None = option(
        EIGENVALUES,
        None,
        "Memory for the Krylov basis, such as 500M; Lanczos restarts when the basis does not fit.",
        least=1,
        default_help="half of the free memory",
        parse=size,
        metavar="SIZE",
    )

    density: bool = option(SPECTRUM, False, "Estimate the density of all eigenvalues, and the share of negative ones.")
    probes: int = option(
        SPECTRUM, 10, "Number of random vectors for the density; more continue an earlier result.", least=1
    )
    steps: int = option(SPECTRUM, 40, "Number of products for each random vector.", least=1)
    trace: bool = option(SPECTRUM, False, "Estimate the trace, the sum of all eigenvalues.")
    trace_method: str = option(
        SPECTRUM,
        "hutch++",
        "Estimator of the trace: hutch++ (Hutch++), xtrace (XTrace) or hutchinson (Hutchinson).",
        choices=TRACE_METHODS,
    )
    trace_products: int = option(SPECTRUM, 60, "Number of products for the trace.", least=3)

    sharpness: bool = option(
        SHARPNESS,
        False,
        "Compute how far the loss rises within a distance: at SAM's step, at the highest point of an ascent, relative "
        "to the size of the weights (adaptive), and on average over random directions.",
    )
    rhos: tuple[float, ...] = option(
        SHARPNESS,
        (0.05, 0.1, 0.5),
        "Distances for the sharpness, separated by commas.",
        above=0,
        parse=numbers,
        metavar="RHO,...",
        default_help="0.05,0.1,0.5",
    )
    ascent_steps: int = option(SHARPNESS, 10, "Largest number of steps of an ascent.", least=1)
    draws: int = option(SHARPNESS, 10, "Number of random directions for the average.", least=1)

    by_block: bool = option(
        PLACES,
        False,
        "Compute the largest eigenvalue of each block: item table, positions, attention, feed-forward, norms; for a "
        "model of your own, its parts.",
    )
    checks: bool = option(
        PLACES,
        True,
        "Compare derivatives with differences of the loss, and compute the distance up to which the quadratic model is "
        "accurate.",
    )
