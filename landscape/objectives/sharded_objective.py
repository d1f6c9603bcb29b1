"""The loss of a model that ``fully_shard`` shares out among processes, as a function of slices of one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from landscape.objectives.autograd import Graphs
from landscape.objectives.batch_evaluation import unfused_attention
from landscape.objectives.batches import to_device
from landscape.objectives.function_check import check_function
from landscape.objectives.loss_terms import Batch, LossFn, weighted_sum
from landscape.objectives.objective import Objective
from landscape.parameters.lending import LentModel
from landscape.parameters.parameter_space import padding_rows
from landscape.parameters.replacements import replacements
from landscape.parameters.sharded_space import ShardedSpace
from landscape.parameters.wrappers import unwrapped
from landscape.processes import SlicedProcesses


class ShardedObjective(Objective[Batch]):
    """An ``Objective`` of a model that torch's ``fully_shard`` (FSDP2) has sharded.

    Every vector is a slice: θ₀, a gradient, a direction, an eigenvector and each vector of a Krylov basis have the
    coordinates whose parameters this process holds, and inner products are summed over the processes. No process ever
    has a whole vector; ``space.whole`` puts one together. Losses, eigenvalues and surfaces are numbers of the whole
    model, and the same in all processes.

    The model's own shards are written to for the time of a call, so that FSDP's hooks gather them, and are given back
    as they were, with buffers and gradients, also after an error. Nothing else may use the model meanwhile.

    All processes have to call the same methods in the same order, and make as many passes: one with fewer batches
    repeats one that counts nothing. A loss that fails in one process alone leaves the others waiting until that
    process ends.

    FSDP cannot be differentiated twice: ``HessianOperator`` multiplies by differences of gradients, with the error
    that it says. They want a smooth loss: where a ReLU switches within a step, eigenvalues are those of the jump, and
    a warning says that products are not symmetric. They gain from float64.

    Surfaces along any directions, ``random_direction``, ``top_eigenpairs``, ``spectral_density`` and ``curvature``
    take slices; what needs whole vectors refuses them.

    Args:
        model: A module on whose root ``fully_shard`` was called, over a mesh of one dimension.
        loss: As for ``Objective``; it calls the whole model.
        batches: This process's share, as many as there are; the shares make the loss together.
        space: A ``ShardedSpace`` of the model; by default that of all parameters that require a gradient.
        weights: As for ``Objective``.
        training_mode_seed: As for ``Objective``.
        process_group: The processes of the model's mesh, which are also the default.

    Raises:
        ValueError: As of ``Objective``; the model is sharded in another way, or over other processes.
    """

    takes_slices = True

    def __init__(
        self,
        model: nn.Module,
        loss: LossFn[Batch],
        batches: Iterable[Batch],
        *,
        process_group: ProcessGroup | None = None,
        space: ShardedSpace | None = None,
        weights: Mapping[str, float] | None = None,
        training_mode_seed: int | None = None,
    ) -> None:
        model = unwrapped(model)
        chosen = ShardedSpace(model) if space is None else space
        if not isinstance(chosen, ShardedSpace):
            raise ValueError(
                "space must be a landscape.ShardedSpace of the sharded model; make it by ShardedSpace(model)"
            )
        process_group = process_group if process_group is not None else chosen.processes.group
        mesh, given = (dist.get_process_group_ranks(group) for group in (chosen.processes.group, process_group))
        if mesh != given:
            raise ValueError(f"the model is sharded over the processes {mesh}, and process_group has {given}")
        super().__init__(
            model,
            loss,
            batches,
            space=chosen,
            weights=weights,
            training_mode_seed=training_mode_seed,
            vmap=False,
            process_group=process_group,
        )
        self.processes = SlicedProcesses(process_group)
        self._rounds, self._filling = self._share_rounds()
        self._lent = LentModel(model, chosen, {})
        # Copies: training that goes on would change the loss.
        self.fixed = {name: tensor.clone() for name, tensor in self._lent.live().items() if name not in chosen.names}
        self._lent.fixed = self.fixed
        if space is None:
            self._keep_moving_padding()

    def value_and_gradient(self, params: Tensor | None = None) -> tuple[float, Tensor]:
        """Return the loss, and this process's slice of its gradient, from the same passes."""
        self.require_gradient()
        total = torch.zeros_like(self.total_counts)  # (P,)
        gradient = torch.zeros_like(self.params)
        with self.mode():
            for index in range(self.rounds):
                sums, piece = self._round(self.checked(params), index, self.scales)
                gradient += piece
                if index < len(self.batches):
                    total += torch.stack([term.detach() for term in sums])
        return float(self.combine(self.processes.summed(total))), self.space.project(gradient)

    def hessian_products(self, vector: Tensor, graphs: Graphs) -> Tensor:
        """Refuse: FSDP gathers parameters for one backward pass.

        Raises:
            RuntimeError: Always; ``HessianOperator`` then takes differences of gradients.
        """
        raise RuntimeError("a model of fully_shard has no double backward; multiply by landscape.HessianOperator")

    @property
    def rounds(self) -> int:
        """The number of passes over single batches that each process makes: FSDP needs the same of all."""
        return self._rounds

    def batch(self, index: int) -> Batch:
        """Return what the loss gets in a round; of a process with fewer batches, one that counts nothing."""
        return self.batches[index] if index < len(self.batches) else self._filling

    def _share_rounds(self) -> tuple[int, Batch]:
        """Return the number of rounds, and the batch of those for which there is none here."""
        numbers = self.processes.gathered(len(self.batches))
        if not any(numbers):
            raise ValueError("an objective needs at least one batch; no process has one")
        if all(numbers):
            return max(numbers), self.batches[-1]
        firsts = self.processes.gathered(self.batches[0] if self.batches else None)
        other = next(batch for batch, number in zip(firsts, numbers, strict=True) if number)
        return max(numbers), self.batches[-1] if self.batches else to_device(other, self.device)

    def evaluate(self, function: nn.Module, theta: Tensor, index: int) -> Any:
        """Return what a ``ModelFunction`` of this model returns for a batch at θ, with this objective's masks."""
        self._lent.put(theta)
        if self.training_mode_seed is None:
            return function(self.batch(index))
        self._lent.fix()  # a training batch norm writes to it
        with (
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            unfused_attention(True),
        ):
            torch.manual_seed(self.training_mode_seed + index)
            return function(self.batch(index))

    def writable(self, theta: Tensor) -> dict[str, Tensor]:
        """Return the tensors that the loss could write to, by name."""
        live = self._lent.live()
        buffers = {} if self.training_mode_seed is None else dict(self.model.named_buffers())
        return {name: tensor for name, tensor in live.items() if name not in buffers}

    @contextmanager
    def mode(self) -> Iterator[None]:
        """Put the model into this objective's mode, and lend its tensors; all is as before afterwards."""
        with super().mode(), self.processes.talking(), self._lent.lent():
            self._lent.put(self.params)
            yield

    def _round(self, theta: Tensor, index: int, scales: list[float]) -> tuple[list[Tensor], Tensor]:
        """Return one batch's sums of terms, and the gradient of Σ_p scale_p · sum_p, summed over the processes."""
        with torch.enable_grad():
            sums, _ = self.terms(theta, index)
            loss = weighted_sum(sums, scales)
            if index >= len(self.batches):
                loss = loss * 0
            if loss.requires_grad:
                loss.backward()
        return sums, self._lent.take_gradient()

    def _require_same_point(self) -> None:
        """Slices differ."""

    def _examine(self) -> str:
        return check_function(self, self.processes, self._reaches_parameters)

    def _reaches_parameters(self) -> bool:
        with self.mode(), torch.enable_grad():
            for index in range(self.rounds):
                loss = torch.stack(self.terms(self.params, index)[0]).sum()
                if loss.requires_grad:
                    loss.backward()
                if any(self.processes.gathered(self._lent.has_gradient())):
                    return True
        return False

    def _keep_moving_padding(self) -> None:
        """Make rows of padding active that have a gradient on the first batches, as ``Objective`` does."""
        rows = padding_rows(self.model)
        if not rows:
            return
        whole = ShardedSpace(self.model, exclude_padding=False)
        self.space = self._lent.space = whole
        with self.mode():
            names = len(self.terms(self.params, 0)[0])
            _, gradient = self._round(self.params, 0, [1.0] * names)
        moving: dict[str, set[int]] = {name: set() for name in rows if name in whole.names}
        for name, found in moving.items():
            view = whole.views(gradient)[name].flatten(1)
            found |= {row for row in rows[name] if 0 <= row - whole.first_row(name) < len(view)
                      and view[row - whole.first_row(name)].any()}  # fmt: skip
        together = self.processes.gathered(moving)
        still = {name: [row for row in rows[name] if not any(row in one[name] for one in together)] for name in moving}
        self.space = self._lent.space = ShardedSpace(self.model, exclude_rows=still, exclude_padding=False)
        self._replacements = replacements(self.model, self.space)
