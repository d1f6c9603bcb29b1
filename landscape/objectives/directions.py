"""Directions in parameter space: random draws scaled to the parameters, angles, orthogonal components."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from landscape.choices import NORMALIZE, VECTORS, one_of
from landscape.objectives.objective import Objective
from landscape.parameters.parameter_space import ParamSpace
from landscape.processes import ALONE, Processes
from landscape.results import Floats


def random_direction(
    space: ParamSpace, params: Tensor, *, normalize: str = "filter", vectors: str = "zero", seed: int
) -> Tensor:
    """Draw a Gaussian direction, scaled to the parameters as by Li et al. (NeurIPS 2018, section 4).

    With ``filter``, each row along dimension 0 of a parameter (a filter of a convolution, a neuron of a linear layer,
    an item of an embedding) has the norm of that row of ``params``: rescaling that does not change the network's
    function then does not change its surface. A row of zeros has a zero direction.

    Each tensor's draw depends on the seed and the parameter's name alone: models that share parameters share the
    draws for them, whatever other parameters they have. Inactive entries are zero, and not in any norm.

    >>> params = torch.tensor([3.0, 4.0, 0.0, 2.0])
    >>> space = ParamSpace({"weight": params.view(2, 2)})
    >>> space.views(random_direction(space, params, seed=0))["weight"].norm(dim=1).round(decimals=3)
    tensor([5., 2.])

    Args:
        space: The parameters' names and shapes, and the active entries.
        params: (n,) the parameters to scale to.
        normalize: ``filter``; ``layer`` for each tensor to have its parameter's norm; ``none`` for plain draws.
        vectors: The direction of parameters of fewer than two dimensions (biases, norms): ``zero``, as Li et al. have
            it, or ``keep``, with the norm of the whole vector (Li et al.'s code would use the parameter itself).
        seed: Of the draws.

    Returns:
        (n,) with the dtype and device of ``params``.

    Raises:
        ValueError: An unknown ``normalize`` or ``vectors``, or ``params`` of another size.
    """
    normalize = one_of(normalize, NORMALIZE, "normalize")
    vectors = one_of(vectors, VECTORS, "vectors")
    params = space.project(params.detach())
    pieces = (space.own_rows(name, _draw(name, space.whole_shape(name), seed)) for name in space.names)
    draw = torch.cat([piece.reshape(-1) for piece in pieces])
    direction = space.project(draw.to(params))
    scales = space.views(params)
    for name, view in space.views(direction).items():
        if view.ndim < 2 and vectors == "zero":
            view.zero_()
        elif normalize != "none":
            by_row = normalize == "filter" and view.ndim >= 2
            own, drawn = (_norm(tensor, by_row, space.processes) for tensor in (scales[name], view))
            view.mul_(own / drawn.clamp_min(torch.finfo(view.dtype).tiny))
    return direction


def _draw(name: str, shape: torch.Size, seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)  # a seed has 63 bits
    return torch.randn(shape.numel(), generator=generator).view(shape)  # on the CPU: the same for every device


def _norm(tensor: Tensor, by_row: bool, processes: Processes) -> Tensor:
    """Return the norm of the whole tensor, or of each row, (rows, 1, …); rows are never cut between processes."""
    if processes.sliced and not by_row:
        return processes.across(tensor.double().square().sum()).sqrt().to(tensor.dtype)
    dims = tuple(range(1 if by_row else 0, tensor.ndim))
    norms: Tensor = torch.linalg.vector_norm(tensor, dim=dims, keepdim=True)
    return norms


def flat_filters(space: ParamSpace, params: Tensor, directions: Tensor) -> tuple[int, int]:
    """Return how many filters (rows of parameters of two or more dimensions) are zero and stay so, and of how many.

    A filter of zeros gets a zero direction by ``random_direction``: there is no norm to scale to.

    >>> params = torch.tensor([3.0, 4.0, 0.0, 0.0])
    >>> space = ParamSpace({"weight": params.view(2, 2)})
    >>> flat_filters(space, params, random_direction(space, params, seed=0)[None])
    (1, 2)

    Args:
        space: The parameters' names and shapes; rows without an active entry do not count.
        params: (n,).
        directions: (m, n).
    """
    moved = space.project(params).abs() + space.project(directions).abs().sum(0)
    active = space.project(torch.ones_like(params))
    flat = total = 0
    for name, view in space.views(moved).items():
        if view.ndim >= 2:
            rows = space.views(active)[name].flatten(1).any(1)
            total += int(rows.sum())
            flat += int((rows & ~view.flatten(1).any(1)).sum())
    counts = space.processes.across(torch.tensor([flat, total], device=params.device))
    return int(counts[0]), int(counts[1])


def checked_direction(
    objective: Objective[Any], direction: Tensor | Floats, name: str, *, nonzero: bool = True
) -> Tensor:
    """Return a direction (n,) in the objective's dtype and device, with zeros at the inactive coordinates.

    Args:
        objective: Its parameters give shape, dtype and device.
        direction: A tensor or an array (n,).
        name: What the error messages call it, such as ``the direction``.
        nonzero: Whether a direction that is zero, or not finite, at the active coordinates is refused.

    Raises:
        ValueError: The direction has another size, or is zero or not finite where that is refused.
    """
    vector = torch.as_tensor(direction).detach().to(objective.params)
    if vector.shape != objective.params.shape:
        raise ValueError(f"{name} has shape {tuple(vector.shape)}; this objective needs ({objective.space.size},)")
    vector = objective.space.project(vector)
    moving, finite = bool(vector.any()), bool(vector.isfinite().all())
    processes = objective.space.processes
    if nonzero and (not processes.anywhere(moving) or processes.anywhere(not finite)):
        raise ValueError(f"{name} is zero, or not finite, at the active coordinates; pass a finite, nonzero direction")
    return vector


def cosine(x: Tensor, y: Tensor, processes: Processes = ALONE) -> float:
    """Return the cosine of the angle between two directions (n,); NaN if one is zero.

    >>> round(cosine(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])), 4)
    0.7071

    Args:
        x: The one direction.
        y: The other.
        processes: Those that have slices of them, of a ``ShardedObjective``.
    """
    x, y = x.double(), y.double()
    if processes.sliced:
        xx, xy, yy = processes.across(torch.stack([x @ x, x @ y, y @ y])).tolist()
        return xy / math.sqrt(xx * yy) if xx * yy else math.nan
    return float(x @ y / (x.norm() * y.norm()))


def orthogonalise(direction: Tensor, *others: Tensor, processes: Processes = ALONE) -> Tensor:
    """Return the direction (n,) without its components along the others (n,), which need not be orthogonal.

    It is not scaled afterwards. A direction that is a combination of the others becomes zero, up to rounding.

    >>> orthogonalise(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 0.0]))
    tensor([0., 2.])

    Args:
        direction: The direction.
        others: The others.
        processes: Those that have slices of all of them, of a ``ShardedObjective``.
    """
    if not others:
        return direction
    basis = _orthonormal(torch.stack(others, 1).double(), processes)  # (n, m)
    result = direction.double()
    for _ in range(2):  # twice is enough (Kahan and Parlett): the first pass leaves rounding errors
        result = result - basis @ processes.across(basis.T @ result)
    return result.to(direction)


def _orthonormal(columns: Tensor, processes: Processes) -> Tensor:
    """Return an orthonormal basis (n, m) of the space of the columns (n, m), or its slice."""
    if not processes.sliced:
        orthonormal: Tensor = torch.linalg.qr(columns).Q
        return orthonormal
    basis = columns[:, :0]
    for column in columns.T:  # Gram-Schmidt, twice: a factorisation would need whole columns
        rest = column
        for _ in range(2):
            rest = rest - basis @ processes.across(basis.T @ rest)
        length = processes.across(rest @ rest).sqrt()
        basis = torch.cat([basis, (rest / length.clamp_min(torch.finfo(rest.dtype).tiny))[:, None]], 1)
    return basis
