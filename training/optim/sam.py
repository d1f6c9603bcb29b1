"""Sharpness-aware minimisation around any torch optimiser: SAM, ASAM, FisherSAM and LookSAM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.training.optim.averages import AscentAverages, measure_ascent
from landscape.training.optim.passes import remember_random_numbers
from landscape.training.optim.perturbations import ASCENTS, NORM_FLOOR, VARIANTS, global_norm, orthogonal_component


@dataclass(frozen=True)
class _Ascent:
    """An ascent whose second gradient is in the parameters, before its step."""

    norm: Tensor  # ‖g‖
    measured: dict[str, Tensor]
    orthogonal: dict[Tensor, Tensor]  # LookSAM's new g_v


class SAM(torch.optim.Optimizer):
    """Steps of a base optimiser with the gradient g' at θ + ε, where ε is an ascent from θ along its gradient g.

    With a closure, ``step`` evaluates it twice, on the same batch: at θ, and at θ + ε. Without one, the two passes are
    the caller's, which leaves room for what happens in between (clipping, gradient scalers, several micro-batches)::

        loss(model, batch).backward()  # at θ
        with optimiser.ascent():
            loss(model, batch).backward()  # at θ + ε
        optimiser.step()

    θ is restored from a copy, not by subtraction, before the base optimiser steps with the second gradient. Norms are
    over all parameters at once. Parameters without a gradient are ignored, and of one with a sparse gradient, such as
    ``nn.Embedding(sparse=True)`` has, the rows without one: ε is 0 there. ``looksam`` needs dense gradients.

    With ``every=k`` only the steps t = 0, k, 2k, … ascend. ``looksam`` stores their component of g' orthogonal to g,
    g_v = g' − (‖g'‖ cos∠(g, g')) g/‖g‖, and steps in between with g + α (‖g‖/‖g_v‖) g_v (Liu et al. 2022);
    the other variants step with g there. A zero g_v adds nothing, and neither does one of the size of rounding.

    If any pass gives a loss or a gradient that is not finite (a loss that ``step`` sees, which is that of a closure),
    nothing changes except t, which counts every step, and ``skipped``, which grows by one. This is checked once, after
    the last pass: the only time that the host waits for the device. The result of an ascent from a point that is not
    finite is therefore discarded.

    ``rho`` may be set before each step.

    Args:
        base: Any torch optimiser whose step needs no closure; its parameter groups and its state are shared, so that
            schedulers see and change them.
        variant: The kind of ascent, one of ``VARIANTS``.
        rho: Radius ρ, in the units of the parameters (``asam``: relative to them).
        every: Steps from one ascent to the next, k.
        alpha: Weight α of g_v; used by ``looksam`` only.
        eta: Weight η of the squared gradient; used by ``fisher`` only.
        same_dropout: Whether the second pass of a closure draws the same random numbers as the first.

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
        self._share()
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
        self._ascent: _Ascent | None = None
        self._averages = AscentAverages(self.variant)

    @property
    def ascends(self) -> bool:
        """Whether the next step ascends, and so needs two passes; with ``every=1``, always."""
        return self.steps % self.every == 0

    @contextmanager
    def ascent(self) -> Iterator[None]:
        """Move the parameters to θ + ε along the gradients that they have, and back to θ at the end.

        At the start the gradients are cleared. The second pass belongs inside, and ``step`` behind. The parameters are
        back at θ from the end on, also after an exception.

        Raises:
            RuntimeError: The next step does not ascend, no parameter has a gradient, or ``same_dropout`` is set: what
                the first pass has drawn is known for a closure only.
        """
        if not self.ascends:
            raise RuntimeError(f"step {self.steps} does not ascend with every={self.every}; ask `ascends` before")
        if self.same_dropout:
            raise RuntimeError("same_dropout needs a closure: call step(closure) instead of ascent()")
        with self._perturbed():
            yield

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Take one step.

        Args:
            closure: Clears the gradients, computes the loss and its gradients, and returns the loss. None takes the
                gradients that the parameters have, those of ``ascent`` where the step ascends.

        Returns:
            The loss at θ; None without a closure.

        Raises:
            RuntimeError: The step ascends, and there are neither a closure nor gradients from ``ascent``; or no
                parameter has a gradient.
        """
        if closure is None:
            losses = None
        else:
            losses = self._evaluate_twice(closure) if self.ascends else (_evaluate(closure),)
        if self._finish_ascent(losses) if self.ascends else self._finish_plain(losses):
            self.base.step()
        else:
            self.skipped += 1
        self.steps += 1
        return losses[0] if losses else None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the base optimiser, with its defaults."""
        if "base" in vars(self):
            self.base.add_param_group(param_group)
        else:  # the class above adds the groups that exist
            super().add_param_group(param_group)

    def take_averages(self) -> dict[str, float]:
        """Return means over the ascents since the last call, without the skipped ones; NaN if there were none.

        Returns:
            ``gradient_norm`` ‖g‖, ``ascent_norm`` ‖ε‖, ``loss_rise`` L(θ + ε) − L(θ) (NaN for steps without a
            closure) and, where ε is not SAM's, ``ascent_from_sam``: the distance ‖ε − ρ g/‖g‖‖ in units of ρ (0 if
            ρ = 0).
        """
        averages = self._averages.means()
        self._averages = AscentAverages(self.variant)
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
        self._share()
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
        self._averages = AscentAverages(self.variant)

    def _share(self) -> None:
        self.param_groups, self.state = self.base.param_groups, self.base.state

    def _evaluate_twice(self, closure: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        """Leave the gradients at θ + ε in the parameters; return the losses at θ and at θ + ε."""
        draw_again = remember_random_numbers(self._parameters()[0].device) if self.same_dropout else None
        loss = _evaluate(closure)
        with self._perturbed():
            if draw_again is not None:
                draw_again()
            perturbed = _evaluate(closure)
        return loss, perturbed

    @contextmanager
    def _perturbed(self) -> Iterator[None]:
        """Move the parameters to θ + ε, and back; what the step needs of both gradients is kept."""
        self._ascent = None
        first = self._gradients()
        with torch.no_grad():
            parameters = [_rows(p, g) for p, g in first.items()]  # where ε is not 0
            gradients = _entries(first.values())
            norm = global_norm(gradients)
            saved = self._copied(list(first), parameters)
        self.zero_grad()  # the second pass makes new gradients, however the closure clears them
        try:
            with torch.no_grad():
                known = (parameters, gradients, norm, self.rho, self.eta)
                ascent = ASCENTS[self.variant](*known)
                measured = measure_ascent(self.variant, *known, ascent)
                torch._foreach_add_(parameters, ascent)
                _put_rows(first, parameters)
                del ascent
            yield
        finally:  # an interruption must not leave the model at θ + ε
            with torch.no_grad():
                torch._foreach_copy_(parameters, saved)
                _put_rows(first, parameters)
        with torch.no_grad():
            orthogonal = orthogonal_component(first, self._gradients()) if self.variant == "looksam" else {}
        self._ascent = _Ascent(norm, measured, orthogonal)

    def _finish_ascent(self, losses: tuple[Tensor, ...] | None) -> bool:
        """Whether all was finite; if so, count the ascent."""
        ascent, self._ascent = self._ascent, None
        if ascent is None:
            raise RuntimeError(
                "this step needs a second pass: give step a closure, or compute gradients in `with optimiser.ascent():`"
                " and call step after it"
            )
        norm = global_norm(_entries(self._gradients().values()))
        finite = _finite(sum(losses or (), ascent.norm + norm))
        if finite:
            rise = losses[1].double() - losses[0].double() if losses else torch.tensor(math.nan)
            self._averages.add(ascent.measured | {"loss_rise": rise})
            self._orthogonal = ascent.orthogonal
        return finite

    def _finish_plain(self, losses: tuple[Tensor, ...] | None) -> bool:
        """Add g_v to the gradients at θ; whether all was finite."""
        gradients = self._gradients()
        norm = global_norm(_entries(gradients.values()))
        finite = _finite(sum(losses or (), norm))
        turned = [p for p in gradients if p in self._orthogonal]
        if turned:
            stored = [self._orthogonal[p] for p in turned]
            scale = self.alpha * norm / (global_norm(stored) + NORM_FLOOR)
            torch._foreach_add_([gradients[p] for p in turned], torch._foreach_mul(stored, scale))
        return finite

    def _gradients(self) -> dict[Tensor, Tensor]:
        for p in self._parameters():
            if p.grad is not None and p.grad.is_sparse:
                p.grad = p.grad.coalesce()  # each row once
        gradients = {p: p.grad for p in self._parameters() if p.grad is not None}
        if not gradients:
            raise RuntimeError("no parameter of the optimiser has a gradient; call backward() on the loss before")
        for gradient in gradients.values():
            by_rows = gradient.is_sparse and gradient.sparse_dim() == 1 and self.variant != "looksam"
            if gradient.layout is not torch.strided and not by_rows:
                raise RuntimeError(
                    f"{self.variant} needs dense gradients{'' if self.variant == 'looksam' else ' or whole rows'}, and "
                    "a parameter has a sparse one; use sparse=False"
                )
        return gradients

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def _copied(self, parameters: list[Tensor], rows: list[Tensor]) -> list[Tensor]:
        for p, own in zip(parameters, rows, strict=True):
            known = self._copies.get(p)
            # The model may have been moved, and sparse gradients differ in their number of rows.
            if known is None or known.dtype != p.dtype or known.device != p.device or known.shape != own.shape:
                self._copies[p] = torch.empty_like(own)
        copies = [self._copies[p] for p in parameters]
        torch._foreach_copy_(copies, rows)
        return copies


def _entries(gradients: Iterable[Tensor]) -> list[Tensor]:
    """The gradients themselves; of sparse ones, which are coalesced, the rows that are there."""
    return [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]


def _rows(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The parameter itself; with a sparse gradient, a copy of the rows that are there."""
    return parameter.index_select(0, gradient.indices()[0]) if gradient.is_sparse else parameter


def _put_rows(gradients: dict[Tensor, Tensor], rows: list[Tensor]) -> None:
    """Write the rows of ``_rows`` back."""
    for (parameter, gradient), own in zip(gradients.items(), rows, strict=True):
        if gradient.is_sparse:
            parameter.index_copy_(0, gradient.indices()[0], own)


def _evaluate(closure: Callable[[], Tensor]) -> Tensor:
    with torch.enable_grad():
        return closure()


def _finite(total: Tensor) -> bool:
    return bool(torch.isfinite(total))
