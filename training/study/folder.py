"""The folder of a study: run folders, and ``study.json`` with the records of all runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from landscape.results.storage.files import write_text
from landscape.results.storage.kinds import section_kind
from landscape.results.storage.serialization import to_plain
from landscape.results.study.records import RunRecord, StudyRecord
from landscape.training.loop.lock import Holder, holder
from landscape.training.loop.run_folder import RunFolder
from landscape.training.study.config import StudyConfig
from landscape.training.study.measure import RECORD, RECORDS, is_complete
from landscape.training.study.plan import Plan, Run, plan

STUDY = "study.json"
STUDIES = section_kind(StudyRecord, "study")
TRIES = 5  # of writing what other processes write at the same time


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
    """The files of a study: a folder for each run in ``runs/``, and the records of all in ``study.json``.

    The record of a run lies in the run's folder. Where that is not there, because ``study.json`` comes from another
    machine or another time, the one in ``study.json`` counts: no run is computed twice, and no record is lost.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.runs = self.folder / "runs"
        self.study = self.folder / STUDY

    def load(self) -> StudyRecord:
        """Return ``study.json``.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is damaged.
        """
        if not self.study.is_file():
            raise FileNotFoundError(f"there is no file {self.study}; the same command without --report computes it")
        record: StudyRecord = STUDIES.load(self.study)
        return record

    @cached_property
    def earlier(self) -> dict[str, RunRecord]:
        """The records by run that ``study.json`` had when it was first looked at."""
        return {record.run: record for record in self.load().runs} if self.study.is_file() else {}

    def open(self, study: StudyConfig) -> None:
        """Make the folder, or check that it was begun with the same file.

        What only adds runs may differ: seeds, data, methods, sweeps, claims and tables. Whatever changes what a run
        measures, or what a method is, may not.

        Raises:
            ValueError: It was begun with another file; the message names what differs. Or ``study.json`` is damaged.
        """
        if self.study.is_file():
            changed = _conflicts(self.load().file, json.loads(json.dumps(to_plain(study.content))))
            if changed:
                what = "; ".join(changed)
                raise ValueError(f"{self.folder} was begun with another file: {what}; choose another --out")
        self.runs.mkdir(parents=True, exist_ok=True)
        if not self.study.is_file():
            self._write(StudyRecord(study.title, dict(study.content), ()))

    def record(self, name: str) -> RunRecord | None:
        """Return what is known of a run by its name.

        Raises:
            ValueError: The file is damaged; the message names it.
        """
        path = self.runs / name / RECORD
        return RECORDS.load(path) if path.is_file() else self.earlier.get(name)

    def plan(self, study: StudyConfig) -> Plan:
        """Return the runs of a study, with those that finished searches have chosen."""
        return plan(study, self.record)

    def is_finished(self, run: Run, study: StudyConfig) -> bool:
        """Whether all that the study asks of a run is known, and what others need of it is there."""
        record = self.record(run.name)
        if record is None or not is_complete(record, run, study):
            return False
        weights = run.pretraining_only and not record.error  # which no record holds
        return not weights or RunFolder(self.runs / run.name).pretrained.is_file()

    def status(self, study: StudyConfig, runs: Sequence[Run]) -> Status:
        """Return what is done and what is left, with an estimate of the time from what the finished runs took."""
        left = [run for run in runs if not self.is_finished(run, study)]
        names = {run.name for run in left}
        finished = [record for run in runs if run.name not in names and (record := self.record(run.name))]
        return Status(tuple(finished), tuple(left), seconds_left(finished, left))

    def holder(self, run: Run) -> Holder | None:
        """Return the process that computes a run now, if one does and is known."""
        return holder(lock_of(self.runs / run.name))

    def write_study(self, study: StudyConfig) -> StudyRecord:
        """Write ``study.json`` from all that is known of the runs, and return it.

        Runs that the study no longer has keep their records. Several processes may write at a time: what one of them
        has read may lack the other's latest run, so that each looks again after it has written.
        """
        for _ in range(TRIES):
            planned = self.plan(study).runs  # anew: another process may have finished a search
            known = [record for name in planned if (record := self.record(name))]
            others = [record for name, record in self.earlier.items() if name not in planned]
            result = StudyRecord(study.title, dict(study.content), (*known, *others))
            if not self._write(result):
                break
        return result

    def _write(self, record: StudyRecord) -> bool:
        """Write ``study.json``, unless it is there with the same content; return whether it was written."""
        first, *_ = json.dumps(to_plain(replace(record, runs=()))).rsplit("]", 1)
        lines = ",\n".join(json.dumps(to_plain(run), ensure_ascii=False) for run in record.runs)
        text = f"{first}\n{lines}\n]}}\n"  # a line a run: differences between versions are readable
        if self.study.is_file() and self.study.read_text(encoding="utf-8") == text:
            return False
        write_text(self.study, text)
        return True


def lock_of(folder: Path) -> Path:
    """Return the lock of a run's folder: beside it, since there may be no folder yet."""
    return folder.with_name(f".{folder.name}.lock")


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


def seconds_left(finished: Sequence[RunRecord], left: Sequence[Run]) -> float:
    """Return the seconds that runs take: the means over runs of the same method and data, else of the method, else all.

    Runs that failed do not count. NaN where none is finished, and some are left.
    """
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
