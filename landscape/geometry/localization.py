"""Where eigenvectors lie: their shares in blocks of parameters, or in groups of rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from landscape.objectives.blocks import matches
from landscape.parameters.parameter_space import ParamSpace
from landscape.processes import refuse_slices
from landscape.results import EigenPairs, Floats, Localization

OTHERS = "others"


def localization_by_block(space: ParamSpace, pairs: EigenPairs, blocks: Mapping[str, str]) -> Localization:
    """Sum the squared components of each eigenvector at the top by block.

    Args:
        space: The space of the vectors' coordinates.
        pairs: With vectors.
        blocks: Patterns of parameter names by the name of the block, as ``block`` takes them; a parameter counts
            for the first that matches. Blocks without a parameter are left out; parameters without a block are
            ``others``.

    Raises:
        ValueError: There are no vectors, or they have another size.

    Example:
        >>> space = ParamSpace({"weight": torch.zeros(2), "bias": torch.zeros(1)})
        >>> vector = np.array([[0.6, 0.0, 0.8]])
        >>> pairs = EigenPairs(np.ones(1), np.zeros(1), np.ones(1, bool), 1, vector)
        >>> result = localization_by_block(space, pairs, {"weights": "weight"})
        >>> result.groups, result.values.round(2)
        (('weights', 'others'), array([[0.36, 0.64]]))
    """
    block_of = {
        parameter: next((name for name, patterns in blocks.items() if matches(parameter, patterns)), OTHERS)
        for parameter in space.names
    }
    groups = [name for name in (*blocks, OTHERS) if name in block_of.values()]
    numbers = torch.empty(space.size, dtype=torch.long)
    for parameter, view in space.views(numbers).items():
        view.fill_(groups.index(block_of[parameter]))
    return _localization("block", space, pairs, numbers, groups)


def localization_by_rows(
    space: ParamSpace, pairs: EigenPairs, parameter: str, rows: Mapping[str, Sequence[int] | Tensor], by: str
) -> Localization:
    """Sum the squared components of each eigenvector at the top over groups of rows of one parameter.

    The sums are shares of the whole vector: they add up to the parameter's share if every row is in a group.

    Args:
        space: The space of the vectors' coordinates.
        pairs: With vectors.
        parameter: Its name.
        rows: Indices along dimension 0 by the name of the group; a row is in one group at most.
        by: What the groups are.

    Raises:
        ValueError: There are no vectors, they have another size, or the space has no such parameter.
    """
    refuse_slices(space.processes, "shares of rows")
    if parameter not in space.names:
        raise ValueError(f"there is no parameter {parameter!r}; there are {', '.join(space.names)}")
    numbers = torch.full((space.size,), len(rows))
    view = space.views(numbers)[parameter]
    for number, indices in enumerate(rows.values()):
        view[torch.as_tensor(indices, dtype=torch.long)] = number
    return _localization(by, space, pairs, numbers, list(rows))


def _localization(by: str, space: ParamSpace, pairs: EigenPairs, numbers: Tensor, groups: list[str]) -> Localization:
    """``numbers`` (n,) is the group of each coordinate; one past the last means no group."""
    if pairs.vectors is None:
        raise ValueError("the eigenpairs have no vectors, so their shares are unknown; keep the vectors")
    if pairs.vectors.shape[1] != space.size:
        raise ValueError(f"the vectors have {pairs.vectors.shape[1]} coordinates, the space {space.size}")

    def by_group(values: Tensor) -> Floats:
        sums = torch.zeros(len(groups) + 1, dtype=torch.float64).index_add(0, numbers, values.double())
        result: Floats = space.processes.across(sums)[: len(groups)].numpy()
        return result

    squares = [torch.from_numpy(vector).double().square() for vector in pairs.vectors]
    sizes = [space.processes.across(square.sum()) for square in squares]
    active = space.project(torch.ones(space.size)).cpu()
    return Localization(
        by=by,
        groups=tuple(groups),
        values=np.stack([by_group(square / size) for square, size in zip(squares, sizes, strict=True)]),
        errors=angle_bounds(pairs),
        baselines={"coordinates": by_group(active) / space.active},
    )


def angle_bounds(pairs: EigenPairs) -> Floats:
    """Bound the sine of the angle between each vector (k,) and the true eigenvector: residual / gap, at most 1.

    The gap is to the nearest other eigenvalue known, less that one's residual (Davis and Kahan 1970; Parlett 1998,
    theorem 11.7.1). The eigenvalue after the last one is not known: the last bound, and so that of a single vector,
    is NaN unless its gap to the one before is too small already.
    """
    values, residuals = pairs.values, pairs.residuals
    bounds = np.full(len(values), np.nan)
    for i, value in enumerate(values):
        gap = float(np.min(np.abs(np.delete(values, i) - value) - np.delete(residuals, i), initial=np.inf))
        bound = min(1.0, residuals[i] / gap) if gap > 0 else 1.0
        if i + 1 < len(values) or bound == 1.0:
            bounds[i] = bound
    return bounds
