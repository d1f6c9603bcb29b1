"""The input of every benchmark: the data, a trained checkpoint, and the loss around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from landscape import Objective
from landscape.training.batches.packing import Batch, input_windows
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.data.dataset import Dataset, load
from landscape.training.targets.objective import objective_of

DATA = "Beauty"
USERS = 500
QUICK = 0.03  # the share of the users with --quick


@dataclass(frozen=True)
class Setting:
    """The work that is the same for all implementations."""

    data_dir: str | None
    checkpoint_path: Path
    quick: bool  # only to check that everything runs: the seconds are meaningless
    users: int = USERS  # for spectra and traces

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
        """Return the loss on a share of the training users, and its share of all terms."""
        share *= QUICK if self.quick else 1.0
        users = None if share == 1 else round(share * self.dataset.n_users)
        objective, _ = objective_of(self.checkpoint, self.dataset, ObjectiveConfig(users=users), padded=padded)
        terms = input_windows(self.dataset, self.checkpoint.model["max_length"], held_out=3).lengths.sum()
        return objective, float(objective.counts.sum()) / float(terms)

    def repeats(self, usual: int) -> int:
        """Return the number of repeats: ``usual``, or at most 2 with --quick."""
        return min(usual, 2) if self.quick else usual


def scaled(measured: dict[str, Any], share: float) -> dict[str, Any]:
    """Return a measurement on a share of the terms, with the seconds scaled to all terms."""
    return measured | {
        "share_of_terms": share,
        "seconds_measured": measured["seconds"],
        "seconds": measured["seconds"] / share,
    }


def nearby(objective: Objective[Batch]) -> torch.Tensor:
    """Return parameters (n,) near θ₀, so that nothing that is cached for θ₀ itself can be used."""
    noise = torch.randn(len(objective.params), generator=torch.Generator().manual_seed(0))
    return objective.params * (1 + 1e-3 * noise)
