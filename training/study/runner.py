"""Computing a study: any number of processes on one folder, each taking the next run that is free.

A run is taken by locking its folder; the lock ends with the process, however that ends, and the next process goes on
with the run from its last epoch.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from landscape.progress import Progress, silent
from landscape.results.storage.files import format_error
from landscape.training.loop.lock import HeldError, locked
from landscape.training.study.config import StudyConfig
from landscape.training.study.folder import StudyFolder, lock_of
from landscape.training.study.measure import measure
from landscape.training.study.plan import Plan, Run

WAIT = 2.0  # seconds between two looks for a run that others need


def compute(
    study: StudyConfig,
    folder: StudyFolder,
    select: Callable[[Plan], Sequence[Run]],
    *,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Compute those of the selected runs that no process has computed or computes now, in their order.

    Once the searches among them are finished, also by other processes, come the runs that they have chosen.

    Args:
        study: The study.
        folder: Its folder.
        select: Returns the runs to compute of a plan.
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
        folder.write_study(study)

    planned, seen = folder.plan(study), set[str]()
    while runs := [run for run in select(planned) if run.name not in seen]:
        for run in runs:
            seen.add(run.name)
            if folder.is_finished(run, study):
                continue
            if run.pretrain_run is not None:
                _require(planned.runs[run.pretrain_run], study, folder, once, progress)
            with _taken(folder.runs / run.name) as free:
                if free and not folder.is_finished(run, study):
                    once(run)
            if planned.waiting:
                break  # what a search has chosen comes before what is left
        else:
            for run in select(planned):
                if run.tuning and planned.waiting:  # another process may have it; what failed here is left
                    _require(run, study, folder, lambda run: None, progress)
        planned = folder.plan(study)


def selected(plan: Plan, only: Sequence[str], shard: tuple[int, int] | None) -> list[Run]:
    """Return the runs that one of the texts of ``only`` names, and of these the share of a shard.

    Args:
        plan: All runs.
        only: Texts; none means all runs. A text names the runs whose names have it as whole parts between hyphens:
            ``Toys-seed1`` is in ``samrec-Toys-seed1-rho0.1``, and not in ``samrec-Toys-seed10``. With ``*``, ``?``
            or ``[`` in it, it is a pattern of whole names.
        shard: (i, n): the i-th of n parts, from 1 on.

    Raises:
        ValueError: A text names no run; the message suggests the nearest. Or the shard is out of range.
    """
    for text in only:
        if not any(_names(text, name) for name in plan.runs):
            raise ValueError(f"no run is named by --only {text!r}{_nearest(text, plan.runs)} --list shows all names")
    runs = [run for run in plan.runs.values() if not only or any(_names(text, run.name) for text in only)]
    if shard is None:
        return runs
    part, parts = shard
    if not 1 <= part <= parts:
        raise ValueError(f"--shard is i/n with i from 1 to n, got {part}/{parts}")
    return runs[part - 1 :: parts]


def _names(text: str, name: str) -> bool:
    """Whether a text of ``--only`` names a run."""
    if {*text} & {*"*?["}:
        return fnmatchcase(name, text)
    return f"-{text}-" in f"-{name}-"


def _nearest(text: str, names: Iterable[str]) -> str:
    """Suggest the parts of a name that are most like a text."""
    count = text.count("-") + 1
    parts = [name.split("-") for name in names]
    known = {"-".join(one[start : start + count]) for one in parts for start in range(len(one) - count + 1)}
    close = difflib.get_close_matches(text, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ";"


@contextmanager
def _taken(folder: Path) -> Iterator[bool]:
    """Yield whether this process has the run; another may have it."""
    lock = lock_of(folder)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock))
        except HeldError:
            yield False
        else:
            yield True


def _require(
    run: Run, study: StudyConfig, folder: StudyFolder, once: Callable[[Run], None], progress: Progress
) -> None:
    """Compute a run that others need, or wait for the process that does."""
    while not folder.is_finished(run, study):
        with _taken(folder.runs / run.name) as free:
            if free:
                if not folder.is_finished(run, study):
                    once(run)
                return  # where it could not be computed, the runs that need it say what is missing
        progress(0, 1, f"{run.name}: waiting for {folder.holder(run) or 'another process'}")
        time.sleep(WAIT)
