"""Sharpness-aware minimisation around any torch optimiser: SAM, ASAM, FisherSAM and LookSAM."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.training.optim.perturbations import (
    ASCENTS,
    NORM_FLOOR,
    VARIANTS,
    global_norm,
    orthogonal_component,
    sam,
)


class SAM(torch.optim.Optimizer):
    """Steps of a base optimiser with the gradient g' at θ + ε, where ε is an ascent from θ along its gradient g.

    ``step`` evaluates the closure twice, on the same batch: at θ, and at θ + ε. Then θ is restored from a copy, not
    by subtraction, and the base optimiser steps with the second gradient. Norms are over all parameters at once.
    Parameters without a gradient are ignored.

    With ``every=k`` only the steps t = 0, k, 2k, … ascend. ``looksam`` stores their component of g' orthogonal to g,
    g_v = g' − (‖g'‖ cos∠(g, g')) g/‖g‖, and steps in between with g + α (‖g‖/‖g_v‖) g_v (Liu et al. 2022);
    the other variants step with g there. A zero g_v adds nothing, and neither does one of the size of rounding.

    If any pass gives a loss or a gradient that is not finite, nothing changes except t, which counts every step, and
    ``skipped``, which grows by one. This is checked once, after the last pass: the only time that the host waits for
    the device. The result of an ascent from a point that is not finite is therefore discarded.

    ``rho`` may be set before each step.

    Args:
        base: Any torch optimiser; its parameter groups are shared, so that schedulers see and change them.
        variant: The kind of ascent, one of ``VARIANTS``.
        rho: Radius ρ, in the units of the parameters (``asam``: relative to them).
        every: Steps from one ascent to the next, k.
        alpha: Weight α of g_v; used by ``looksam`` only.
        eta: Weight η of the squared gradient; used by ``fisher`` only.
        same_dropout: Whether the second pass draws the same random numbers as the first.

    Raises:
        ValueError: The variant is unknown, ``rho``, ``alpha`` or ``eta`` is negative or not finite, or ``every`` is
            below 1.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        *,
        variant: str = "sam",
        rho: float = 0.5,
        every: int = 1,
        alpha: float = 0.7,
        eta: float = 1.0,
        same_dropout: bool = False,
    ) -> None:
        for name, value in (("rho", rho), ("alpha", alpha), ("eta", eta)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}; 1 ascends at each step")
        super().__init__(base.param_groups, {})
        self.base = base
        self.param_groups = base.param_groups
        self.variant = one_of(variant, VARIANTS, "the variant of SAM")
        self.rho = rho
        self.every = every
        self.alpha = alpha
        self.eta = eta
        self.same_dropout = same_dropout
        self.steps = 0  # t
        self.skipped = 0
        self._orthogonal: dict[Tensor, Tensor] = {}  # g_v of each parameter
        self._copies: dict[Tensor, Tensor] = {}  # memory for a copy of θ, reused in every step
        self._forget_averages()

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """Take one step; ``closure`` clears the gradients, computes the loss and its gradients, and returns the loss.

        Returns:
            The loss at θ.
        """
        loss, finite = self._ascend(closure) if self.steps % self.every == 0 else self._step_without_ascent(closure)
        if finite:
            self.base.step()
        else:
            self.skipped += 1
        self.steps += 1
        return loss

    def take_averages(self) -> dict[str, float]:
        """Return means over the ascents since the last call, without the skipped ones; NaN if there were none.

        Returns:
            ``gradient_norm`` ‖g‖, ``ascent_norm`` ‖ε‖, ``loss_rise`` L(θ + ε) − L(θ) and, where ε is not SAM's,
            ``ascent_from_sam``: the distance ‖ε − ρ g/‖g‖‖ in units of ρ (0 if ρ = 0).
        """
        averages = {name: (total / self._ascents).item() for name, total in self._totals.items()}
        self._forget_averages()
        return averages

    def state_dict(self) -> dict[str, Any]:
        """Return the base optimiser's state and SAM's own, without the averages not yet taken.

        It includes Adam's moments, t, and g_v as a list in the order of the parameters, with None where there is none.
        """
        return {
            "base": self.base.state_dict(),
            "variant": self.variant,
            "rho": self.rho,
            "every": self.every,
            "alpha": self.alpha,
            "eta": self.eta,
            "same_dropout": self.same_dropout,
            "steps": self.steps,
            "skipped": self.skipped,
            "across": [self._orthogonal.get(p) for p in self._parameters()],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned, options included; the averages start anew."""
        self.base.load_state_dict(state_dict["base"])
        self.param_groups = self.base.param_groups
        self.variant = state_dict["variant"]
        self.rho = state_dict["rho"]
        self.every = state_dict["every"]
        self.alpha = state_dict["alpha"]
        self.eta = state_dict["eta"]
        self.same_dropout = state_dict["same_dropout"]
        self.steps = state_dict["steps"]
        self.skipped = state_dict["skipped"]
        stored = zip(self._parameters(), state_dict["across"], strict=True)
        self._orthogonal = {p: tensor.to(p.device) for p, tensor in stored if tensor is not None}
        self._forget_averages()

    def _ascend(self, closure: Callable[[], Tensor]) -> tuple[Tensor, bool]:
        """Leave the gradients at θ + ε in the parameters; return the loss at θ, and whether all was finite."""
        draw_again = self._random_numbers() if self.same_dropout else None
        loss = _evaluate(closure)
        first = self._gradients()
        parameters, gradients = list(first), list(first.values())
        norm = global_norm(gradients)
        saved = self._copied(parameters)
        self.zero_grad()  # the second pass makes new gradients, however the closure clears them
        try:
            ascent = ASCENTS[self.variant](parameters, gradients, norm, self.rho, self.eta)
            measured = self._measured(parameters, gradients, norm, ascent)
            torch._foreach_add_(parameters, ascent)
            del ascent
            if draw_again is not None:
                draw_again()
            perturbed = _evaluate(closure)
        finally:  # an interruption must not leave the model at θ + ε
            torch._foreach_copy_(parameters, saved)
        second = self._gradients()
        finite = _finite(loss + norm + perturbed + global_norm(second.values()))
        if finite:
            self._add_to_averages(measured | {"loss_rise": perturbed.double() - loss.double()})
            if self.variant == "looksam":
                self._orthogonal = orthogonal_component(first, second)
        return loss, finite

    def _step_without_ascent(self, closure: Callable[[], Tensor]) -> tuple[Tensor, bool]:
        """Leave the gradients at θ in the parameters, with g_v added; return the loss, and whether all was finite."""
        loss = _evaluate(closure)
        gradients = self._gradients()
        norm = global_norm(gradients.values())
        finite = _finite(loss + norm)
        turned = [p for p in gradients if p in self._orthogonal]
        if turned:
            stored = [self._orthogonal[p] for p in turned]
            scale = self.alpha * norm / (global_norm(stored) + NORM_FLOOR)
            torch._foreach_add_([gradients[p] for p in turned], torch._foreach_mul(stored, scale))
        return loss, finite

    def _gradients(self) -> dict[Tensor, Tensor]:
        return {p: p.grad for p in self._parameters() if p.grad is not None}

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def _copied(self, parameters: list[Tensor]) -> list[Tensor]:
        self._copies |= {p: torch.empty_like(p) for p in parameters if p not in self._copies}
        copies = [self._copies[p] for p in parameters]
        torch._foreach_copy_(copies, parameters)
        return copies

    def _random_numbers(self) -> Callable[[], None]:
        """Return a function that sets torch's random state back to the present one."""
        device = self._parameters()[0].device
        state = torch.get_rng_state()
        state_cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

        def draw_again() -> None:
            torch.set_rng_state(state)
            if state_cuda is not None:
                torch.cuda.set_rng_state(state_cuda, device)

        return draw_again

    def _measured(
        self, parameters: list[Tensor], gradients: list[Tensor], norm: Tensor, ascent: list[Tensor]
    ) -> dict[str, Tensor]:
        if ASCENTS[self.variant] is sam:  # ‖ε‖ and the distance 0 are known without ε
            return {"gradient_norm": norm, "ascent_norm": self.rho * norm / (norm + NORM_FLOOR)}
        difference = sam(parameters, gradients, norm, self.rho, self.eta)
        torch._foreach_sub_(difference, ascent)
        return {
            "gradient_norm": norm,
            "ascent_norm": global_norm(ascent),
            "ascent_from_sam": global_norm(difference) / (self.rho or 1.0),
        }

    def _add_to_averages(self, measured: dict[str, Tensor]) -> None:
        self._ascents += 1
        for name, value in measured.items():
            self._totals[name] = self._totals[name] + value.double()

    def _forget_averages(self) -> None:
        names = ["gradient_norm", "ascent_norm", "loss_rise"]
        names += [] if ASCENTS[self.variant] is sam else ["ascent_from_sam"]
        self._totals = {name: torch.zeros((), dtype=torch.float64) for name in names}
        self._ascents = 0


def _evaluate(closure: Callable[[], Tensor]) -> Tensor:
    with torch.enable_grad():
        return closure()


def _finite(total: Tensor) -> bool:
    return bool(torch.isfinite(total))
