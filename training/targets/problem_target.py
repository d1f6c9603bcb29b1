"""A problem, a user's own model with its loss and data, to be analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.geometry.localization import localization_by_block
from landscape.launch import launch
from landscape.objectives.blocks import block
from landscape.objectives.objective import Objective
from landscape.problems.fingerprint import fingerprint
from landscape.problems.problem import Problem, ProblemFile, again, load_problem, shared_out
from landscape.problems.state import load_state
from landscape.provenance import file_sha256, process_metadata
from landscape.results import EigenPairs, Localization
from landscape.results.display.printable import printable
from landscape.results.storage.cache import ResultCache
from landscape.results.storage.files import errors_about
from landscape.training.checkpoints.state_files import load_weights, weight_files
from landscape.training.config.objective import AUTO, ObjectiveConfig
from landscape.training.targets.settings import USERS, stream
from landscape.training.targets.surface_metrics import PARTS
from landscape.training.targets.target import AnalysisTarget, Extras, Point

OPTIONS = ("seed", "blocks", "train_mode")  # of ObjectiveConfig; the others are about recommenders
SAMPLE = ("users", "precision", "skipped")  # likewise, where users="auto" stands for batches
MOST_BLOCKS = 30


@dataclass(frozen=True)
class ProblemTarget(AnalysisTarget):
    """A problem with the weights that were put into its model."""

    sample_unit: ClassVar[str] = "batches"
    sample_first: ClassVar[int] = 20

    path: Path
    sha256: str  # of θ₀ and all that is fixed in the model
    problem: Problem
    results_folder: Path | None = None  # None: ``results/`` beside the problem's file

    @classmethod
    def open(cls, file: ProblemFile, *, device: torch.device | str | None = None) -> ProblemTarget:
        """Run a problem's file, and put weights into its model; errors as of ``load_problem`` and ``load_weights``."""
        state = load_weights(file.weights) if file.weights is not None else None
        problem = load_problem(file, state, device=device)
        return cls(file.path, problem.weights_sha256(), problem)

    @property
    def title(self) -> str:
        """Weights, file, function and settings."""
        return self.problem.title

    @cached_property
    def data_sha256(self) -> str:
        """That of the batches."""
        return self.problem.batches_sha256()

    @cached_property
    def blocks(self) -> Mapping[str, str]:
        """The parameters by the first parts of their names: as few parts as make more than one block."""
        return blocks_of(self.problem.objective.space.names)

    def cache(self, objective_config: ObjectiveConfig) -> ResultCache:
        """Return the cache of results about one loss of this problem."""
        folder = self.results_folder if self.results_folder is not None else self.path.parent / "results"
        folder = launch().private_copy(folder)
        key = {"checkpoint": self.sha256, "data": self.data_sha256, **self._described(objective_config)}
        return ResultCache(folder, key, name=self.path.stem)

    def provenance(self, objective_config: ObjectiveConfig) -> dict[str, Any]:
        """Return what is stored with every result about one loss of this problem."""
        file = self.problem.file
        used = ObjectiveConfig(**{name: getattr(objective_config, name) for name in OPTIONS})
        weights = {"file": file.weights.name, "file_sha256": file_sha256(file.weights)} if file.weights else {}
        return {
            "title": f"{self.title}{used.title}",
            "checkpoint": {"file": file.path.name, "sha256": self.sha256, **weights},
            "data": {"name": f"batches of {file.path.name}", "sha256": self.data_sha256},
            "objective": self._described(objective_config),
            **process_metadata(),
        }

    def _described(self, objective_config: ObjectiveConfig) -> dict[str, Any]:
        problem = self.problem
        sampled = objective_config.is_auto or objective_config.skipped is not None  # a number is one of users
        return {
            "problem": str(ProblemFile(Path(self.path.name), problem.file.function)),
            "code_sha256": problem.code.sha256,
            "settings": dict(problem.settings),
            **{name: getattr(objective_config, name) for name in OPTIONS},
            **{name: value for name in SAMPLE if sampled and (value := getattr(objective_config, name)) is not None},
        }

    def objective(
        self, objective_config: ObjectiveConfig, *, device: torch.device | str = "cpu"
    ) -> tuple[Objective[Any], float | None]:
        """Return the loss, of some batches where there are ``users``. ``device`` is that the problem was opened with.

        Raises:
            ValueError: A pattern of ``blocks`` matches no parameter.
        """
        objective, population = self.problem.objective, None
        count, first = objective_config.users, objective_config.skipped
        if isinstance(count, int) and first is not None:  # a number alone is one of users
            population = len(objective.batches)
            drawn = np.sort(stream(objective_config, USERS).permutation(population)[first : first + count])
            objective = again(objective, batches=[objective.batches[index] for index in drawn])
        return self._configured(objective, objective_config), population

    def sample_total(self, objective_config: ObjectiveConfig) -> int:
        """Return the number of batches.

        Raises:
            ValueError: The problem itself shares them out among processes.
        """
        objective = self.problem.objective
        if objective.processes.group is not None:
            raise ValueError("--users auto takes some of the batches, and the problem's objective has a process_group")
        return len(objective.batches)

    def _configured(self, objective: Objective[Any], objective_config: ObjectiveConfig) -> Objective[Any]:
        objective = shared_out(objective)
        if objective_config.train_mode:
            objective = again(objective, training_mode_seed=objective_config.seed)
        return block(objective, objective_config.blocks) if objective_config.blocks else objective

    def extras(
        self,
        objective_config: ObjectiveConfig,
        objective: Objective[Any],
        names: Sequence[str],
        *,
        device: torch.device | str = "cpu",
    ) -> Extras:
        """Return those of the problem's metrics that are named; ``parts`` are the loss's own.

        Raises:
            ValueError: A name is unknown.
        """
        known = self.problem.metrics
        if not known and any(name.lower() != PARTS for name in names):
            raise ValueError(
                f"--metric {names[0]}: {self.problem.file} returns an objective without metrics; return a pair "
                "(objective, {name: function of the parameters, or another Objective})"
            )
        chosen = [one_of(name, (PARTS, *known), "the metric") for name in names]
        wanted = {name: known[name] for name in dict.fromkeys(chosen) if name != PARTS}
        losses = {name: one for name, one in wanted.items() if isinstance(one, Objective)}
        return Extras(
            PARTS in chosen,
            {name: self._configured(one, objective_config) for name, one in losses.items()},
            {name: self._of_all(objective, one) for name, one in wanted.items() if not isinstance(one, Objective)},
        )

    def _of_all(self, objective: Objective[Any], metric: Callable[[Tensor], float]) -> Callable[[Tensor], float]:
        """A metric of all parameters as a function of those of a block."""
        whole = self.problem.objective

        @torch.no_grad()
        def function(params: Tensor) -> float:
            vector = whole.params.clone()
            views = whole.space.views(vector)
            for name, view in objective.space.views(params).items():
                views[name].copy_(view)
            return float(metric(vector))

        return function

    def localizations(self, objective: Objective[Any], pairs: EigenPairs) -> tuple[Localization, ...]:
        """Return the shares of the eigenvectors by block."""
        return (localization_by_block(objective.space, pairs, self.blocks),)

    def point(self, objective: Objective[Any], path: str | Path) -> Point:
        """Return the model with the weights of another file."""
        model, before = self.problem.objective.model, self.problem.objective.model.state_dict()
        before = {name: tensor.clone() for name, tensor in before.items() if isinstance(tensor, Tensor)}
        state = load_weights(path)
        with errors_about(printable(path)):
            load_state(model, state)
        try:
            params = objective.space.params(model).clone()
        finally:
            model.load_state_dict(before, strict=False)
        return Point(f"{Path(*Path(path).parts[-2:])} on {self.path.stem}", Path(path).stem, params)

    def point_sha256(self, path: str | Path) -> str:
        """Return a hash of the weights in a file."""
        return fingerprint(sorted(load_weights(path).items()))

    def snapshots(self, run: str | Path) -> list[Path]:
        """Return the files of weights in a folder."""
        return weight_files(run)

    def run_history(self, run: str | Path) -> list[dict[str, Any]]:
        """Return nothing: a folder of weights has no training history."""
        return []

    def run_title(self, run: str | Path, first: Point) -> str:
        """Return the name of the folder."""
        return printable(Path(run).resolve().name)

    def history(self) -> list[dict[str, Any]]:
        """Return nothing: a problem has no training history."""
        return []

    def errors(self) -> AbstractContextManager[None]:
        """Return a context in which the problem's code runs, and that names its file in errors."""
        return self._errors()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with errors_about(printable(self.path)), self.problem.code.running():
            yield


def blocks_of(names: Sequence[str]) -> dict[str, str]:
    """Return patterns of parameters' names by their first parts: as few parts as make more than one block.

    >>> blocks_of(["net.words.weight", "net.out.weight", "net.out.bias"])
    {'net.words': 'net.words.*', 'net.out': 'net.out.*'}
    >>> blocks_of(["weight", "bias"])
    {'weight': 'weight', 'bias': 'bias'}
    """
    blocks: dict[str, str] = {}
    for depth in range(1, 1 + max(name.count(".") + 1 for name in names)):
        found = {".".join(name.split(".")[:depth]): name for name in names}
        if blocks and len(found) > MOST_BLOCKS:
            break
        blocks = {first: first if first == name else f"{first}.*" for first, name in found.items()}
        if len(blocks) > 1:
            break
    return blocks


def unused_options(users: int | str | None = None) -> tuple[str, ...]:
    """Return the options of ``ObjectiveConfig`` that have no effect on a problem; of ``users``, auto has one."""
    used = OPTIONS + (SAMPLE if users == AUTO else ())
    return tuple(declared.name for declared in fields(ObjectiveConfig) if declared.name not in used)
