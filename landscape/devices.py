"""Devices to compute on."""

from __future__ import annotations

import sys
from pathlib import Path

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


def available_memory(
    device: torch.device | str, *, cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int:
    """Return the bytes that are free on a device, as the system reports them.

    On processors, a limit of this process's control group (of a container, or of a batch system) counts where it
    leaves less; what the system would take back first, unused pages of files, counts as free, as it does without one.

    Args:
        device: The device.
        cgroups: Where Linux shows its control groups, of version 1 or 2.
        membership: The file of those that this process is in.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(int(psutil.virtual_memory().available), *_left_by_groups(cgroups, membership))


def _left_by_groups(cgroups: Path, membership: Path) -> list[int]:
    """Return the bytes that each group with a limit leaves: that of this process and all around it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # no Linux
        return [sys.maxsize]
    left = [sys.maxsize]
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            root, limit, used, reclaimable = cgroups, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, used = cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            reclaimable = "total_inactive_file"
        else:
            continue
        own = root / place.lstrip("/")
        # Inside a container the place may be that outside of it, and does not exist: its root is the own group then.
        for group in (folder for folder in (own, *own.parents) if folder == root or root in folder.parents):
            numbers = _numbers(group, limit, used)
            if numbers is not None:
                left.append(max(0, numbers[0] - numbers[1] + _statistic(group / "memory.stat", reclaimable)))
    return left


def _numbers(group: Path, *names: str) -> list[int] | None:
    """Return the numbers in a group's files; None where one is missing, or says that there is no limit."""
    try:
        return [int((group / name).read_text()) for name in names]
    except (OSError, ValueError):
        return None


def _statistic(file: Path, name: str) -> int:
    try:
        return int(dict(line.split(" ", 1) for line in file.read_text().splitlines())[name])
    except (OSError, ValueError, KeyError):
        return 0
