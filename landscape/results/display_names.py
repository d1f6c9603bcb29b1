"""Readable names of the identifiers in results: what tables, figures and pages show in their place."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.results.printable import printable

DISPLAY_NAMES = {
    # matrices
    "hessian": "Hessian",
    "gauss-newton": "Gauss-Newton matrix",
    "fisher": "Fisher matrix",
    # methods for the trace
    "hutch++": "Hutch++",
    "hutchinson": "Hutchinson",
    "xtrace": "XTrace",
    # kinds of sharpness
    "one-step": "SAM step",
    "ascent": "ascent",
    "adaptive-one-step": "SAM step, scale-free",
    "adaptive-ascent": "ascent, scale-free",
    "average": "average over directions",
    # kinds of plane
    "random": "random directions",
    "eigen": "eigenvectors",
    "toward": "directions to other models",
    "trajectory": "a training run",
    # how random directions are scaled, and what becomes of biases and norms in them
    "filter": "by filter",
    "layer": "by layer",
    "none": "not scaled",
    "zero": "set to zero",
    "keep": "kept",
    # losses
    "aap": "associated attribute prediction",
    "mip": "masked item prediction",
    "map": "masked attribute prediction",
    "sp": "segment prediction",
    "own": "the loss of each method",
    # targets
    "train": "training",
    "valid": "validation",
    # what the shares of an eigenvector are compared with
    "coordinates": "random vector",
    # options of training that a study varies
    "rho": "ρ",
    "train_fraction": "share of the users trained on",
    # columns of a training history
    "valid_ndcg@20": "validation NDCG@20",
    "train_loss": "training loss",
}


def display_name(identifier: str) -> str:
    """Return the readable name of an identifier; any other text is returned as it is, control characters escaped.

    >>> display_name("hutch++"), display_name("adaptive-ascent"), display_name("my matrix")
    ('Hutch++', 'ascent, scale-free', 'my matrix')
    """
    return DISPLAY_NAMES.get(identifier) or printable(identifier)


def short_names(titles: Sequence[str]) -> list[str]:
    """Return titles without data and seed, where these are the same for all: ``SASRec on Beauty, seed 0`` as SASRec."""
    ends = {title[title.rfind(" on ") :] for title in titles if " on " in title}
    if len(titles) > 1 and len(ends) == 1 and all(" on " in title for title in titles):
        shortened = [title[: title.rfind(" on ")] for title in titles]
        if len(set(shortened)) == len(titles):
            return shortened
    return list(titles)
