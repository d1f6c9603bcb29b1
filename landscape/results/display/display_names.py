"""Readable names of the identifiers in results: what tables, figures and pages show in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from landscape.results.display.printable import printable

_PART = re.compile(r"(?= on |, )")  # where a part of a title begins: ``METHOD on DATA, seed N``
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
    """Return titles without the data, the seed or whatever else all of them share; of a method, all keep their own.

    Titles that would not differ any more, or are not made of the same parts, are returned as they are.

    >>> short_names(["SASRec on Beauty, seed 0", "SAMRec on Beauty, seed 0"])
    ['SASRec', 'SAMRec']
    >>> short_names(["SASRec on Beauty, seed 0", "SASRec on Beauty, seed 1"])
    ['SASRec, seed 0', 'SASRec, seed 1']
    """
    split = [_PART.split(title) for title in titles]
    if len({len(parts) for parts in split}) == 1:
        shared = [len(set(place)) == 1 for place in zip(*split, strict=True)]
        names = ["".join(part for place, part in enumerate(parts) if not place or not shared[place]) for parts in split]
        if len(titles) > 1 and len(set(names)) == len(names):
            return names
    return list(titles)
