"""Blocks of a loss landscape: some of a model's parameters by name, while the others stay where they are."""

from __future__ import annotations

import copy
import difflib
from fnmatch import fnmatchcase

import torch

from landscape.objectives.loss_terms import Batch
from landscape.objectives.objective import Objective
from landscape.objectives.parameter_space import ParamSpace


def block(objective: Objective[Batch], patterns: str) -> Objective[Batch]:
    """The same loss as a function of the parameters that the patterns name; see ``subspace`` and ``restricted``.

    Its curvature operators are diagonal blocks of the whole ones.
    """
    return restricted(objective, subspace(objective.space, patterns))


def subspace(space: ParamSpace, patterns: str) -> ParamSpace:
    """The coordinates of the parameters that the patterns name, in the same order; what takes no part stays so.

    Args:
        space: Which parameters there are.
        patterns: Shell patterns separated by commas, each of whole names, as in ``items.*, blocks.0.*``: a star
            stands for any characters, dots included.

    Raises:
        ValueError: A pattern matches no parameter.
    """
    for pattern in patterns.split(","):
        if not any(matches(name, pattern) for name in space.names):
            raise ValueError(f"no parameter matches {pattern.strip()!r}; {_nearest(pattern.strip(), space.names)}")
    views = space.views(torch.empty(space.size, device="meta"))  # for the shapes
    taken = {name: views[name] for name in space.names if matches(name, patterns)}
    # What takes no part are whole rows, so the mask tells which were excluded.
    masks = space.views(space.mask.cpu()) if space.mask is not None else {}
    excluded = {
        name: torch.nonzero(~masks[name].reshape(len(masks[name]), -1).all(1)).flatten().tolist()
        for name in taken
        if name in masks and not masks[name].all()
    }
    return ParamSpace(taken, exclude_rows=excluded)


def matches(name: str, patterns: str) -> bool:
    """Whether one of the patterns, separated by commas, is the whole of a parameter's name."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def restricted(objective: Objective[Batch], space: ParamSpace) -> Objective[Batch]:
    """The same loss as a function of the parameters of ``space`` alone, the others fixed at θ₀.

    Model, loss, batches, weights and numbers of terms are shared with ``objective``.

    Raises:
        ValueError: The objective has no such parameter, or one of another shape.
    """
    start = objective.space.views(objective.params)
    part = copy.copy(objective)
    part.space, part.params = space, space.flatten(start)
    fixed = {f"model.{name}": tensor for name, tensor in start.items() if name not in space.names}
    part._rest = objective._rest | fixed
    return part


def _nearest(pattern: str, names: tuple[str, ...]) -> str:
    """What one may have meant by a pattern that matches none: parameters, modules of them, or pieces of names."""
    known: dict[str, str] = {}  # what a pattern may resemble -> how it is to be written
    for name in names:
        pieces = name.split(".")
        known |= {piece: f"*{piece}*" for piece in pieces}
        known |= {".".join(pieces[:count]): ".".join([*pieces[:count], "*"]) for count in range(1, len(pieces))}
        known[name] = name
    close = difflib.get_close_matches(pattern.strip("*."), known, n=3)
    if close:
        return f"did you mean {' or '.join(known[each] for each in close)}?"
    return f"there are {', '.join(names)}"
