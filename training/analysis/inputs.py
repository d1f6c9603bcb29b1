"""Checkpoints and results that are named by their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from landscape.progress import Progress, silent
from landscape.results import Curvature, Surface
from landscape.results.files import errors_about
from landscape.results.kinds import ResultKind, file_kind
from landscape.results.printable import printable
from landscape.training.analysis.related_results import history_of
from landscape.training.analysis.target import AnalysisTarget

Result = Surface | Curvature
Analysis = Callable[..., tuple[Result, Path]]  # (target, device=…, progress=…) -> a result and its file


def open_inputs(
    paths: Sequence[str | Path],
    kind: ResultKind[Any] | None = None,
    *,
    data: str | None = None,
    data_dir: str | None = None,
) -> list[AnalysisTarget | Result]:
    """Open several files, so that a wrong one is noticed before anything is computed.

    Args:
        paths: Checkpoints, and results (``.npz`` for a surface, ``.json`` for a curvature).
        kind: The only kind of results allowed.
        data: Name or file of the checkpoints' data; by default what each was trained on.
        data_dir: The folder that data names are looked up in.

    Raises:
        ValueError: A file is damaged, of another kind, or does not exist.
    """
    opened: list[AnalysisTarget | Result] = []
    for path in paths:
        with errors_about(path):
            own = file_kind(path)
            if own is None:
                opened.append(AnalysisTarget.open(path, data, data_dir=data_dir))
            elif kind not in (None, own):
                raise ValueError(
                    f"{path} is not a {kind.name}, which is stored as FILE{kind.suffix}; see `landscape info {path}`"
                )
            else:
                opened.append(own.load(path))
    return opened


def analyse(
    path: str | Path,
    opened: AnalysisTarget | Result,
    analysis: Analysis,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Result, Path, list[dict[str, Any]]]:
    """Return a result, its file, and the training history: an opened result as it is, or of an opened checkpoint.

    Args:
        path: The file that was opened.
        opened: What it holds.
        analysis: Computes a checkpoint's result; called with the checkpoint, ``device`` and ``progress``.
        device: Where to compute.
        progress: Called with (done, total, text).

    Raises:
        ValueError: The analysis failed; the message names ``path``.
    """
    if not isinstance(opened, AnalysisTarget):
        return opened, Path(path), []
    history = history_of(opened.path.parent)
    with errors_about(path):
        return *analysis(opened, device=device, progress=titled(progress, opened.checkpoint.title)), history


def metadata_of(opened: AnalysisTarget | Result) -> Mapping[str, Any]:
    """Return the metadata of a result, or what results of a checkpoint will have in theirs that is known before."""
    return {"checkpoint": {"sha256": opened.sha256}} if isinstance(opened, AnalysisTarget) else opened.metadata


def title_of(metadata: Mapping[str, Any], path: str | Path) -> str:
    """Return a result's title as text that can be printed, whatever its file holds; by default the file's name."""
    return printable(metadata.get("title") or Path(path).stem)


def titled(progress: Progress, title: str) -> Progress:
    """Return a function that reports progress with a model's title before the text."""

    def report(done: float, total: int, text: str = "") -> None:
        progress(done, total, f"{title}: {text}" if text else title)

    return report
