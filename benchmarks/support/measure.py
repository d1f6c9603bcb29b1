"""Seconds, peak memory, arithmetic, and the speed limits of the machine."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

SIDE = 2048  # of the square matrices whose product is the yardstick: 2 · 2048³ operations
COPIED = 2**28  # bytes; far beyond any cache


def seconds(function: Callable[[], object], *, repeats: int, warm_up: bool = True) -> dict[str, Any]:
    """Measure the median time of some calls, with all times and their spread.

    Args:
        function: What to time.
        repeats: How often.
        warm_up: Whether one more call goes before and is not counted.
    """
    if warm_up:
        function()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return summary(times)


def in_turn(
    functions: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: bool = True
) -> dict[str, dict[str, Any]]:
    """Time several functions in turn, as ``seconds`` does one: whatever slows the machine slows them all.

    Args:
        functions: What to time, by name.
        rounds: How often each.
        warm_up: Whether one more round goes before and is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for round_ in range(rounds + warm_up):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            if round_ >= warm_up:
                times[name].append(time.perf_counter() - started)
    return {name: summary(runs) for name, runs in times.items()}


def ratio(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the time of one relative to the other, both from ``in_turn``: the median over rounds."""
    return float(statistics.median(a / b for a, b in zip(one["runs"], other["runs"], strict=True)))


def summary(times: list[float]) -> dict[str, Any]:
    """Return median and relative spread, (max − min) / median; the spread of a single time is None."""
    median = statistics.median(times)
    return {
        "seconds": median,
        "spread": (max(times) - min(times)) / median if len(times) > 1 else None,
        "runs": [round(run, 6) for run in times],
    }


def arithmetic(function: Callable[[], object]) -> float:
    """Count the floating-point operations of the matrix products in one call, attention included unless fused."""
    with FlopCounterMode(display=False) as counter:
        function()
    return float(counter.get_total_flops())


def peak_memory() -> float | None:
    """Return the peak resident memory of this process, in MB; None where the system does not report it."""
    status = Path("/proc/self/status")
    if status.exists():  # rusage would count the memory of the process that started this one
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def matrix_product(*, repeats: int = 9) -> tuple[float, float | None]:
    """Measure the machine's present GFLOP/s in float32 products of 2048² matrices, and the spread of their times."""
    a, b = torch.rand(2, SIDE, SIDE)
    product = torch.empty_like(a)
    multiply = seconds(lambda: torch.mm(a, b, out=product), repeats=repeats)
    return 2 * SIDE**3 / multiply["seconds"] / 1e9, multiply["spread"]


def ceiling() -> dict[str, Any]:
    """Measure the machine's present limits: GFLOP/s of a float32 product of 2048² matrices, and GB/s of a copy.

    A copy reads and writes, so its bytes count twice.
    """
    gflops, spread = matrix_product()
    source = torch.ones(COPIED // 4)
    target = torch.empty_like(source)
    copy = seconds(lambda: target.copy_(source), repeats=5)
    return {
        "gflops": gflops,
        "gflops_spread": spread,
        "copy_gb_per_s": 2 * COPIED / copy["seconds"] / 1e9,
        "copy_spread": copy["spread"],
    }


def machine() -> dict[str, Any]:
    """Describe the machine."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": platform.system(),
        "load_before": os.getloadavg()[0],  # shows other work at the same time
    }
