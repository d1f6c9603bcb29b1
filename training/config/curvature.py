"""What is computed of a curvature."""

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
    """What is computed of a curvature.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    operator: str = option(
        EIGENVALUES,
        "hessian",
        "Of which matrix: hessian, gauss-newton (of the convex part of the loss) or fisher (empirical, by user).",
        choices=OPERATORS,
    )
    top: int = option(EIGENVALUES, 5, "How many of the largest eigenvalues.", least=1)
    bottom: int = option(EIGENVALUES, 1, "How many of the smallest.", least=0)
    tolerance: float = option(
        EIGENVALUES, 1e-3, "Relative residual at which an eigenvalue counts as converged.", above=0
    )
    max_products: int | None = option(
        EIGENVALUES,
        None,
        "The most products with the matrix; more continue what was found with fewer.",
        least=2,
        default_told="90 + 10 for each eigenvalue",
    )
    memory: int | None = option(
        EIGENVALUES,
        None,
        "That the Krylov basis may take, such as 500M; Lanczos restarts where it would not fit.",
        least=1,
        default_told="half of what is free",
        parse=size,
        metavar="SIZE",
    )

    density: bool = option(SPECTRUM, False, "The distribution of all eigenvalues, and the share of negative ones.")
    probes: int = option(SPECTRUM, 10, "Random vectors for the density; more continue.", least=1)
    steps: int = option(SPECTRUM, 40, "Products for each of them.", least=1)
    trace: bool = option(SPECTRUM, False, "The sum of all eigenvalues.")
    trace_method: str = option(
        SPECTRUM, "hutch++", "How it is estimated: hutch++, xtrace or hutchinson.", choices=TRACE_METHODS
    )
    trace_products: int = option(SPECTRUM, 60, "Products for the trace.", least=3)

    sharpness: bool = option(
        SHARPNESS, False, "How far the loss rises within a distance: SAM's step, ascent, scale-free, on average."
    )
    rhos: tuple[float, ...] = option(
        SHARPNESS,
        (0.05, 0.1, 0.5),
        "The distances.",
        above=0,
        parse=numbers,
        metavar="RHO,...",
        default_told="0.05,0.1,0.5",
    )
    ascent_steps: int = option(SHARPNESS, 10, "The most steps of an ascent.", least=1)
    draws: int = option(SHARPNESS, 10, "Random directions for the average.", least=1)

    by_block: bool = option(
        PLACES, False, "The largest eigenvalue of each block: item table, positions, attention, feed-forward, norms."
    )
    checks: bool = option(
        PLACES, True, "Hold derivatives against differences of the loss, and find how far the quadratic model reaches."
    )
