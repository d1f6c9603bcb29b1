"""Where eigenvectors lie: how their mass divides among blocks of parameters, or among the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.blocks import matches
from landscape.objectives.parameter_space import ParamSpace
from landscape.results import EigenPairs, Floats, Localization

OTHERS = "others"


def localization_by_block(space: ParamSpace, pairs: EigenPairs, blocks: Mapping[str, str]) -> Localization:
    """The squared components of each eigenvector at the top, summed by block.

    Args:
        space: Whose coordinates the vectors have.
        pairs: With vectors.
        blocks: Patterns of parameters' names by the name of the block, as ``block`` takes them; a parameter counts
            for the first that matches. Blocks without a parameter are left out; parameters without a block are
            ``others``.

    Raises:
        ValueError: There are no vectors, or they are of another size.
    """
    homes = {
        parameter: next((name for name, patterns in blocks.items() if matches(parameter, patterns)), OTHERS)
        for parameter in space.names
    }
    groups = [name for name in (*blocks, OTHERS) if name in homes.values()]
    numbers = torch.empty(space.size, dtype=torch.long)
    for parameter, view in space.views(numbers).items():
        view.fill_(groups.index(homes[parameter]))
    return _shares("block", space, pairs, numbers, groups)


def localization_by_rows(
    space: ParamSpace, pairs: EigenPairs, parameter: str, rows: Mapping[str, Sequence[int] | Tensor], by: str
) -> Localization:
    """The squared components of each eigenvector at the top, summed over groups of rows of one parameter.

    The sums are of the whole vector's mass: they add up to the parameter's share where each row is in a group.

    Args:
        space: Whose coordinates the vectors have.
        pairs: With vectors.
        parameter: Its name.
        rows: Indices along dimension 0 by the name of the group; a row is in one group at most.
        by: What the groups are.

    Raises:
        ValueError: There are no vectors, they are of another size, or the space has no such parameter.
    """
    if parameter not in space.names:
        raise ValueError(f"there is no parameter {parameter!r}; there are {', '.join(space.names)}")
    numbers = torch.full((space.size,), len(rows))
    view = space.views(numbers)[parameter]
    for number, indices in enumerate(rows.values()):
        view[torch.as_tensor(indices, dtype=torch.long)] = number
    return _shares(by, space, pairs, numbers, list(rows))


def _shares(by: str, space: ParamSpace, pairs: EigenPairs, numbers: Tensor, groups: list[str]) -> Localization:
    """``numbers`` (n,) is the group of each coordinate; one past the last is no group."""
    if pairs.vectors is None:
        raise ValueError("the eigenpairs have no vectors, whose shares are asked for; keep them")
    if pairs.vectors.shape[1] != space.size:
        raise ValueError(f"the vectors have {pairs.vectors.shape[1]} coordinates, the space {space.size}")

    def summed(values: Tensor) -> Floats:
        sums = torch.zeros(len(groups) + 1, dtype=torch.float64).index_add(0, numbers, values.double())
        found: Floats = sums[: len(groups)].numpy()
        return found

    masses = [torch.from_numpy(vector).double().square() for vector in pairs.vectors]
    taking_part = space.project(torch.ones(space.size)).cpu()
    return Localization(
        by=by,
        groups=tuple(groups),
        values=np.stack([summed(mass / mass.sum()) for mass in masses]),
        errors=angle_bounds(pairs),
        baselines={"coordinates": summed(taking_part) / space.active},
    )


def angle_bounds(pairs: EigenPairs) -> Floats:
    """(k,) the sine of the angle between each vector and the true eigenvector, at most: residual / gap, at most 1.

    The gap is to the nearest other eigenvalue found, less that one's residual (Davis and Kahan 1970; Parlett 1998,
    theorem 11.7.1). What follows the last one is not known: its bound, and so that of a single vector, is NaN unless
    its gap to the one before is too small already.
    """
    values, residuals = pairs.values, pairs.residuals
    bounds = np.full(len(values), np.nan)
    for i, value in enumerate(values):
        gap = float(np.min(np.abs(np.delete(values, i) - value) - np.delete(residuals, i), initial=np.inf))
        bound = min(1.0, residuals[i] / gap) if gap > 0 else 1.0
        if i + 1 < len(values) or bound == 1.0:
            bounds[i] = bound
    return bounds
