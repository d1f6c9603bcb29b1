"""Checkpoints, problems and results that are named by their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from landscape.problems.problem import ProblemFile
from landscape.progress import Progress, silent
from landscape.results import Curvature, Surface
from landscape.results.display.printable import printable
from landscape.results.storage.files import errors_about
from landscape.results.storage.kinds import ResultKind, file_kind
from landscape.training.checkpoints.plain_files import ForeignFileError
from landscape.training.checkpoints.state_files import SAFETENSORS
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.problem_target import ProblemTarget
from landscape.training.targets.target import AnalysisTarget

Result = Surface | Curvature
Input = str | Path | ProblemFile
Analysis = Callable[..., tuple[Result, Path]]  # (target, device=…, progress=…) -> a result and its file


def named_inputs(texts: Sequence[str], weights: Sequence[str] = (), settings: Sequence[str] = ()) -> list[Input]:
    """Return what the arguments of a command name: a problem once for each file of weights, if there are any.

    >>> print(*named_inputs(("a.npz", "problem.py:small"), settings=("width=8",)))
    a.npz problem.py:small

    Args:
        texts: Paths; FILE.py and FILE.py:FUNCTION name problems.
        weights: Files of weights.
        settings: Texts of the form ``name=value``.

    Raises:
        ValueError: There are weights or settings, and no problem.
    """
    inputs: list[Input] = []
    for text in texts:
        if ProblemFile.matches(text):
            inputs += [ProblemFile.parse(text, tuple(settings), one) for one in weights or (None,)]
        else:
            inputs.append(text)
    if (weights or settings) and not any(isinstance(one, ProblemFile) for one in inputs):
        option = "--weights" if weights else "--set"
        raise ValueError(f"{option} goes with a problem, a Python file such as problem.py: `landscape new problem.py`")
    return inputs


def files_of(inputs: Sequence[Input]) -> list[str]:
    """Return the files that inputs are read from."""
    files = [(one.path, one.weights) if isinstance(one, ProblemFile) else (one,) for one in inputs]
    return [str(path) for group in files for path in group if path is not None]


def open_inputs(
    inputs: Sequence[Input],
    kind: ResultKind[Any] | None = None,
    *,
    data: str | None = None,
    data_dir: str | None = None,
    device: torch.device | str | None = None,
) -> list[AnalysisTarget | Result]:
    """Open several files, so that a wrong one is noticed before anything is computed.

    Args:
        inputs: Checkpoints, problems, and results (``.npz`` for a surface, ``.json`` for a curvature).
        kind: The only kind of results allowed.
        data: Name or file of the checkpoints' data; by default what each was trained on.
        data_dir: The folder that data names are looked up in.
        device: Where problems compute.

    Raises:
        ValueError: A file is damaged, of another kind, or does not exist.
    """
    opened: list[AnalysisTarget | Result] = []
    for path in inputs:
        with errors_about(path.path if isinstance(path, ProblemFile) else path):
            if isinstance(path, ProblemFile):
                opened.append(ProblemTarget.open(path, device=device))
            elif (own := file_kind(path)) is None:
                opened.append(_checkpoint(path, data, data_dir))
            elif kind not in (None, own):
                raise ValueError(
                    f"{path} is not a {kind.name}, which is stored as FILE{kind.suffix}; see `landscape info {path}`"
                )
            else:
                opened.append(own.load(path))
    return opened


def _checkpoint(path: str | Path, data: str | None, data_dir: str | None) -> CheckpointTarget:
    """A checkpoint of `landscape train`; of other weights, the error says how they are analysed."""
    way = f"for a model of your own: `landscape new problem.py`, then give problem.py --weights {printable(path)}"
    if Path(path).suffix == SAFETENSORS and Path(path).exists():
        raise ValueError(f"{printable(path)} holds weights alone, not a checkpoint of `landscape train`; {way}")
    try:
        return CheckpointTarget.open(path, data, data_dir=data_dir)
    except ForeignFileError as problem:
        raise ForeignFileError(f"{problem}; {way}") from None


def analyse(
    path: Input,
    opened: AnalysisTarget | Result,
    analysis: Analysis,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Result, Path, list[dict[str, Any]]]:
    """Return a result, its file, and the training history: an opened result as it is, or of an opened model.

    Args:
        path: The file that was opened.
        opened: What it holds.
        analysis: Computes a model's result; called with the model, ``device`` and ``progress``.
        device: Where to compute.
        progress: Called with (done, total, text).

    Raises:
        ValueError: The analysis failed; the message names ``path``.
    """
    if not isinstance(opened, AnalysisTarget):
        return opened, Path(str(path)), []
    history = opened.history()
    with opened.errors():
        return *analysis(opened, device=device, progress=titled(progress, opened.title)), history


def metadata_of(opened: AnalysisTarget | Result) -> Mapping[str, Any]:
    """Return the metadata of a result, or what results of a model will have in theirs that is known before."""
    return {"checkpoint": {"sha256": opened.sha256}} if isinstance(opened, AnalysisTarget) else opened.metadata


def title_of(metadata: Mapping[str, Any], path: str | Path) -> str:
    """Return a result's title as text that can be printed, whatever its file holds; by default the file's name."""
    return printable(metadata.get("title") or Path(path).stem)


def titled(progress: Progress, title: str) -> Progress:
    """Return a function that reports progress with a model's title before the text."""

    def report(done: float, total: int, text: str = "") -> None:
        progress(done, total, f"{title}: {text}" if text else title)

    return report
