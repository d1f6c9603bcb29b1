"""Means over SAM's ascents: norms of gradients and of ε, the rise of the loss, the distance from SAM's ε."""

from __future__ import annotations

import torch
from torch import Tensor

from landscape.training.optim.perturbations import ASCENTS, NORM_FLOOR, global_norm, sam


def measure_ascent(
    variant: str, parameters: list[Tensor], gradients: list[Tensor], norm: Tensor, rho: float, eta: float,
    ascent: list[Tensor],
) -> dict[str, Tensor]:  # fmt: skip
    """Return what the averages hold of one ascent, but for the losses; scalars on their device."""
    if ASCENTS[variant] is sam:  # ‖ε‖ and the distance 0 are known without ε
        return {"gradient_norm": norm, "ascent_norm": rho * norm / (norm + NORM_FLOOR)}
    difference = sam(parameters, gradients, norm, rho, eta)
    torch._foreach_sub_(difference, ascent)
    return {
        "gradient_norm": norm,
        "ascent_norm": global_norm(ascent),
        "ascent_from_sam": global_norm(difference) / (rho or 1.0),
    }


class AscentAverages:
    """Running sums of what was measured at each ascent of a variant, in float64; adding to them does not wait."""

    def __init__(self, variant: str) -> None:
        names = ["gradient_norm", "ascent_norm", "loss_rise"]
        names += [] if ASCENTS[variant] is sam else ["ascent_from_sam"]
        self._totals = {name: torch.zeros((), dtype=torch.float64) for name in names}
        self._ascents = 0

    def add(self, measured: dict[str, Tensor]) -> None:
        """Add one ascent."""
        self._ascents += 1
        for name, value in measured.items():
            self._totals[name] = self._totals[name] + value.double()

    def means(self) -> dict[str, float]:
        """Return the mean of each; NaN if there was no ascent."""
        return {name: (total / self._ascents).item() for name, total in self._totals.items()}
