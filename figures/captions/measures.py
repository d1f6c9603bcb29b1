"""Density, shares and sharpness, in words."""

from __future__ import annotations

import math

import numpy as np

from landscape.figures.captions.facts import Fact, counted
from landscape.figures.plotdata.densities import density
from landscape.figures.style import GREEK_RHO, eigenvalue_name, give_or_take, number, percent
from landscape.results import Localization, Sharpness, Spectrum, TraceEstimate

UNDETERMINED = 0.5  # the error of a share from which on an eigenvector says little
STILL_RISING = 0.01  # the share of the rise that the last step of an ascent may add


def trace_fact(trace: TraceEstimate) -> Fact:
    """The sum of all eigenvalues."""
    error = "one probe, error unknown" if math.isnan(trace.stderr) else "± one standard error"
    known = "exact but for rounding" if trace.stderr == 0 else error
    return Fact("Trace", give_or_take(trace.mean, trace.stderr), f"{known}; {trace.method}, {trace.products} products")


def negative_fact(spectrum: Spectrum) -> Fact:
    """The share of eigenvalues below zero, and between which numbers it may lie."""
    share, error = spectrum.share_below()
    low, high = spectrum.share_bounds()
    off = "" if math.isnan(error) or error == 0 else f" ± {percent(error)}"
    return Fact(
        "Below zero",
        f"{percent(share)}{off}",
        f"of {number(spectrum.size)} eigenvalues; for these probes between {percent(low)} and {percent(high)}",
    )


def density_caption(spectrum: Spectrum) -> str:
    """How the curve was made."""
    spread = "no error is known, as there was one" if spectrum.probes == 1 else "the shade is their standard error"
    return (
        f"From {counted(spectrum.probes, 'random probe')} of {counted(spectrum.steps, 'step')}; {spread}. Smoothed by "
        f"a Gaussian of standard deviation {number(density(spectrum).width, 2)}. The bars below are the nodes of each "
        "probe; between them the curve knows nothing."
    )


def shares_caption(shares: Localization) -> str:
    """How to read the table, and which vectors say little."""
    unsure = [eigenvalue_name(rank) for rank, error in enumerate(shares.errors.tolist(), 1) if not error < UNDETERMINED]
    baseline = (
        " Beside them is what a random vector would have: more than that is concentration."
        if "coordinates" in shares.baselines
        else ""
    )
    warning = (
        f" Of {', '.join(unsure)} little can be said: the next eigenvalue is too near, or the residual too large."
        if unsure
        else ""
    )
    return (
        "Each column is an eigenvector: the share of its squared length by group. Below its name is by how much, "
        f"in per cent, a share may be off.{baseline}{warning}"
    )


def sharpness_caption(sharpness: Sharpness) -> str:
    """How to read the curves, and which ascents had not come to an end."""
    rising = [
        kind
        for place, kind in enumerate(sharpness.kinds)
        if np.any(sharpness.last_gain[:, place] > STILL_RISING * np.abs(sharpness.values[:, place]))
        and np.any(sharpness.steps[:, place] > 1)
    ]
    ended = f" The last step of {', '.join(rising)} still gained: the true maximum is higher." if rising else ""
    return (
        f"Worst cases were found by ascent and are lower bounds of the maximum within {GREEK_RHO}; averages are over "
        f"random directions.{ended} Dashed: {GREEK_RHO} in units of the weights' own size, not to be compared with the "
        "others."
    )


def sharpness_table(sharpness: Sharpness) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The distances, and for each kind the rise at each of them."""
    distances = [f"{GREEK_RHO} = {number(rho)}" for rho in sharpness.rhos.tolist()]
    rows = [
        (
            kind,
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
