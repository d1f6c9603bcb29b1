"""A checkpoint with its data, to be analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from landscape.geometry.localization import localization_by_block
from landscape.launch import launch
from landscape.models.sasrec import BLOCKS
from landscape.objectives.objective import Objective
from landscape.provenance import file_sha256, process_metadata
from landscape.results import EigenPairs, Localization
from landscape.results.display.printable import printable
from landscape.results.storage.cache import ResultCache
from landscape.results.storage.files import errors_about
from landscape.training.checkpoints.checkpoint import Checkpoint, data_of, load_checkpoint
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.data.dataset import Dataset
from landscape.training.loop.run_folder import snapshots
from landscape.training.targets.objective import objective_of
from landscape.training.targets.popularity import localization_by_popularity
from landscape.training.targets.related_results import history_of
from landscape.training.targets.surface_metrics import extras_of
from landscape.training.targets.target import AnalysisTarget, Extras, Point
from landscape.training.targets.users import number_of_users, users_without_negatives


@dataclass(frozen=True)
class CheckpointTarget(AnalysisTarget):
    """A checkpoint with its data."""

    sample_unit: ClassVar[str] = "users"
    sample_first: ClassVar[int] = 400  # 20 groups of 20

    path: Path
    sha256: str
    checkpoint: Checkpoint
    dataset: Dataset
    results_folder: Path | None = None  # None: ``results/`` beside the checkpoint

    @classmethod
    def open(
        cls,
        path: str | Path,
        data: str | None = None,
        *,
        data_dir: str | None = None,
        results_folder: Path | None = None,
    ) -> CheckpointTarget:
        """Read a checkpoint and load its data; errors of ``data_of`` become ValueErrors that name ``path``."""
        checkpoint = load_checkpoint(path)
        with errors_about(printable(path)):
            dataset = data_of(checkpoint, data, data_dir=data_dir)
        return cls(Path(path), file_sha256(path), checkpoint, dataset, results_folder)

    @property
    def title(self) -> str:
        """Method, optimiser, data and seed."""
        return self.checkpoint.title

    @property
    def data_sha256(self) -> str:
        """That of the data set."""
        return self.dataset.sha256

    @property
    def blocks(self) -> Mapping[str, str]:
        """The parts of SASRec."""
        return BLOCKS

    def cache(self, objective_config: ObjectiveConfig) -> ResultCache:
        """Return the cache of results about one loss of this checkpoint."""
        folder = self.results_folder if self.results_folder is not None else self.path.parent / "results"
        folder = launch().private_copy(folder)
        return ResultCache(folder, {"checkpoint": self.sha256, **objective_config.described()}, name=self.path.stem)

    def provenance(self, objective_config: ObjectiveConfig) -> dict[str, Any]:
        """Return what is stored with every result about one loss of this checkpoint."""
        exhausted = users_without_negatives(self.checkpoint, self.dataset, objective_config)
        return {
            "title": f"{self.checkpoint.title}{objective_config.title}",
            "checkpoint": {
                "file": self.path.name,
                "sha256": self.sha256,
                "epoch": self.checkpoint.epoch,
                "method": self.checkpoint.method,
            },
            "data": {"name": self.dataset.name, "sha256": self.dataset.sha256},
            "objective": objective_config.described(),
            **({"users_without_negatives": exhausted} if exhausted else {}),
            **process_metadata(),
        }

    def objective(
        self, objective_config: ObjectiveConfig, *, device: torch.device | str = "cpu"
    ) -> tuple[Objective[Any], float | None]:
        """Return the loss and the number of batches that all users would make; errors as of ``objective_of``."""
        return objective_of(self.checkpoint, self.dataset, objective_config, device=device)

    def sample_total(self, objective_config: ObjectiveConfig) -> int:
        """Return the number of users of the loss; errors as of ``selected_users``."""
        return number_of_users(self.checkpoint, self.dataset, objective_config)

    def extras(
        self,
        objective_config: ObjectiveConfig,
        objective: Objective[Any],
        names: Sequence[str],
        *,
        device: torch.device | str = "cpu",
    ) -> Extras:
        """Return other losses and rankings; errors as of ``extras_of``."""
        return extras_of(self.checkpoint, self.dataset, objective_config, objective, names, device=device)

    def localizations(self, objective: Objective[Any], pairs: EigenPairs) -> tuple[Localization, ...]:
        """Return the shares of the eigenvectors by block, and by popularity of the items."""
        by_popularity = localization_by_popularity(objective.space, pairs, self.checkpoint, self.dataset)
        return tuple(filter(None, (localization_by_block(objective.space, pairs, BLOCKS), by_popularity)))

    def point(self, objective: Objective[Any], path: str | Path) -> Point:
        """Return another checkpoint of the same network and data."""
        other = load_checkpoint(path)
        if other.data["sha256"] != self.dataset.sha256:
            raise ValueError(f"{path} was trained on {other.data['name']}, whose items are not those of {self.dataset}")
        try:
            return Point(other.title, f"epoch {other.epoch}", objective.space.flatten(other.weights))
        except ValueError as problem:
            raise ValueError(f"{path} has another network than {self.path}: {problem}") from None

    def point_sha256(self, path: str | Path) -> str:
        """Return the SHA-256 of a file that is a checkpoint: any other is refused before anything is begun."""
        load_checkpoint(path)
        return file_sha256(path)

    def snapshots(self, run: str | Path) -> list[Path]:
        """Return the snapshots of a training run."""
        return snapshots(run)

    def run_history(self, run: str | Path) -> list[dict[str, Any]]:
        """Return the training history in a run's folder."""
        return history_of(Path(run))

    def run_title(self, run: str | Path, first: Point) -> str:
        """Return method, optimiser, data and seed."""
        return first.title

    def history(self) -> list[dict[str, Any]]:
        """Return the training history."""
        return history_of(self.path.parent)

    def errors(self) -> AbstractContextManager[None]:
        """Return a context that names the checkpoint in errors."""
        return errors_about(self.path)
