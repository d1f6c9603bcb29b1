"""Blocks of a loss landscape: some of a model's parameters by name, while the others stay where they are."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch

from landscape.lanczos import top_eigenpairs
from landscape.objective import Objective
from landscape.operators import CurvatureOperator, HessianOperator
from landscape.params import ParamSpace
from landscape.results import BlockEigenvalues, EigenPairs
from landscape.terms import Batch


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


def block_eigenvalues(
    objective: Objective[Any],
    blocks: Mapping[str, str],
    operator: Callable[[Objective[Any]], CurvatureOperator] = HessianOperator,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> BlockEigenvalues:
    """The largest eigenvalue of each diagonal block of a curvature operator.

    Args:
        objective: The loss.
        blocks: Patterns of parameters' names by the name of the block; those that match none are left out.
        operator: Makes the operator of an objective.
        tolerance: Relative residual at which an eigenvalue counts as converged.
        max_products: The most products for a block; see ``top_eigenpairs``.
        seed: Of the starts.
        progress: Called with (blocks done, blocks in all).

    Raises:
        ValueError: No block has a parameter, or as ``top_eigenpairs`` raises it.
    """
    present = {
        name: patterns
        for name, patterns in blocks.items()
        if any(matches(parameter, patterns) for parameter in objective.space.names)
    }
    if not present:
        raise ValueError(f"no parameter is in any of the blocks {', '.join(blocks)}")
    found: list[tuple[int, EigenPairs]] = []
    for patterns in present.values():
        kept = ",".join(
            each for each in patterns.split(",") if any(matches(name, each) for name in objective.space.names)
        )
        part = block(objective, kept)
        generator = torch.Generator().manual_seed(seed)
        pairs = top_eigenpairs(
            operator(part), 1, tolerance=tolerance, max_products=max_products, generator=generator, bottom=0
        )
        found.append((part.space.active, pairs))
        if progress is not None:
            progress(len(found), len(present))
    return BlockEigenvalues(
        names=tuple(present),
        values=np.array([pairs.values[0] for _, pairs in found]),
        residuals=np.array([pairs.residuals[0] for _, pairs in found]),
        converged=np.array([pairs.converged[0] for _, pairs in found]),
        sizes=np.array([size for size, _ in found]),
        products=np.array([pairs.products for _, pairs in found]),
    )


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
