"""Trace, spectral density, shares of eigenvectors and sharpness in words."""

from __future__ import annotations

import math

import numpy as np

from landscape.figures.captions.facts import Fact, counted
from landscape.figures.plotdata.geometry.densities import density
from landscape.figures.style import GREEK_RHO, eigenvalue_name, give_or_take, number, percent
from landscape.results import Localization, Sharpness, Spectrum, TraceEstimate
from landscape.results.display.display_names import display_name

UNDETERMINED = 0.5  # the error of a share from which on an eigenvector is called undetermined
STILL_RISING = 0.01  # the share of the rise that the last step of an ascent may add


def trace_fact(trace: TraceEstimate) -> Fact:
    """Describe the sum of all eigenvalues."""
    error = "one probe, error unknown" if math.isnan(trace.stderr) else "± one standard error"
    known = "exact except for rounding" if trace.stderr == 0 else error
    return Fact(
        "Trace",
        give_or_take(trace.mean, trace.stderr),
        f"{known}; {display_name(trace.method)}, {trace.products} products",
    )


def negative_fact(spectrum: Spectrum) -> Fact:
    """Describe the share of eigenvalues below zero, and its bounds."""
    _, error = spectrum.share_below()
    spread = "" if math.isnan(error) or error == 0 else f"; standard error over probes {percent(error)}"
    return Fact(
        "Below zero",
        share_below_zero(spectrum),
        f"of {number(spectrum.size)} eigenvalues; in brackets the bounds for these probes{spread}",
    )


def share_below_zero(spectrum: Spectrum) -> str:
    """Return the share of eigenvalues below zero and its bounds, which can be far wider than its spread over probes."""
    share, _ = spectrum.share_below()
    low, high = spectrum.share_bounds()
    return f"{percent(share)} ({number(100 * low, 2)} to {percent(high)})"


def density_caption(spectrum: Spectrum) -> str:
    """Describe how the curve was made."""
    if spectrum.probes == 1:
        spread = "with one probe, the error is unknown"
    else:
        spread = "the shade and ± are the 95 % interval over probes, by Student's t"
    return (
        f"From {counted(spectrum.probes, 'random probe')} of {counted(spectrum.steps, 'step')}; {spread}. Smoothed by "
        f"a Gaussian of standard deviation {number(density(spectrum).width, 2)}. The bars below are the nodes of each "
        "probe; between nodes the curve holds no information."
    )


def localization_caption(localization: Localization) -> str:
    """Describe how to read the table, and which vectors are undetermined."""
    unsure = [
        eigenvalue_name(rank) for rank, error in enumerate(localization.errors.tolist(), 1) if not error < UNDETERMINED
    ]
    baseline = (
        " Beside them are the shares of a random vector: a larger share means concentration."
        if "coordinates" in localization.baselines
        else ""
    )
    warning = (
        f" The shares of {', '.join(unsure)} are not determined: the next eigenvalue is too near, or the residual too "
        "large."
        if unsure
        else ""
    )
    return (
        "Each column is an eigenvector: the share of its squared length in each group. Below its name is the largest "
        f"possible error of a share, in per cent.{baseline}{warning}"
    )


def sharpness_caption(sharpness: Sharpness) -> str:
    """Describe how to read the curves, and which ascents had not ended."""
    rising = [
        display_name(kind)
        for place, kind in enumerate(sharpness.kinds)
        if np.any(sharpness.last_gain[:, place] > STILL_RISING * np.abs(sharpness.values[:, place]))
        and np.any(sharpness.steps[:, place] > 1)
    ]
    unfinished = f" The last step still gained for: {', '.join(rising)}. The true maximum is higher." if rising else ""
    return (
        f"Worst cases are computed by ascent and are lower bounds of the maximum within {GREEK_RHO}; averages are over "
        f"random directions.{unfinished} Dashed (scale-free): {GREEK_RHO} is in units of the weights' own size, so "
        "these curves do not compare with the others."
    )


def sharpness_table(sharpness: Sharpness) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the distances, and for each kind its name and the rise at each distance."""
    distances = [f"{GREEK_RHO} = {number(rho)}" for rho in sharpness.rhos.tolist()]
    rows = [
        (
            display_name(kind),
            [
                give_or_take(value, error, 3)
                for value, error in zip(
                    sharpness.values[:, place].tolist(), sharpness.stderr[:, place].tolist(), strict=True
                )
            ],
        )
        for place, kind in enumerate(sharpness.kinds)
    ]
    return distances, rows
