"""How a batch of any form is moved to a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch


def to_device(batch: Any, device: torch.device | str, *, non_blocking: bool = False) -> Any:
    """Return the batch with its tensors on the device.

    Mappings, tuples, lists and dataclasses are copied and their entries moved; anything else with a method ``to`` is
    moved by it, and what has none is returned as it is.

    >>> to_device({"x": torch.zeros(2), "name": "first"}, "meta")["x"].device
    device(type='meta')
    """
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=non_blocking)
    if hasattr(batch, "to"):
        return batch.to(device)

    def moved(value: Any) -> Any:
        return to_device(value, device, non_blocking=non_blocking)

    if isinstance(batch, Mapping):
        return {key: moved(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(moved, batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(map(moved, batch))
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{field.name: moved(getattr(batch, field.name)) for field in fields(batch)})
    return batch


def batch_bytes(batch: Any) -> int:
    """Return the bytes of the tensors in a batch, in the forms that ``to_device`` takes apart.

    >>> batch_bytes({"x": torch.zeros(2), "pairs": [(torch.zeros(3), 1)]})
    20
    """
    if isinstance(batch, torch.Tensor):
        return int(batch.nbytes)
    if isinstance(batch, Mapping):
        return sum(map(batch_bytes, batch.values()))
    if isinstance(batch, tuple | list):
        return sum(map(batch_bytes, batch))
    if is_dataclass(batch) and not isinstance(batch, type):
        return sum(batch_bytes(getattr(batch, field.name)) for field in fields(batch))
    return 0
