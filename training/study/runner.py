"""Computing a study: any number of processes on one folder, each taking the next run that is free.

A run is taken by locking its folder; the lock ends with the process, however that ends, and the next process goes on
with the run from its last epoch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from landscape.progress import Progress, silent
from landscape.results.files import format_error
from landscape.training.study.config import StudyConfig
from landscape.training.study.folder import StudyFolder
from landscape.training.study.measure import measure
from landscape.training.study.plan import Plan, Run

WAIT = 2.0  # seconds between two looks for a run that others need


def compute(
    study: StudyConfig,
    plan: Plan,
    folder: StudyFolder,
    runs: Sequence[Run],
    *,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Compute those of ``runs`` that no process has computed or computes now, in their order.

    Args:
        study: The study.
        plan: All its runs.
        folder: Its folder.
        runs: The runs to compute.
        data_dir: The folder that data names are looked up in.
        device: Where to compute.
        progress: Called with (done, total, text) of each step of a run.
        report: Called with a line after each run.

    Raises:
        OSError: A file is missing or cannot be written.
    """

    def once(run: Run) -> None:
        def labelled(done: float, total: int, text: str = "") -> None:
            progress(done, total, f"{run.name}: {text}")

        started = time.monotonic()
        try:
            record = measure(run, study, folder.runs, data_dir=data_dir, device=device, progress=labelled)
        except (ValueError, FileNotFoundError) as problem:  # mended by the user: the run is tried again next time
            report(f"{run.name}: cannot be computed: {format_error(problem)}")
            return
        took = f"{time.monotonic() - started:.0f} s"
        report(f"{run.name}: " + (f"failed: {record.error}" if record.error else f"done in {took}"))
        folder.write_study(study, plan)

    for run in runs:
        if folder.is_finished(run, study):
            continue
        if run.pretrain_run is not None:
            _require(plan.runs[run.pretrain_run], study, folder, once)
        with _taken(folder.runs / run.name) as free:
            if free and not folder.is_finished(run, study):
                once(run)


def compute_in_processes(command: Sequence[str], jobs: int, environment: Mapping[str, str]) -> None:
    """Run a command ``jobs`` times side by side, with variables added to the environment, and wait for all.

    Interrupting this process interrupts them; one that dies does not stop the others, which take its runs over.

    Raises:
        ChildProcessError: A process ended with an error.
    """
    environment = {**os.environ, **environment}
    processes = [subprocess.Popen([sys.executable, "-m", "landscape", *command], env=environment) for _ in range(jobs)]
    try:
        codes = [process.wait() for process in processes]
    except BaseException:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        raise
    if any(codes):
        raise ChildProcessError(f"{sum(map(bool, codes))} of {jobs} processes ended with an error; see above")


def selected(plan: Plan, only: Sequence[str], shard: tuple[int, int] | None) -> list[Run]:
    """Return the runs whose names have one of the texts of ``only`` in them, and of these the share of a shard.

    Args:
        plan: All runs.
        only: Texts; none means all runs.
        shard: (i, n): the i-th of n parts, from 1 on.

    Raises:
        ValueError: No run has such a name, or the shard is out of range.
    """
    runs = [run for run in plan.runs.values() if not only or any(text in run.name for text in only)]
    if not runs:
        raise ValueError(f"no run's name has {' or '.join(only)} in it; --list shows them")
    if shard is None:
        return runs
    part, parts = shard
    if not 1 <= part <= parts:
        raise ValueError(f"--shard is i/n with i from 1 to n, got {part}/{parts}")
    return runs[part - 1 :: parts]


@contextmanager
def _taken(folder: Path) -> Iterator[bool]:
    """Yield whether this process has the run; another may have it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _require(run: Run, study: StudyConfig, folder: StudyFolder, once: Callable[[Run], None]) -> None:
    """Compute a run that others need, or wait for the process that does."""
    while not folder.is_finished(run, study):
        with _taken(folder.runs / run.name) as free:
            if free:
                if not folder.is_finished(run, study):
                    once(run)
                return  # where it could not be computed, the runs that need it say what is missing
        time.sleep(WAIT)
