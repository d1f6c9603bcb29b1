"""The barriers between several checkpoints, or several weights of one problem: computed once, then read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from landscape.problems.problem import ProblemFile
from landscape.progress import Progress, silent
from landscape.results.curve import BarrierMatrix
from landscape.results.display.display_names import short_names
from landscape.results.display.printable import printable
from landscape.results.storage.files import errors_about
from landscape.surfaces.barrier import barrier_matrix
from landscape.training.analysis.planes import distinct
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.targets.inputs import Input, open_inputs
from landscape.training.targets.target import AnalysisTarget


def barrier_targets(
    inputs: Sequence[Input],
    *,
    data: str | None = None,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
) -> list[AnalysisTarget]:
    """Return the models between which there are barriers.

    Args:
        inputs: At least two checkpoints of one network and one data set, or one problem with several weights.
        data: Name or file of the checkpoints' data; by default what each was trained on.
        data_dir: The folder that data names are looked up in.
        device: Where to compute.

    Raises:
        ValueError: There are fewer than two models, one is a result, or they are of different data.
        OSError: A file does not exist.
    """
    targets: list[AnalysisTarget] = []
    for path, opened in zip(inputs, open_inputs(inputs, data=data, data_dir=data_dir, device=device), strict=True):
        if not isinstance(opened, AnalysisTarget):
            raise ValueError(f"{printable(path)} is a result; barriers are computed from checkpoints or weights")
        targets.append(opened)
    if len(targets) < 2:
        raise ValueError("barriers are between two models at least; give more checkpoints, or --weights more often")
    if len({target.data_sha256 for target in targets}) > 1:
        raise ValueError("the models were trained on different data; one loss is needed for all: give --data")
    return targets


def barriers_of(
    targets: Sequence[AnalysisTarget],
    files: Sequence[str],
    objective_config: ObjectiveConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[BarrierMatrix, Path]:
    """Return the barriers between all pairs of models on the loss of the first, and the file they are stored in.

    Args:
        targets: As ``barrier_targets`` returns them.
        files: Of their weights.
        objective_config: The loss.
        device: Where to compute.
        progress: Called with (evaluations done, evaluations, text).

    Raises:
        ValueError: A model has another network, the loss is not finite on a path, or the number of users is not fixed.
        OSError: The folder for results cannot be written to.
    """
    if objective_config.is_auto:
        raise ValueError("barriers need a number of --users, not auto")
    first, *others = targets
    names = distinct(short_names([target.title for target in targets]))
    cache = first.cache(objective_config)
    settings = {"others": [other.sha256 for other in others], "names": names}

    def compute() -> BarrierMatrix:
        objective, population = first.objective(objective_config, device=device)
        points = [objective.params, *(first.point(objective, path).params for path in files[1:])]
        with errors_about(files[0]):
            found = barrier_matrix(objective, points, names, population=population, progress=progress)
        return replace(found, metadata={**found.metadata, **first.provenance(objective_config), "models": [*files]})

    return cache.result(BarrierMatrix, compute, **settings), cache.path(BarrierMatrix, **settings)


def weights_of(inputs: Sequence[Input]) -> list[str]:
    """Return the file that each model's weights are in: a checkpoint, or the weights of a problem.

    Raises:
        ValueError: A problem has its own weights, which are in no file.
    """
    files = []
    for one in inputs:
        file = one.weights if isinstance(one, ProblemFile) else one
        if file is None:
            raise ValueError(f"{one} has weights of its own; barriers need a file for each model: give --weights")
        files.append(str(file))
    return files
