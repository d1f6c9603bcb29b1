"""A checkpoint that is looked at, and where what is found of it lies.

Results lie beside the checkpoint in ``results/``, under names that carry a hash of all that made them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from landscape.provenance import command, file_sha256, versions
from landscape.results.serialization import to_plain
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
    keep: Path | None = None  # the folder for results; ``results/`` beside the checkpoint where it is None

    @classmethod
    def open(
        cls, path: str | Path, data: str | None = None, *, data_dir: str | None = None, keep: Path | None = None
    ) -> AnalysisTarget:
        """Read a checkpoint and find its data; errors as ``load_checkpoint`` and ``data_of`` raise them."""
        checkpoint = load_checkpoint(path)
        return cls(Path(path), file_sha256(path), checkpoint, data_of(checkpoint, data, data_dir=data_dir), keep)

    def place(self, kind: str, objective_config: ObjectiveConfig, /, **what: Any) -> Path:
        """The file, without its suffix, for a result of this kind, made with ``what``; its folder is there.

        Raises:
            OSError: The folder cannot be made.
        """
        folder = self.keep if self.keep is not None else self.path.parent / "results"
        folder.mkdir(parents=True, exist_ok=True)
        made = to_plain({"checkpoint": self.sha256, **asdict(objective_config), **what})
        digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:10]
        return folder / f"{kind}-{self.path.stem}-{digest}"

    def provenance(self, objective_config: ObjectiveConfig) -> dict[str, Any]:
        """What the numbers come from."""
        return {
            "title": f"{self.checkpoint.title}{objective_config.title}",
            "command": command(),
            "checkpoint": {
                "file": self.path.name,
                "sha256": self.sha256,
                "epoch": self.checkpoint.epoch,
                "method": self.checkpoint.method,
            },
            "data": {"name": self.dataset.name, "sha256": self.dataset.sha256},
            "objective": asdict(objective_config),
            "versions": versions(),
            "threads": torch.get_num_threads(),
        }
