"""``landscape study``: list, compute, report."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from landscape.devices import resolve
from landscape.progress import progress_bar
from landscape.results.files import format_error
from landscape.results.study import ClaimVerdict, StudyRecord, StudyReport
from landscape.training.study.config import StudyConfig
from landscape.training.study.folder import Status, StudyFolder
from landscape.training.study.jobs import compute_in_processes, cores, usual_jobs
from landscape.training.study.plan import Plan, Run, plan
from landscape.training.study.report import report_of
from landscape.training.study.runner import compute, selected
from landscape.training.study.study_file import read_study, with_pretrained
from landscape.training.study.verdicts import Verdict

WORKER = "LANDSCAPE_STUDY_WORKER"  # set in the processes of --jobs, which leave the report to the first


def run_study(
    file: str,
    out: str | None,
    *,
    jobs: int | None = None,
    shard: str | None = None,
    only: Sequence[str] = (),
    listing: bool = False,
    quick: bool = False,
    report: bool = False,
    pretrained: Sequence[str] = (),
    data_dir: str | None = None,
    device: str = "auto",
    echo: Callable[[str], None] = print,
) -> tuple[StudyReport, Path] | None:
    """Run ``landscape study``; its help says what the arguments do.

    Returns:
        The report, and the folder to draw it in; None where there is nothing to draw.

    Raises:
        ValueError: The file or an option is wrong, or the folder belongs to another study.
        OSError: A file is missing or cannot be written.
    """
    study = with_pretrained(read_study(file, quick=quick), pretrained)
    planned = plan(study)
    name = Path(file).stem + ("-quick" if quick else "")
    folder = StudyFolder(out if out is not None else Path("studies") / name)
    runs = selected(planned, only, _shard(shard))
    if report:
        return _report(study, planned, folder.load(), echo), folder.folder
    if listing:
        echo(_listing(folder.status(study, runs)))
        return None
    folder.open(study)
    where, status = resolve(device), folder.status(study, runs)
    jobs = min(jobs, len(status.left) or 1) if jobs else usual_jobs(status.left, folder.earlier.values(), where)
    if jobs > 1:
        command = ["study", file, "--out", str(folder.folder), "--jobs", "1", "--device", device]
        command += [*(["--quick"] if quick else []), *(["--data-dir", data_dir] if data_dir else [])]
        command += [*(["--shard", shard] if shard else []), *(part for text in only for part in ("--only", text))]
        command += [part for text in pretrained for part in ("--pretrained", text)]
        environment = {WORKER: "1", "OMP_NUM_THREADS": str(max(1, cores() // jobs))}
        compute_in_processes(command, jobs, environment, lambda: len(folder.status(study, runs).left), echo)
    else:
        with progress_bar("Study") as progress:
            compute(study, planned, folder, runs, data_dir=data_dir, device=where, progress=progress, report=echo)
    if os.environ.get(WORKER) is not None:
        return None
    result = _report(study, planned, folder.write_study(study, planned), echo)
    if left := len(folder.status(study, runs).left):
        echo(f"{left} {'run is' if left == 1 else 'runs are'} left: in another process, or it said above what is wrong")
    return result, folder.folder


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        part, parts = map(int, text.split("/"))
    except ValueError:
        raise ValueError(f"--shard is I/N, such as 2/8, got {text!r}") from None
    return part, parts


def _listing(status: Status) -> str:
    """Return what is done and what is left, a line a run."""
    lines = [f"{'failed' if record.error else 'done':<8}{record.run}" for record in status.finished]
    lines += [f"{'left':<8}{run.name}" for run in status.left]
    return "\n".join([*lines, _summary(status.left, status)])


def _summary(left: Sequence[Run], status: Status) -> str:
    seconds = status.seconds_left
    time = "unknown: no run is finished" if math.isnan(seconds) else f"about {seconds / 3600:.1f} h of one process"
    done = len(status.finished) - len(status.failed)
    return f"{done} done, {len(status.failed)} failed, {len(left)} left" + (f"; time: {time}" if left else "")


def _report(study: StudyConfig, planned: Plan, record: StudyRecord, echo: Callable[[str], None]) -> StudyReport:
    """Return the report, and print the verdicts and what has failed."""
    report = report_of(study, planned, record)
    for claim in report.claims:
        tested = ", ".join(_found(each) for each in claim.by_data if each.verdict != Verdict.NOT_TESTED)
        echo(f"{claim.verdict:<13}{claim.text}{f' ({tested})' if tested else ''}")
    echo(report.summary)
    for run, error in report.failed:
        echo(f"failed: {run}: {format_error(ValueError(error))}")
    return report


def _found(verdict: ClaimVerdict) -> str:
    """Return a verdict on a data set, and of how many pairs of runs it is where more are to come."""
    count = verdict.difference.count
    pairs = f" by {count} of {verdict.planned} pairs" if count < verdict.planned else ""
    return f"{verdict.data}: {verdict.verdict}{pairs}"
