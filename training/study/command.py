"""``landscape study``: list, compute, report."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from landscape.devices import resolve
from landscape.launch import Launch, apart, launch
from landscape.progress import progress_bar, silent
from landscape.results.storage.files import format_error
from landscape.results.study.records import ClaimVerdict, StudyRecord, StudyReport
from landscape.training.study.config import StudyConfig
from landscape.training.study.folder import Status, StudyFolder
from landscape.training.study.jobs import compute_in_processes, cores, usual_jobs
from landscape.training.study.plan import Plan, Run, plan
from landscape.training.study.report import report_of
from landscape.training.study.runner import compute, selected
from landscape.training.study.study_file import read_study, with_pretrained
from landscape.training.study.verdicts import Verdict

WORKER = "LANDSCAPE_STUDY_WORKER"  # set in the processes of --jobs, which leave the report to the first
FOLDER, COMPUTED = "landscape/study/{}", "landscape/computed/{}"  # what processes of torchrun tell one another
MEETING = ".processes"  # a file of the folder, by which they know that they see the same one
SECONDS_A_LOOK = 0.5  # at whether the others are done
SECONDS_TO_SEE = 10.0  # until a file on another machine's disk is seen


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

    Where torchrun has started several processes, each takes the next run that is free, as those of ``jobs`` do, and
    the first one reports. They need a folder that all of them see.

    Returns:
        The report, and the folder to draw it in; None where there is nothing to draw, or another process draws it.

    Raises:
        ValueError: The file or an option is wrong, or the folder belongs to another study.
        OSError: A file is missing or cannot be written.
    """
    study = with_pretrained(read_study(file, quick=quick), pretrained)
    name = Path(file).stem + ("-quick" if quick else "")
    folder = StudyFolder(out if out is not None else Path("studies") / name)
    part, processes = _shard(shard), launch()

    def select(planned: Plan) -> list[Run]:
        return selected(planned, only, part)

    def status() -> Status:
        return folder.status(study, select(folder.plan(study)))

    select(folder.plan(study))  # what names no run is refused before anything else
    if (report or listing) and not processes.first:
        return None
    if report:
        return _report(study, folder.load(), echo), folder.folder
    if listing:
        echo(_listing(status(), folder, folder.plan(study).still_to_plan))
        return None
    if processes.count > 1 and jobs is not None:
        raise ValueError(f"--jobs has no effect with the {processes.count} processes of torchrun; leave it out")
    _meet(study, folder, processes)
    where, left = processes.device(resolve(device)), status().left
    jobs = 1 if processes.count > 1 else jobs
    jobs = min(jobs, len(left) or 1) if jobs else usual_jobs(left, folder.earlier.values(), where)
    if jobs > 1:
        command = ["study", file, "--out", str(folder.folder), "--jobs", "1", "--device", device]
        command += [*(["--quick"] if quick else []), *_options("--data-dir", data_dir), *_options("--shard", shard)]
        command += [*_options("--only", *only), *_options("--pretrained", *pretrained)]
        environment = {WORKER: "1", "OMP_NUM_THREADS": str(max(1, cores() // jobs))}
        compute_in_processes(command, jobs, environment, lambda: len(status().left), echo)
    else:
        with progress_bar("Study") if processes.first else nullcontext(silent) as progress, apart():
            compute(study, folder, select, data_dir=data_dir, device=where, progress=progress, report=echo)
    if processes.count > 1:
        processes.set(COMPUTED, "1")
    if processes.first:
        processes.wait_for(COMPUTED, often=SECONDS_A_LOOK)
        (folder.folder / MEETING).unlink(missing_ok=True)
    if os.environ.get(WORKER) is not None or not processes.first:
        return None
    result = _report(study, folder.write_study(study), echo)
    _say_what_is_left(status().left, folder, echo)
    return result, folder.folder


def _options(name: str, *values: str | None) -> list[str]:
    """Return an option as often as it has values."""
    return [part for value in values if value for part in (name, value)]


def _say_what_is_left(left: Sequence[Run], folder: StudyFolder, echo: Callable[[str], None]) -> None:
    if left:
        runs_are = "run is" if len(left) == 1 else "runs are"
        echo(f"{len(left)} {runs_are} left: in another process, or it said above what is wrong")
    for run in left:
        if process := folder.holder(run):
            echo(f"{run.name}: {process}")


def _meet(study: StudyConfig, folder: StudyFolder, processes: Launch) -> None:
    """Open the folder of a study; of several processes, the first one opens it, and the others see that it is theirs.

    Raises:
        ValueError: It is not, or it is the folder of another study.
        ConnectionError: Another process has ended.
    """
    mark = folder.folder / MEETING
    if processes.first:
        folder.open(study)
    if processes.count == 1:
        return
    if processes.first:
        name = uuid.uuid4().hex
        mark.write_text(name)
        processes.set(FOLDER, name)
        return
    processes.wait_for(FOLDER, [0])
    until = time.monotonic() + SECONDS_TO_SEE
    while not mark.is_file() or mark.read_text() != processes.get(FOLDER, 0):
        if time.monotonic() > until:
            raise ValueError(
                f"{folder.folder} is not the folder of the first process; give --out a folder that all processes see, "
                "or start `landscape study --shard I/N` on each machine"
            )
        time.sleep(SECONDS_A_LOOK)
    folder.open(study)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        part, parts = map(int, text.split("/"))
    except ValueError:
        raise ValueError(f"--shard is I/N, such as 2/8, got {text!r}") from None
    return part, parts


def _listing(status: Status, folder: StudyFolder, still_to_plan: int) -> str:
    """Return what is done and what is left, a line a run, with the processes that compute some now."""
    lines = [f"{'failed' if record.error else 'done':<8}{record.run}" for record in status.finished]
    for run in status.left:
        process = folder.holder(run)
        lines.append(f"{'begun' if process else 'left':<8}{run.name}" + (f"  ({process})" if process else ""))
    after = f"; up to {still_to_plan} more when the searches are finished" if still_to_plan else ""
    return "\n".join([*lines, _summary(status.left, status) + after])


def _summary(left: Sequence[Run], status: Status) -> str:
    seconds = status.seconds_left
    time = "unknown: no run is finished" if math.isnan(seconds) else f"about {seconds / 3600:.1f} h of one process"
    done = len(status.finished) - len(status.failed)
    return f"{done} done, {len(status.failed)} failed, {len(left)} left" + (f"; time: {time}" if left else "")


def _report(study: StudyConfig, record: StudyRecord, echo: Callable[[str], None]) -> StudyReport:
    """Return the report, and print the verdicts and what has failed."""
    report = report_of(study, plan(study, {run.run: run for run in record.runs}.get), record)
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
