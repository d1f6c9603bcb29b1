"""Directions in parameter space: random draws whose size follows the parameters, and how two directions relate."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from landscape.choices import NORMALIZE, VECTORS, one_of
from landscape.objectives.parameter_space import ParamSpace


def random_direction(
    space: ParamSpace, params: Tensor, *, normalize: str = "filter", vectors: str = "zero", seed: int
) -> Tensor:
    """A random Gaussian direction, scaled to the parameters as by Li et al. (NeurIPS 2018, section 4).

    With ``filter``, each row along dimension 0 of a parameter (a filter of a convolution, a neuron of a linear layer,
    an item of an embedding) has the norm of that row of ``params``: rescaling that leaves the network's function as
    it is then leaves its surface as it is. A row of zeros has a zero direction.

    Each tensor's draw depends on the seed and the parameter's name alone: models that share parameters share the
    draws for them, whatever other parameters they have. Entries that take no part are zero, and not in any norm.

    Args:
        space: Which parameters there are, and which entries take part.
        params: (n,) the parameters to scale to.
        normalize: ``filter``; ``layer`` for each tensor to have its parameter's norm; ``none`` for plain draws.
        vectors: What becomes of parameters of fewer than two dimensions (biases, norms): ``zero``, as Li et al. have
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
    draw = torch.cat([_draw(name, shape, seed) for name, shape in zip(space.names, space.shapes, strict=True)])
    direction = space.project(draw.to(params))
    scales = space.views(params)
    for name, view in space.views(direction).items():
        if view.ndim < 2 and vectors == "zero":
            view.zero_()
        elif normalize != "none":
            by_row = normalize == "filter" and view.ndim >= 2
            view.mul_(_norm(scales[name], by_row) / _norm(view, by_row).clamp_min(torch.finfo(view.dtype).tiny))
    return direction


def _draw(name: str, shape: torch.Size, seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)  # a seed has 63 bits
    return torch.randn(shape.numel(), generator=generator)  # on the CPU: the same for every device


def _norm(tensor: Tensor, by_row: bool) -> Tensor:
    """The norm of the whole tensor, or of each row, (rows, 1, …)."""
    along = tuple(range(1 if by_row else 0, tensor.ndim))
    norm: Tensor = torch.linalg.vector_norm(tensor, dim=along, keepdim=True)
    return norm


def cosine(x: Tensor, y: Tensor) -> float:
    """The cosine of the angle between two directions (n,); NaN if one is zero."""
    x, y = x.double(), y.double()
    return float(x @ y / (x.norm() * y.norm()))


def orthogonalise(direction: Tensor, *others: Tensor) -> Tensor:
    """The direction (n,) without its components along the others (n,), which need not be orthogonal themselves.

    Its norm shrinks by as much. A direction that is a combination of the others becomes zero, up to rounding.
    """
    if not others:
        return direction
    basis = torch.linalg.qr(torch.stack(others, 1).double()).Q  # (n, m)
    result = direction.double()
    for _ in range(2):  # twice is enough (Kahan and Parlett): the first leaves rounding errors of its own
        result = result - basis @ (basis.T @ result)
    return result.to(direction)
