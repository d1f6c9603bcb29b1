"""What every benchmark is given: the data, a trained checkpoint, and the loss around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from landscape import Objective
from landscape.training.analysis.objective import objective_of
from landscape.training.batches.packing import Batch, pieces
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.data.dataset import Dataset, load

DATA = "Beauty"
USERS = 500
QUICK = 0.03  # the share of the users that --quick looks at


@dataclass(frozen=True)
class Setting:
    """The work that all ways of doing it share."""

    data_dir: str | None
    checkpoint_path: Path
    quick: bool  # only to see that everything runs: seconds mean nothing
    users: int = USERS  # on whom spectra and traces are estimated

    @cached_property
    def dataset(self) -> Dataset:
        """Amazon Beauty."""
        return load(DATA, data_dir=self.data_dir)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """A SASRec, trained to its stopping rule unless ``quick``."""
        return load_checkpoint(self.checkpoint_path)

    @property
    def few(self) -> float:
        """The share of all users that ``users`` is."""
        return min(1.0, self.users / self.dataset.n_users)

    def objective(self, share: float = 1.0, *, padded: bool = False) -> tuple[Objective[Batch], float]:
        """The loss on a share of the training users, and the share of all its terms that this is."""
        share *= QUICK if self.quick else 1.0
        users = None if share == 1 else round(share * self.dataset.n_users)
        objective, _ = objective_of(self.checkpoint, self.dataset, ObjectiveConfig(users=users), padded=padded)
        terms = pieces(self.dataset, self.checkpoint.model["max_length"], until=3).lengths.sum()
        return objective, float(objective.counts.sum()) / float(terms)

    def repeats(self, usual: int) -> int:
        """How often to time something."""
        return min(usual, 2) if self.quick else usual


def scaled(measured: dict[str, Any], share: float) -> dict[str, Any]:
    """A measurement on a share of the terms, with the seconds that all of them would take."""
    return measured | {
        "share_of_terms": share,
        "seconds_measured": measured["seconds"],
        "seconds": measured["seconds"] / share,
    }


def nearby(objective: Objective[Batch]) -> torch.Tensor:
    """Parameters (n,) a little off θ₀, so that nothing about θ₀ itself can be kept and used again."""
    noise = torch.randn(len(objective.params), generator=torch.Generator().manual_seed(0))
    return objective.params * (1 + 1e-3 * noise)
