"""Devices to compute on."""

from __future__ import annotations

import psutil
import torch

DEVICES = ("auto", "cpu", "cuda")


def resolve(name: str) -> torch.device:
    """Return the device of this name; ``auto`` is a GPU if there is one.

    Raises:
        ValueError: The name is unknown, or there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.split(":")[0] not in DEVICES:
        raise ValueError(f"the device must be one of {', '.join(DEVICES)}, got {name!r}")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"there is no device {name!r} that this torch ({torch.__version__}) can use; pass --device cpu or auto"
        )
    return torch.device(name)


def available_memory(device: torch.device | str) -> int:
    """Return the bytes that are free on a device, as the system reports them."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
