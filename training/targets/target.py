"""What is analysed: a model with its loss and data, and the results that lie beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from landscape.objectives.objective import Objective
from landscape.results import EigenPairs, Localization
from landscape.results.storage.cache import ResultCache
from landscape.surfaces.quantities import Metrics
from landscape.training.config.objective import ObjectiveConfig


@dataclass(frozen=True)
class Extras:
    """What to compute on a plane beside the loss."""

    parts: bool  # of the loss
    others: Mapping[str, Objective[Any]]  # further losses by name
    metrics: Metrics  # which may jump from point to point


class Point(NamedTuple):
    """Another model of the same kind."""

    title: str
    step: str  # its name as a point of a trajectory
    params: Tensor  # (n,)


class AnalysisTarget(ABC):
    """A model with its loss and data, as surfaces and curvatures are computed of it.

    Attributes:
        path: The file that it was opened from.
        sha256: A hash of the model, by which results belong together.
        sample_unit: What a part of the data is counted in.
        sample_first: How many of these are the first part that is tried.
    """

    path: Path
    sha256: str
    sample_unit: ClassVar[str]
    sample_first: ClassVar[int]

    @property
    @abstractmethod
    def title(self) -> str:
        """The model's name, for people."""

    @property
    @abstractmethod
    def data_sha256(self) -> str:
        """A hash of the data."""

    @property
    @abstractmethod
    def blocks(self) -> Mapping[str, str]:
        """Patterns of parameters' names by the name of the block, for ``block_eigenvalues``."""

    @abstractmethod
    def cache(self, objective_config: ObjectiveConfig) -> ResultCache:
        """Return the cache of results about one loss."""

    @abstractmethod
    def provenance(self, objective_config: ObjectiveConfig) -> dict[str, Any]:
        """Return what is stored with every result about one loss: title, checkpoint, data, objective and process."""

    @abstractmethod
    def objective(
        self, objective_config: ObjectiveConfig, *, device: torch.device | str = "cpu"
    ) -> tuple[Objective[Any], float | None]:
        """Return the loss, and the number of batches that all data would make; None where that is unknown.

        Raises:
            ValueError: There is no such loss.
        """

    @abstractmethod
    def sample_total(self, objective_config: ObjectiveConfig) -> int:
        """Return of how many users, or batches, a loss can be; errors as of ``objective``."""

    @abstractmethod
    def extras(
        self,
        objective_config: ObjectiveConfig,
        objective: Objective[Any],
        names: Sequence[str],
        *,
        device: torch.device | str = "cpu",
    ) -> Extras:
        """Return the quantities that are meant by the names of metrics.

        Raises:
            ValueError: A name is unknown, or there is no such loss.
        """

    @abstractmethod
    def localizations(self, objective: Objective[Any], pairs: EigenPairs) -> tuple[Localization, ...]:
        """Return where eigenvectors lie."""

    @abstractmethod
    def point(self, objective: Objective[Any], path: str | Path) -> Point:
        """Return the model in another file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It holds no such model, or one of other data or sizes.
        """

    @abstractmethod
    def point_sha256(self, path: str | Path) -> str:
        """Return a hash of a file that ``point`` reads; errors as of ``point``, but for data and sizes."""

    @abstractmethod
    def snapshots(self, run: str | Path) -> list[Path]:
        """Return the files, for ``point``, of a run's trajectory in their order.

        Raises:
            FileNotFoundError: There are none.
        """

    @abstractmethod
    def run_history(self, run: str | Path) -> list[dict[str, Any]]:
        """Return the history of a run of which there are snapshots; empty if it has none."""

    @abstractmethod
    def run_title(self, run: str | Path, first: Point) -> str:
        """Return the name of a run, whose first snapshot is given, for people."""

    @abstractmethod
    def history(self) -> list[dict[str, Any]]:
        """Return the training history, if one lies beside the file."""

    @abstractmethod
    def errors(self) -> AbstractContextManager[None]:
        """Return a context in which an analysis runs; errors become ValueErrors that name the file."""
