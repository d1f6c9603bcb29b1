"""Computing a study: any number of processes on one folder, each taking the next run that is free.

A run is taken by locking its folder; the lock ends with the process, however that ends, and the next process goes on
with the run from its last epoch. A run is finished when its record lies in its folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from landscape.progress import Progress, silent
from landscape.results.files import format_error, write_json, write_text
from landscape.results.serialization import to_plain
from landscape.results.study import RunRecord, StudyRecord
from landscape.training.study.config import StudyConfig
from landscape.training.study.measure import measure, recorded
from landscape.training.study.plan import Plan, Run

STUDY = "study.json"
BEGUN_WITH = "study-file.json"  # the content of the file that a study's folder was begun with
WAIT = 2.0  # seconds between two looks for a run that others need


@dataclass(frozen=True)
class Status:
    """How far a study is."""

    finished: tuple[RunRecord, ...]
    left: tuple[Run, ...]
    seconds_left: float  # of one process; NaN where no run of any kind is finished

    @property
    def failed(self) -> tuple[RunRecord, ...]:
        """The runs that failed."""
        return tuple(record for record in self.finished if record.error)


class StudyFolder:
    """The files of a study."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.runs = self.folder / "runs"
        self.study = self.folder / STUDY

    def open(self, study: StudyConfig) -> None:
        """Make the folder, or check that it was begun with the same file.

        What only adds runs may differ: seeds, methods, sweeps, claims and tables. Whatever changes what a run
        measures, or what a method is, may not.

        Raises:
            ValueError: It was begun with another file; the message names what differs.
        """
        self.runs.mkdir(parents=True, exist_ok=True)
        place = self.folder / BEGUN_WITH
        content = json.loads(json.dumps(to_plain(study.content)))
        if place.is_file():
            try:
                before = json.loads(place.read_text(encoding="utf-8"))
            except ValueError:
                raise ValueError(f"{place} is damaged; remove it if the runs beside it are this study's") from None
            changed = _conflicts(before, content)
            if changed:
                what = "; ".join(changed)
                raise ValueError(
                    f"the study in {self.folder} was begun with another file: {what}; choose another --out"
                )
            if before == content:
                return
        write_json(place, content)

    def status(self, study: StudyConfig, runs: Sequence[Run]) -> Status:
        """Return what is done and what is left, with an estimate of the time from what the finished runs took."""
        finished, left = [], []
        for run in runs:
            record = recorded(run, study, self.runs)
            if record is None:
                left.append(run)
            else:
                finished.append(record)
        return Status(tuple(finished), tuple(left), _seconds_left(finished, left))

    def write_study(self, study: StudyConfig, plan: Plan) -> StudyRecord:
        """Write ``study.json`` from the records of all finished runs, and return it."""
        records = self.status(study, list(plan.runs.values())).finished
        record = StudyRecord(study.title, dict(study.content), records)
        first, *_ = json.dumps(to_plain(replace(record, runs=()))).rsplit("]", 1)
        lines = ",\n".join(json.dumps(to_plain(run), ensure_ascii=False) for run in records)
        text = f"{first}\n{lines}\n]}}\n"  # a line a run: differences between versions are readable
        if not self.study.is_file() or self.study.read_text(encoding="utf-8") != text:
            write_text(self.study, text)
        return record


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
        if recorded(run, study, folder.runs) is not None:
            continue
        if run.pretrain_run is not None:
            _require(plan.runs[run.pretrain_run], study, folder, once)
        with _taken(folder.runs / run.name) as free:
            if free and recorded(run, study, folder.runs) is None:
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
    while recorded(run, study, folder.runs) is None:
        with _taken(folder.runs / run.name) as free:
            if free:
                if recorded(run, study, folder.runs) is None:
                    once(run)
                return  # where it could not be computed, the runs that need it say what is missing
        time.sleep(WAIT)


def _conflicts(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what of a study's file must not change once runs are there."""
    changed = []
    for name in ("options", "geometry"):
        if before.get(name) != now.get(name):
            changed.append(f"{name} was {before.get(name)} and is {now.get(name)}")
    for name, row in before.get("methods", {}).items():
        other = now.get("methods", {}).get(name)
        if other is not None and other != row:
            changed.append(f"method {name} was {row} and is {other}")
    return changed


def _seconds_left(finished: Sequence[RunRecord], left: Sequence[Run]) -> float:
    """Estimate by the mean over runs of the same method and data, else of the method, else of all."""
    total = 0.0
    for run in left:
        kinds: list[Callable[[RunRecord], bool]] = [
            lambda r, run=run: _method(r) == run.options["method"] and r.data == run.data,  # type: ignore[misc]
            lambda r, run=run: _method(r) == run.options["method"],  # type: ignore[misc]
            lambda r: True,
        ]
        for alike in kinds:
            times = [sum(record.seconds.values()) for record in finished if not record.error and alike(record)]
            if times:
                total += sum(times) / len(times)
                break
        else:
            return float("nan")
    return total


def _method(record: RunRecord) -> Any:
    return record.settings.get("method")
