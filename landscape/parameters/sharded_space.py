"""The parameters of a model that ``fully_shard`` shares out among processes, as slices of one flat vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from landscape.parameters.parameter_space import Model, ParamSpace, Rows, padding_rows
from landscape.parameters.wrappers import unwrapped
from landscape.processes import SlicedProcesses

REMEDY = "load its whole weights (get_model_state_dict, full_state_dict=True) into a model that is not sharded"


class ShardedSpace(ParamSpace):
    """The coordinates of a sharded model: each process's vector has the rows that this process holds.

    ``fully_shard`` cuts parameters along dimension 0, into as many pieces of ceil(rows / N) rows as there are; the
    last may be smaller, or empty. Rows are whole, and so are filters. ``flatten`` takes whole tensors as well, of which
    it keeps the own rows, and ``whole`` returns a whole vector, in the order of the model that is not sharded.

    Args:
        model: A module on whose root ``fully_shard`` was called, over a mesh of one dimension.
        include: As for ``ParamSpace``.
        exclude_rows: Inactive rows of the whole parameters.
        exclude_padding: As for ``ParamSpace``.

    Attributes:
        processes: Those of the mesh.
        size: The length of this process's vector.
        total: The number of coordinates of all processes.
        active: How many of these are active.

    Raises:
        ValueError: As of ``ParamSpace``, or a parameter is whole, frozen, or sharded in another way.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        include: Callable[[str], bool] | None = None,
        exclude_rows: Rows | None = None,
        exclude_padding: bool = True,
    ) -> None:
        found = {name: p for name, p in sharded_parameters(model).items() if p.requires_grad}
        _check_placements(found)
        first = next(iter(found.values()), None)
        group = first.device_mesh.get_group() if first is not None else None  # type: ignore[attr-defined]
        self.processes = SlicedProcesses(group)
        self._whole = {name: parameter.shape for name, parameter in found.items()}
        rows = padding_rows(model) if exclude_padding else {}
        excluded = {name: {int(row) for row in indices} for name, indices in rows.items() if name in found}
        for name, indices in (exclude_rows or {}).items():
            if name in found:
                excluded[name] = excluded.get(name, set()) | self._valid(name, torch.as_tensor(indices).tolist())
        own = {name: [row - self.first_row(name) for row in sorted(rows)] for name, rows in excluded.items()}
        local = {name: own_shard(parameter) for name, parameter in found.items()}
        for name, tensor in local.items():
            if tensor.shape[0] != self._row_count(name):
                raise ValueError(f"{name!r} is not cut evenly along dimension 0; {REMEDY}")
            own[name] = [row for row in own.get(name, []) if 0 <= row < len(tensor)]
        strangers = {name: indices for name, indices in (exclude_rows or {}).items() if name not in found}
        super().__init__(local, include=include, exclude_rows={**own, **strangers}, exclude_padding=False)
        self._whole = {name: self._whole[name] for name in self.names}
        inactive = sum(len(excluded.get(name, ())) * math.prod(shape[1:]) for name, shape in self._whole.items())
        self.total = sum(math.prod(shape) for shape in self._whole.values())
        self.active = self.total - inactive

    def whole_shape(self, name: str) -> torch.Size:
        """Return the shape of a whole parameter, of which this process's vector may have some rows alone."""
        return self._whole[name]

    def first_row(self, name: str) -> int:
        """Return the number, in the whole parameter, of the first row that this process has."""
        rows = self._whole[name][0]
        return min(self.processes.rank * math.ceil(rows / self.processes.count), rows)

    def own_rows(self, name: str, tensor: Tensor) -> Tensor:
        """Return the rows of a whole parameter that this process's vector has, as a copy."""
        first = self.first_row(name)
        return tensor[first : first + self._row_count(name)].clone()

    def params(self, model: Model) -> Tensor:
        """Return this process's slice of the vector of the model's parameters, as a copy without a gradient."""
        return self.flatten(sharded_parameters(model) if isinstance(model, nn.Module) else model)

    def flatten(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Concatenate this process's rows of the tensors of this space's names, without a gradient.

        Tensors may be sharded like the model, whole, or the own rows.

        Raises:
            ValueError: A tensor is missing or has another shape.
        """
        return super().flatten({name: self._own(name, tensor) for name, tensor in tensors.items()})

    def whole(self, vector: Tensor) -> Tensor:
        """Return the whole vector (total,) whose slices the processes have, in every process; all have to call it.

        Its order is that of the model without shards: ``ParamSpace.views`` of that model fit it.
        """
        pieces = self.processes.gathered({name: view.cpu() for name, view in self.views(vector).items()})
        return torch.cat([torch.cat([piece[name] for piece in pieces]).reshape(-1) for name in self.names]).to(vector)

    def active_rows(self, name: str) -> Tensor:
        """Return the rows of a whole parameter that have an active coordinate; all processes have to call it."""
        return torch.cat(self.processes.gathered(super().active_rows(name) + self.first_row(name)))

    def _own(self, name: str, tensor: Tensor) -> Tensor:
        if _is_shard(tensor):
            return own_shard(tensor)
        whole = name in self._whole and tensor.shape == self._whole[name]
        return self.own_rows(name, tensor) if whole else tensor

    def _row_count(self, name: str) -> int:
        rows = self._whole[name][0]
        return min(math.ceil(rows / self.processes.count), rows - self.first_row(name))

    def _valid(self, name: str, rows: list[int]) -> set[int]:
        count = self._whole[name][0]
        if not all(-count <= row < count for row in rows):
            raise ValueError(f"exclude_rows[{name!r}] names row {max(rows)}; the parameter has {count} rows")
        return {row % count for row in rows}


def _is_shard(tensor: Tensor) -> bool:
    from torch.distributed.tensor import DTensor  # here: it takes a second

    return isinstance(tensor, DTensor)


def own_shard(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor, without a copy and without a gradient: of a whole one, all."""
    from torch.distributed.tensor import DTensor

    tensor = tensor.detach()
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def fsdp_modules(model: nn.Module) -> Iterator[Any]:
    """Return the modules to which ``fully_shard`` was applied."""
    from torch.distributed.fsdp import FSDPModule  # here: it takes a second

    return (module for module in model.modules() if isinstance(module, FSDPModule))


def sharded_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return all parameters by name, those of ``fully_shard`` as shards: a pass may have left whole ones behind."""
    model = unwrapped(model)
    for module in fsdp_modules(model):
        module.reshard()
    return dict(model.named_parameters())


def _check_placements(parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters that are not cut along dimension 0, over the same processes."""
    from torch.distributed.tensor import DTensor, Shard

    groups = set()
    for name, parameter in parameters.items():
        if not isinstance(parameter, DTensor):
            raise ValueError(
                f"{name!r} is not sharded; call fully_shard on the whole model after its parts, or {REMEDY}"
            )
        if parameter.device_mesh.ndim != 1 or tuple(parameter.placements) != (Shard(0),):
            placed = ", ".join(map(str, parameter.placements))
            raise ValueError(
                f"{name!r} is placed as ({placed}) on a mesh of {parameter.device_mesh.ndim} dimensions; only shards "
                f"along dimension 0 on a mesh of one dimension are taken: {REMEDY}"
            )
        groups.add(parameter.device_mesh.get_group().group_name)
    if len(groups) > 1:
        raise ValueError(f"parameters are sharded over {len(groups)} different groups of processes; {REMEDY}")
