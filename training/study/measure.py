"""One run of a study: trained, ranked and measured by the functions of the other commands, and recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from landscape.progress import Progress, silent
from landscape.provenance import file_sha256, process_metadata
from landscape.results.storage.files import write_json
from landscape.results.storage.kinds import section_kind
from landscape.results.study.records import RunRecord, pack_ranks
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.methods import TRAINED
from landscape.training.data.dataset import Dataset, load
from landscape.training.evaluation.metrics import summarise
from landscape.training.evaluation.ranking import model_ranks
from landscape.training.loop.history import HISTORY_NAMES
from landscape.training.loop.run_folder import RunFolder
from landscape.training.loop.stage_trainer import DivergedError
from landscape.training.loop.stages import stages
from landscape.training.loop.trainer import train
from landscape.training.study.config import StudyConfig
from landscape.training.study.geometry import along_training, geometry_of
from landscape.training.study.jobs import PEAK, peak_memory
from landscape.training.study.plan import Run
from landscape.training.targets.related_results import history_of

RECORD = "measurements.json"  # in the run's folder; written last
PRETRAINING, GIVEN = "pretraining", "given"  # in a record's metadata: whose weights it fine-tunes
RECORDS = section_kind(RunRecord, "measurements of a run")


def measure(
    run: Run,
    study: StudyConfig,
    runs: Path,
    *,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> RunRecord:
    """Train a run, or go on with it, measure what the study asks for, and write its record.

    A run that fails in the same way whenever it is tried (its loss is not finite, its data lack attributes) is recorded
    as failed: its record has the error, and nothing else. What another attempt may mend is raised.

    Args:
        run: The run.
        study: The study that it belongs to.
        runs: The folder that holds the folders of all runs.
        data_dir: The folder that data names are looked up in.
        device: Where to compute.
        progress: Called with (done, total, text) of each step.

    Raises:
        ValueError: The folder holds another run, or another process trains in it.
        OSError: A file is missing or cannot be written.
    """
    folder = runs / run.name
    seconds: dict[str, float] = {}
    known: dict[str, Any] = {"run": run.name, "data": run.data, "seed": run.seed, "title": run.name, "settings": {}}
    dataset = load(run.data, data_dir=data_dir)
    try:
        known["settings"] = run.config().settings_in_use()
        _check_data(run, dataset, runs)
        with _timed(seconds, "training"):
            checkpoint = _trained(run, dataset, runs, device, progress)
        known |= {"title": checkpoint.title, "settings": checkpoint.settings, "epoch": checkpoint.epoch}
        known |= {"validation": checkpoint.metrics, "hashes": _hashes(dataset, folder)}
        known["epochs"] = sum(row["stage"] == HISTORY_NAMES[TRAINED] for row in history_of(folder))
        if not run.tuning and not run.pretraining_only:
            with _failing():
                with _timed(seconds, "ranking"):
                    ranks = model_ranks(checkpoint.build().to(device), dataset, "test")
                    known |= {"test": summarise(ranks), "ranks": pack_ranks(ranks)}
                with _timed(seconds, "geometry"):
                    known |= geometry_of(folder, dataset, study.geometry, device, progress)
                if run.snapshots is not None:
                    with _timed(seconds, "snapshots"):
                        known["along"] = along_training(folder, run.data, study, data_dir, device, progress)
        record = RunRecord(**known, seconds=seconds, metadata={**_metadata(study), **_pretraining(run)})
    except (RunFailedError, DivergedError) as problem:
        failed = {name: known[name] for name in ("run", "title", "data", "seed", "settings")}
        record = RunRecord(**failed, error=str(problem), seconds=seconds, metadata=_metadata(study))
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECORD, record)
    return record


def is_complete(record: RunRecord, run: Run, study: StudyConfig) -> bool:
    """Whether a record has all that the study asks of the run; one that failed has."""
    if record.error or run.tuning or run.pretraining_only:
        return True
    measured = _measured(study)
    if run.snapshots is None:
        return bool(record.test) and record.metadata.get("geometry") == measured["geometry"]
    return bool(record.along) and all(record.metadata.get(name) == value for name, value in measured.items())


class RunFailedError(Exception):
    """A run fails in the same way whenever it is tried."""


@contextmanager
def _failing() -> Iterator[None]:
    """Turn what a computation refuses into ``RunFailedError``."""
    try:
        yield
    except (ValueError, ArithmeticError) as problem:
        raise RunFailedError(str(problem)) from problem


def _check_data(run: Run, dataset: Dataset, runs: Path) -> None:
    """Check what the run needs, before its folder is touched.

    Raises:
        RunFailedError: The data have no attributes, or the pre-training of others failed.
    """
    with _failing():
        finetuned = run.pretrained is not None or run.pretrain_run is not None
        stages(dataset, run.config("0" * 64 if finetuned else None))
    if run.pretrain_run is not None and not RunFolder(runs / run.pretrain_run).pretrained.is_file():
        raise RunFailedError(f"its pre-training {run.pretrain_run} failed")


def _trained(run: Run, dataset: Dataset, runs: Path, device: torch.device | str, progress: Progress) -> Checkpoint:
    path = run.pretrained if run.pretrain_run is None else RunFolder(runs / run.pretrain_run).pretrained
    start = load_checkpoint(path) if path is not None else None
    config = run.config(file_sha256(path) if path is not None else None)
    return train(
        dataset,
        config,
        runs / run.name,
        pretrained=start,
        resume=True,
        snapshots=run.snapshots,
        device=device,
        progress=progress,
    )


def _hashes(dataset: Dataset, folder: Path) -> dict[str, str]:
    hashes = {"data": dataset.sha256, "checkpoint": file_sha256(folder / "checkpoint.pt")}
    if dataset.attributes is not None:
        hashes["attributes"] = dataset.attributes.sha256
    return hashes


def _pretraining(run: Run) -> dict[str, str]:
    """Return where the weights come from that a run fine-tunes: the run that made them, or ``GIVEN``."""
    origin = GIVEN if run.pretrained is not None else run.pretrain_run
    return {} if origin is None else {PRETRAINING: origin}


def _measured(study: StudyConfig) -> dict[str, Any]:
    """Return the settings that the measurements depend on."""
    return {"geometry": asdict(study.geometry), "along": {"every": study.along.every, "users": study.along.users}}


def _metadata(study: StudyConfig) -> dict[str, Any]:
    return {**_measured(study), **process_metadata(), PEAK: peak_memory()}


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Store the time of a block in ``seconds``."""
    started = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - started, 1)
