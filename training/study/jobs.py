"""The processes of a study on one machine: how many there are by default, started and waited for.

A process for each physical core, with the threads shared out: two runs side by side with one thread each get 1.5 times
as much done as one after the other with two. No more than the free memory holds, by what finished runs have taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

import psutil
import torch

from landscape.devices import available_memory
from landscape.results.study.records import RunRecord
from landscape.training.study.plan import Run

PEAK = "peak_bytes"  # in a record's metadata: the most memory that the process had when the run was finished
USUAL_PEAK = (
    2 << 30
)  # bytes, where no run on the same data tells: kept graphs take 1 GiB, a process alone a third of it


def peak_memory() -> int:
    """Return the most bytes of memory that this process has had at a time; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) if sys.platform == "darwin" else int(most) << 10


def usual_jobs(
    left: Sequence[Run], finished: Iterable[RunRecord], device: torch.device, *, free: int | None = None
) -> int:
    """Return how many processes to start: at least one, and one alone on a GPU.

    Args:
        left: The runs to compute.
        finished: The records of others: measured ones tell what a run on their data takes.
        device: Where to compute.
        free: Bytes of memory for all processes; by default what the system has.
    """
    if device.type != "cpu":
        return 1
    known: dict[str, int] = {}
    for record in finished:
        peak = record.metadata.get(PEAK)
        if record.geometry and type(peak) is int:  # a search takes less than what others take to be measured
            known[record.data] = max(known.get(record.data, 0), peak)
    need = max((known.get(run.data) or USUAL_PEAK for run in left), default=USUAL_PEAK)
    free = available_memory(device) if free is None else free
    return max(1, min(cores(), free // need, len(left)))


def cores() -> int:
    """Return the number of physical cores that this process may use."""
    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or logical, logical)


def compute_in_processes(
    command: Sequence[str],
    jobs: int,
    environment: Mapping[str, str],
    left: Callable[[], int],
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Run a command ``jobs`` times side by side, with variables added to the environment, and wait for all.

    Interrupting this process interrupts them. One that dies does not stop the others; what it had is computed after
    them, by fewer processes, as it may have been memory that was short.

    Args:
        command: The arguments of ``landscape``.
        jobs: How many processes.
        environment: Variables to add.
        left: Returns how many runs are not finished.
        report: Called with a line where processes are started again.

    Raises:
        ChildProcessError: A process ended with an error, and since the last start no run was finished.
    """
    before = left()
    while died := sum(map(bool, _ended(command, jobs, {**os.environ, **environment}))):
        after = left()
        if after == 0:
            return
        if after >= before:
            raise ChildProcessError(f"{died} of {jobs} processes ended with an error; see above")
        again = min(max(1, jobs - died), after)
        report(f"{died} of {jobs} processes ended with an error; going on with {again}; runs left: {after}")
        before, jobs = after, again


def _ended(command: Sequence[str], jobs: int, environment: Mapping[str, str]) -> list[int]:
    """Return the exit codes of a command that runs ``jobs`` times side by side."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(jobs):
            processes.append(subprocess.Popen([sys.executable, "-m", "landscape", *command], env=environment))
        return [process.wait() for process in processes]
    except BaseException:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        raise
