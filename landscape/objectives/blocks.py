"""Blocks of a loss landscape: some of a model's parameters by name, while the others are fixed."""

from __future__ import annotations

import copy
import difflib
from fnmatch import fnmatchcase

import torch

from landscape.objectives.loss_terms import Batch
from landscape.objectives.objective import Objective
from landscape.parameters.parameter_space import ParamSpace
from landscape.processes import refuse_slices


def block(objective: Objective[Batch], patterns: str) -> Objective[Batch]:
    """Return the same loss as a function of the parameters that the patterns name; see ``subspace`` for these.

    Its curvature operators are diagonal blocks of those of the whole loss.

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> whole = Objective(model, lambda model, x: (model(x).square().sum(), len(x)), [torch.ones(3, 2)])
    >>> block(whole, "bias").space.names, block(whole, "bias").value() == whole.value()
    (('bias',), True)
    """
    return restricted(objective, subspace(objective.space, patterns))


def subspace(space: ParamSpace, patterns: str) -> ParamSpace:
    """Return the coordinates of the parameters that the patterns name, in the same order; inactive ones stay so.

    Args:
        space: The coordinates of all parameters.
        patterns: Shell patterns separated by commas, each of whole names, as in ``items.*, blocks.0.*``: a star
            stands for any characters, dots included.

    Raises:
        ValueError: A pattern matches no parameter.
    """
    refuse_slices(space.processes, "a block of parameters")
    for pattern in patterns.split(","):
        if not any(matches(name, pattern) for name in space.names):
            raise ValueError(f"no parameter matches {pattern.strip()!r}; {_nearest(pattern.strip(), space.names)}")
    taken = {
        name: torch.empty(shape, dtype=dtype, device="meta")
        for name, shape, dtype in zip(space.names, space.shapes, space.dtypes, strict=True)
        if matches(name, patterns)
    }
    # Inactive coordinates are whole rows, so the mask determines which rows were excluded.
    masks = space.views(space.mask.cpu()) if space.mask is not None else {}
    excluded = {
        name: torch.nonzero(~masks[name].reshape(len(masks[name]), -1).all(1)).flatten().tolist()
        for name in taken
        if name in masks and not masks[name].all()
    }
    return ParamSpace(taken, exclude_rows=excluded)


def matches(name: str, patterns: str) -> bool:
    """Return whether one of the patterns, separated by commas, matches a parameter's whole name."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def restricted(objective: Objective[Batch], space: ParamSpace) -> Objective[Batch]:
    """Return the same loss as a function of the parameters of ``space`` alone, the others fixed at θ₀.

    Model, loss, batches, weights and numbers of terms are shared with ``objective``.

    Raises:
        ValueError: The objective has no such parameter, or one of another shape.
    """
    refuse_slices(objective.processes, "a block of parameters")
    _ = objective.counts  # so that they are shared, and the loss is checked on all of its parameters
    part = copy.copy(objective)
    part.space, part.params = space, space.flatten(objective.space.views(objective.params))
    start = objective.space.tensors(objective.params)
    fixed = {f"model.{name}": tensor for name, tensor in start.items() if name not in space.names}
    part.fixed = objective.fixed | fixed
    return part


def _nearest(pattern: str, names: tuple[str, ...]) -> str:
    """Return a hint for a pattern that matches nothing: similar parameters, modules, or pieces of names."""
    known: dict[str, str] = {}  # a name that a pattern may resemble -> the pattern that matches it
    for name in names:
        pieces = name.split(".")
        known |= {piece: f"*{piece}*" for piece in pieces}
        known |= {".".join(pieces[:count]): ".".join([*pieces[:count], "*"]) for count in range(1, len(pieces))}
        known[name] = name
    close = difflib.get_close_matches(pattern.strip("*."), known, n=3)
    if close:
        return f"did you mean {' or '.join(known[name] for name in close)}?"
    return f"there are {', '.join(names)}"
