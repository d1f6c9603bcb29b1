"""A checkpoint with its data, and the results that lie beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from landscape.provenance import file_sha256, process_metadata
from landscape.results.cache import ResultCache
from landscape.results.files import errors_about
from landscape.results.printable import printable
from landscape.training.analysis.users import users_without_negatives
from landscape.training.checkpoints.checkpoint import Checkpoint, data_of, load_checkpoint
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.data.dataset import Dataset


@dataclass(frozen=True)
class AnalysisTarget:
    """A checkpoint with its data."""

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
    ) -> AnalysisTarget:
        """Read a checkpoint and load its data; errors of ``data_of`` become ValueErrors that name ``path``."""
        checkpoint = load_checkpoint(path)
        with errors_about(printable(path)):
            dataset = data_of(checkpoint, data, data_dir=data_dir)
        return cls(Path(path), file_sha256(path), checkpoint, dataset, results_folder)

    def cache(self, objective_config: ObjectiveConfig) -> ResultCache:
        """Return the cache of results about one loss of this checkpoint."""
        folder = self.results_folder if self.results_folder is not None else self.path.parent / "results"
        return ResultCache(folder, {"checkpoint": self.sha256, **asdict(objective_config)}, name=self.path.stem)

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
            "objective": asdict(objective_config),
            **({"users_without_negatives": exhausted} if exhausted else {}),
            **process_metadata(),
        }
