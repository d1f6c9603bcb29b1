"""Sharpness-aware minimisation (Foret et al. 2021; SAMRec, Eq. 3 and 4) around any torch optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NORM_FLOOR = 1e-12  # keeps ε finite where the gradient vanishes


class SAM(torch.optim.Optimizer):
    """Steps of a base optimiser with the gradient at θ + ρ·g/‖g‖, one global norm over all parameters.

    ``step`` evaluates the closure twice, on the same batch: at θ, and at the perturbed point. Then θ is restored
    from a copy, not by subtraction, and the base optimiser steps with the second gradient. A parameter without a
    gradient takes no part. If either pass gives a loss or a gradient that is not finite, nothing is changed and
    ``skipped`` grows by one.

    Args:
        base: Any torch optimiser; its parameter groups are shared, so that schedulers see and change them.
        rho: Radius ρ of the ball, in the units of the parameters.
        same_dropout: Whether the second pass draws the same random numbers as the first.

    Raises:
        ValueError: ``rho`` is negative or not finite.
    """

    def __init__(self, base: torch.optim.Optimizer, *, rho: float = 0.5, same_dropout: bool = False) -> None:
        if not 0 <= rho < float("inf"):
            raise ValueError(f"rho must be a finite number of at least 0, got {rho}")
        super().__init__(base.param_groups, {})
        self.base = base
        self.param_groups = base.param_groups
        self.rho = rho
        self.same_dropout = same_dropout
        self.skipped = 0

    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """One step; ``closure`` clears the gradients, computes the loss and its gradients, and returns the loss.

        Returns:
            The loss at θ.
        """
        random_state = torch.get_rng_state() if self.same_dropout else None
        loss = closure()
        norm = self._gradient_norm()
        if not self._finite(loss, norm):
            self.skipped += 1
            return loss
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        saved = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            scale = self.rho / (norm + NORM_FLOOR)
            ascent = [p.grad for p in parameters if p.grad is not None]
            torch._foreach_mul_(ascent, scale)  # in place: the second pass makes gradients of its own
            torch._foreach_add_(parameters, ascent)
        if random_state is not None:
            torch.set_rng_state(random_state)
        try:
            perturbed = closure()
        finally:  # an interruption must not leave the model at θ + ε
            with torch.no_grad():
                torch._foreach_copy_(parameters, saved)
        if not self._finite(perturbed, self._gradient_norm()):
            self.skipped += 1
            return loss
        self.base.step()
        return loss

    def _gradient_norm(self) -> Tensor:
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))

    @staticmethod
    def _finite(loss: Tensor, norm: Tensor) -> bool:
        return bool(torch.isfinite(loss.detach() + norm))

    def state_dict(self) -> dict[str, Any]:
        """The base optimiser's state and SAM's own: Adam's moments survive a restart."""
        return {
            "base": self.base.state_dict(),
            "rho": self.rho,
            "same_dropout": self.same_dropout,
            "skipped": self.skipped,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what ``state_dict`` gave."""
        self.base.load_state_dict(state_dict["base"])
        self.param_groups = self.base.param_groups
        self.rho = state_dict["rho"]
        self.same_dropout = state_dict["same_dropout"]
        self.skipped = state_dict["skipped"]
