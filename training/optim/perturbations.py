"""Perturbations ε from θ to a nearby point of higher loss: those of SAM, ASAM and FisherSAM; and LookSAM's g_v."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

NORM_FLOOR = 1e-12  # keeps ε finite where the gradient vanishes
WEIGHT_FLOOR = 0.01  # ASAM's: weights near 0 move too
HALF = (torch.float16, torch.bfloat16)
ROUNDING = 16  # in machine epsilons of ‖g'‖: a smaller g_v is what rounding leaves of a zero

Ascent = Callable[[list[Tensor], list[Tensor], Tensor, float, float], list[Tensor]]


def global_norm(tensors: Iterable[Tensor]) -> Tensor:
    """Return one Euclidean norm over all entries of all tensors, a scalar on their device.

    It is in float32 where they are of half precision, whose range squares leave at once.
    """
    tensors = list(tensors)
    half = any(tensor.dtype in HALF for tensor in tensors)
    norms = torch._foreach_norm(tensors, 2, torch.float32) if half else torch._foreach_norm(tensors)
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def sam(parameters: list[Tensor], gradients: list[Tensor], norm: Tensor, rho: float, eta: float) -> list[Tensor]:
    """ε = ρ g/‖g‖ (Foret et al. 2021, Eq. 2; SAMRec, Eq. 3), ``norm`` being ‖g‖."""
    return list(torch._foreach_mul(gradients, rho / (norm + NORM_FLOOR)))


def asam(parameters: list[Tensor], gradients: list[Tensor], norm: Tensor, rho: float, eta: float) -> list[Tensor]:
    """ε = ρ T²g/‖Tg‖ with T = |w| + 0.01 (Kwon et al. 2021).

    T is 1 for parameters of one dimension: biases and the gains of norms. The authors' code goes by names, and so
    scales the gains as weights.
    """
    weights = [i for i, p in enumerate(parameters) if p.dim() > 1]
    if not weights:
        return sam(parameters, gradients, norm, rho, eta)
    scales = torch._foreach_abs([parameters[i] for i in weights])  # T
    torch._foreach_add_(scales, WEIGHT_FLOOR)
    scaled = torch._foreach_mul([gradients[i] for i in weights], scales)  # T g
    ascent = list(gradients)
    for i, tensor in zip(weights, scaled, strict=True):
        ascent[i] = tensor
    length = global_norm(ascent)
    torch._foreach_mul_(scaled, scales)  # T² g
    return list(torch._foreach_mul(ascent, rho / (length + NORM_FLOOR)))


def fisher(parameters: list[Tensor], gradients: list[Tensor], norm: Tensor, rho: float, eta: float) -> list[Tensor]:
    """ε = ρ F⁻¹g/√(gᵀF⁻¹g) with F⁻¹ = 1/(1 + η g²) (Kim et al. 2022).

    Where η g² is far below 1, as under the mean of a loss, this is SAM's ε.
    """
    roots = torch._foreach_mul(gradients, gradients)
    torch._foreach_mul_(roots, eta)
    torch._foreach_add_(roots, 1.0)
    torch._foreach_sqrt_(roots)  # F^½
    ascent = torch._foreach_div(gradients, roots)  # F^−½ g, of norm √(gᵀF⁻¹g)
    length = global_norm(ascent)
    torch._foreach_div_(ascent, roots)
    torch._foreach_mul_(ascent, rho / (length + NORM_FLOOR))
    return list(ascent)


# From parameters, gradients, the gradients' global norm, ρ and η to ε; nothing is changed in place.
ASCENTS: dict[str, Ascent] = {"sam": sam, "asam": asam, "fisher": fisher, "looksam": sam}
VARIANTS = tuple(ASCENTS)


def orthogonal_component(first: dict[Tensor, Tensor], second: dict[Tensor, Tensor]) -> dict[Tensor, Tensor]:
    """Return LookSAM's g_v: the second gradient minus its projection on the first.

    Over the parameters that have both. What is no larger than rounding is set to 0.
    """
    shared = [p for p in first if p in second]
    g, g2 = [first[p] for p in shared], [second[p] for p in shared]
    # The same operations for both products: where ρ is 0, their quotient is exactly 1, and g_v is 0.
    along = _dot(g, g2) / _dot(g, g).clamp_min(torch.finfo(g[0].dtype).tiny)
    rest = torch._foreach_sub(g2, torch._foreach_mul(g, along))
    rounding = ROUNDING * torch.finfo(g[0].dtype).eps * global_norm(g2)
    torch._foreach_mul_(rest, (global_norm(rest) > rounding).to(g[0].dtype))
    return dict(zip(shared, rest, strict=True))


def _dot(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return torch.stack([product.sum() for product in torch._foreach_mul(a, b)]).sum()
