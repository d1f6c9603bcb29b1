"""A sharded model whose own tensors are lent for an evaluation: written to, used, and given back as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from landscape.parameters.sharded_space import ShardedSpace, fsdp_modules, own_shard, sharded_parameters

Grads = dict[str, Tensor | None]


class LentModel:
    """What ``fully_shard`` made of a model: it computes with its own shards, so that θ has to be written into them.

    Its hooks gather the parameters of a module before the module is used, and reduce gradients to shards afterwards.

    Args:
        model: The model.
        space: Its coordinates.
        fixed: What the model needs beside θ, by name: shards of other parameters, and buffers.
    """

    def __init__(self, model: nn.Module, space: ShardedSpace, fixed: Mapping[str, Tensor]) -> None:
        self.model = model
        self.space = space
        self.fixed = fixed
        self.device = next(iter(self.live().values())).device
        self._factors: dict[str, float] = {}

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Give the model back as it was: parameters, buffers, gradients, and FSDP's own state after an error.

        Raises:
            ValueError: A training that accumulates gradients is under way.
        """
        factors = reduction_factors(self.model)
        parameters = sharded_parameters(self.model)
        gradients: Grads = {name: parameter.grad for name, parameter in parameters.items()}
        before = {name: tensor.clone() for name, tensor in self.live().items()}
        try:
            for parameter in parameters.values():
                parameter.grad = None
            self._factors = factors
            self.fix()
            yield
        except BaseException:
            root: Any = self.model
            if hasattr(root, "reset_iter_state"):  # since torch 2.13
                root.reset_iter_state()
            raise
        finally:
            self._write(before)
            for name, parameter in sharded_parameters(self.model).items():
                parameter.grad = gradients[name]

    def live(self) -> dict[str, Tensor]:
        """Return the model's own tensors by name: this process's shards, and buffers; gathered parameters are freed."""
        parameters = sharded_parameters(self.model)
        return {
            **{name: own_shard(tensor) for name, tensor in parameters.items()},
            **{name: own_shard(tensor) for name, tensor in self.model.named_buffers()},
        }

    def put(self, theta: Tensor) -> None:
        """Write a point (n,) into the model."""
        self._write(self.space.tensors(theta.detach()))

    def fix(self) -> None:
        """Write what the model needs beside θ."""
        self._write(self.fixed)

    def take_gradient(self) -> Tensor:
        """Return the sum over the processes of their gradients by θ (n,), and forget it; zeros where there is none."""
        parameters = sharded_parameters(self.model)
        gradient = torch.zeros(self.space.size, dtype=self.space.dtype, device=self.device)
        views = self.space.views(gradient)
        for name, parameter in parameters.items():
            if parameter.grad is not None and name in views:
                views[name].add_(own_shard(parameter.grad), alpha=self._factors[name])
            parameter.grad = None
        return gradient

    def has_gradient(self) -> bool:
        """Return whether a backward pass has reached a parameter of θ."""
        parameters = sharded_parameters(self.model)
        return any(parameters[name].grad is not None for name in self.space.names)

    def _write(self, tensors: Mapping[str, Tensor]) -> None:
        live = self.live()
        with torch.no_grad():
            for name, tensor in tensors.items():
                live[name].copy_(tensor)


def reduction_factors(model: nn.Module) -> dict[str, float]:
    """Return by what FSDP divides the sum of the processes' gradients, by parameter: their number, or as it was set.

    Raises:
        ValueError: FSDP would not reduce gradients, or would add some that it has not reduced yet.
    """
    names = {id(parameter): name for name, parameter in sharded_parameters(model).items()}
    factors: dict[str, float] = {}
    for module in fsdp_modules(model):
        state = module._get_fsdp_state()
        for group in state._fsdp_param_groups:
            waiting = any(own.unsharded_accumulated_grad is not None for own in group.fsdp_params)
            if not group.reduce_grads or waiting or not state._state_ctx.is_last_backward:
                raise ValueError(
                    "the sharded model accumulates gradients without reducing them; call "
                    "set_requires_gradient_sync(True) and set_is_last_backward(True), and step or zero the gradients"
                )
            count = group.mesh_info.shard_mesh_size
            for own in group.fsdp_params:
                factors[names[id(own.sharded_param)]] = group.gradient_divide_factor or float(count)
    return factors
