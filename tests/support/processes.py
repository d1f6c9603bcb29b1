"""Several Gloo processes, in each of which a function of a test module is called."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed as dist

WITHIN = 240  # seconds


def together(work: Callable[[int, int, Path], Any], count: int) -> list[Any]:
    """Call ``work(rank, count, folder)`` in so many processes, and return what each has returned.

    Args:
        work: A function at the top of a module. The default group is there, and the folder is shared by all.
        count: Number of processes.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", __name__, work.__module__, work.__qualname__, folder, str(count)]
        processes = [subprocess.Popen([*command, str(rank)], env=environment) for rank in range(count)]
        try:
            assert _codes(processes) == [0] * count
        finally:
            for process in processes:
                process.kill()  # the others wait for one that has failed
                process.wait()
        return [torch.load(Path(folder, f"{rank}.pt"), weights_only=False) for rank in range(count)]


def _codes(processes: list[subprocess.Popen[bytes]]) -> list[int | None]:
    """Return the exit codes when all have ended, one has failed, or the time is over."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        codes = [process.poll() for process in processes]
        if None not in codes or any(codes):
            break
        time.sleep(0.02)
    return codes


def member(module: str, name: str, folder: str, count: int, rank: int) -> NoReturn:
    """Be one of the processes."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    found = getattr(import_module(module), name)(rank, count, Path(folder))
    torch.save(found, Path(folder, f"{rank}.pt"))
    dist.barrier()
    sys.stdout.flush()
    # Gloo's threads may hold tensors, and abort the process where Python is taken down before they let go
    # (pytorch/pytorch#190489).
    os._exit(0)


if __name__ == "__main__":
    member(*sys.argv[1:4], *map(int, sys.argv[4:6]))
