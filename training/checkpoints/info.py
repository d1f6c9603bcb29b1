"""What is in a file, whichever kind it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landscape.results.storage.kinds import file_kind, kind_of, load_result, section_kind
from landscape.results.study.records import StudyRecord
from landscape.training.checkpoints.checkpoint import describe, load_checkpoint

STUDY = "study.json"  # in a study's folder


def describe_file(path: str | Path) -> dict[str, Any]:
    """Return what a checkpoint, a result file or a study's record holds, without weights, arrays and ranks.

    Raises:
        ValueError: The file is damaged, or neither a checkpoint nor a result.
        OSError: It cannot be read.
    """
    if Path(path).name == STUDY:
        return _described(section_kind(StudyRecord, "study").load(Path(path)))
    if file_kind(path) is None:
        return describe(load_checkpoint(path))
    result = load_result(path)
    return kind_of(type(result)).values(result)


def _described(study: StudyRecord) -> dict[str, Any]:
    finished = [run for run in study.runs if not run.error]
    return {
        "title": study.title,
        "runs": len(study.runs),
        "failed": len(study.runs) - len(finished),
        "epoch": {run.run: run.epoch for run in finished},
        "test": {run.run: dict(run.test) for run in finished},
    }
