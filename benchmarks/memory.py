"""Memory that was forecast for Lanczos, and that it took: ``python -m benchmarks.memory CHECKPOINT --data-dir DIR``.

The forecast is what a command says before it starts: the Krylov basis, graphs kept between products, and a product.
What was used is the peak of the resident set during the run beyond what it was before (Linux).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.large_model import LAYERS, WIDTH, large_objective
from landscape.linalg.lanczos import eigen_bytes, peak_bytes, top_eigenpairs
from landscape.objectives.autograd import RETAINED
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
from landscape.operators.memory import product_memory
from landscape.training.analysis.operators import OPERATORS
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.targets.checkpoint_target import CheckpointTarget

MIB = 2**20


def resident() -> int:
    """Return the bytes of this process that are in memory now."""
    return int(psutil.Process().memory_info().rss)


def reset_peak() -> None:
    """Begin to measure the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the most bytes of this process that were in memory since ``reset_peak``."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def compare(name: str, operator: CurvatureOperator, products: int, **options: Any) -> None:
    """Print a row of the table: what was forecast for so many products, and what they took."""
    operator.objective.gradient()  # it and the next line load libraries
    top_eigenpairs(torch.eye(9))
    before = resident()
    started = time.process_time()
    beside = product_memory(operator)
    seconds = time.process_time() - started
    assert beside is not None
    n, bound, bottom = operator.shape[0], options.get("memory"), options.get("bottom", 1)
    limit = bound or eigen_bytes(n, 1, bottom, products, operator.dtype)
    forecast = peak_bytes(n, 1, bottom, products, operator.dtype, product=beside.total, memory=bound)
    reset_peak()
    pairs = top_eigenpairs(operator, 1, max_products=products, tolerance=1e-9, **options)
    used = peak() - before
    numbers = (before, limit, beside.graphs, beside.product, forecast, used)
    cells = [name, *(f"{number / MIB:.0f}" for number in numbers), f"{used / forecast:.2f}", f"{seconds:.1f} s"]
    print("|", " | ".join(cells), "|", flush=True)
    print(f"{name}: {pairs.products} products, λmax {pairs.values[0]:.6g}", file=sys.stderr)


def of_checkpoint(path: str, data_dir: str | None, matrix: str, users: int | None, retain: int) -> None:
    """Compare them on a checkpoint's training loss."""
    target = CheckpointTarget.open(path, data_dir=data_dir)
    objective, _ = target.objective(ObjectiveConfig(users=users))
    operator = OPERATORS[matrix](objective)
    operator.retain = retain
    operator._graphs = objective.graphs(None, retain)  # noqa: SLF001 (the command does not set it)
    kept = "" if retain == RETAINED else ", no graphs kept"
    compare(f"SASRec, {matrix}, {users or 'all'} users{kept}", operator, products=24)


def of_transformer(width: int, layers: int, vectors: int) -> None:
    """Compare them on the Transformer of ``benchmarks.large_model``, with a bound on the basis."""
    objective = large_objective(width, layers)
    size = objective.space.size
    bound = vectors * size * objective.params.itemsize
    name = f"Transformer, {size / 1e6:.1f} M, room for {vectors}"
    compare(name, HessianOperator(objective, retain=0), products=vectors + 3, memory=bound, bottom=0)


CASES: dict[str, Callable[[argparse.Namespace], None]] = {  # each in a process of its own
    "sasrec": lambda given: of_checkpoint(given.checkpoint, given.data_dir, "hessian", None, RETAINED),
    "sasrec-400": lambda given: of_checkpoint(given.checkpoint, given.data_dir, "hessian", 400, RETAINED),
    "sasrec-nothing-kept": lambda given: of_checkpoint(given.checkpoint, given.data_dir, "hessian", None, 0),
    "gauss-newton": lambda given: of_checkpoint(given.checkpoint, given.data_dir, "gauss-newton", None, RETAINED),
    "transformer-10M": lambda _: of_transformer(256, 4, 6),
    "transformer-100M": lambda _: of_transformer(WIDTH, LAYERS, 6),
}


def main() -> None:
    """Print the table, or one row of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--data-dir")
    parser.add_argument("--case", choices=CASES)
    given = parser.parse_args()
    if given.case:
        CASES[given.case](given)
        return
    print("| MiB | before | basis and result | graphs | a product | forecast | used | used / forecast | to forecast |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        subprocess.run([sys.executable, "-m", "benchmarks.memory", *sys.argv[1:], "--case", case], check=True)


if __name__ == "__main__":
    main()
