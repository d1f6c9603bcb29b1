"""Heading and caption of each figure of a curvature, by its name in ``plotdata.registry``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landscape.figures.captions.measures import density_caption, localization_caption, sharpness_caption
from landscape.figures.style import LAMBDA_MAX
from landscape.results import BlockEigenvalues, Curvature, EigenPairs, Localization, Sharpness, Spectrum

BARS = "Bars: the residual, within which an eigenvalue lies. Open marks: not converged."


@dataclass(frozen=True)
class Card:
    """The text around a figure."""

    heading: str
    caption: str


def spectrum_card(curvature: Curvature) -> Card:
    """Describe the eigenvalues."""
    return Card("Eigenvalues", BARS)


def blocks_card(blocks: BlockEigenvalues, whole: EigenPairs) -> Card:
    """Describe the eigenvalues of blocks."""
    return Card(
        f"{LAMBDA_MAX} by block",
        "Each block alone, with the other parameters fixed; no block exceeds the whole. Bars: the residual. Open "
        "marks: not converged.",
    )


def density_card(spectrum: Spectrum) -> Card:
    """Describe the spectral density."""
    return Card("Density of all eigenvalues", density_caption(spectrum))


def sharpness_card(sharpness: Sharpness) -> Card:
    """Describe the rises of the loss."""
    return Card("Sharpness", sharpness_caption(sharpness))


def localization_card(localization: Localization) -> Card:
    """Describe a table of shares."""
    return Card(f"Shares of the eigenvectors by {localization.by}", localization_caption(localization))


CARDS: dict[str, Callable[..., Card]] = {  # of one model; they take the arguments of the figure
    "spectrum": spectrum_card,
    "blocks": blocks_card,
    "density": density_card,
    "sharpness": sharpness_card,
    "localization": localization_card,
}
JOINT_CARDS = {  # of several models in one figure
    "spectrum": Card("Eigenvalues", f"The largest by rank, and the smallest. {BARS}"),
    "density": Card(
        "Density of all eigenvalues",
        "Smoothed, from random probes; the shade and ± are the 95 % interval over probes. Below the dotted line there "
        "is less than one eigenvalue.",
    ),
    "sharpnesses": Card(
        "Rise within a distance",
        "Solid: the worst case that an ascent reached, a lower bound of the largest. Dotted: the average over random "
        "directions. The table below has the other kinds.",
    ),
}
