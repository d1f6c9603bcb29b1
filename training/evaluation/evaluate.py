"""How well a checkpoint ranks, beside two baselines that only count, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from landscape.choices import one_of
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.evaluation.baselines import popularity_ranks, successor_ranks
from landscape.training.evaluation.metrics import METRICS, Difference, paired_difference, standard_errors, summarise
from landscape.training.evaluation.ranking import SPLITS, Ranks, model_ranks

BASELINES = {"popularity": popularity_ranks, "successors": successor_ranks}


@dataclass(frozen=True)
class Evaluation:
    """Ranks of every user's held-out item among all items."""

    title: str
    split: str
    ranks: Ranks  # (U,)
    baselines: dict[str, Ranks] = field(default_factory=dict)
    best_hit_rate: float | None = None  # HR@10 of the best possible ranking, where the data is made and it is known

    @property
    def repeated(self) -> int:
        """Users whose held-out item they had before: excluded from the ranking, they count as misses."""
        return int(np.isinf(self.ranks).sum())

    def values(self) -> dict[str, Any]:
        """Plain values: the metrics by name, then their standard errors and the baselines' under keys of their own."""
        found: dict[str, Any] = dict(summarise(self.ranks))
        found["stderr"] = standard_errors(self.ranks)
        found["baselines"] = {name: summarise(ranks) for name, ranks in self.baselines.items()}
        if self.best_hit_rate is not None:
            found["best_possible"] = {"HR@10": self.best_hit_rate}
        return found | {
            "title": self.title,
            "split": self.split,
            "users": len(self.ranks),
            "repeated_targets": self.repeated,
        }


def evaluate(checkpoint: Checkpoint, dataset: Dataset, split: str, *, device: torch.device | str = "cpu") -> Evaluation:
    """Rank the held-out items of ``split`` with a checkpoint and with the baselines, counted on its training users.

    Raises:
        ValueError: ``split`` is unknown.
    """
    split = one_of(split, SPLITS, "the split to rank on")
    users = training_users(dataset, checkpoint.settings.get("train_fraction", 1.0), checkpoint.seed)
    return Evaluation(
        title=checkpoint.title,
        split=split,
        ranks=model_ranks(checkpoint.build().to(device), dataset, split),
        baselines={name: ranks(dataset, split, users) for name, ranks in BASELINES.items()},
        best_hit_rate=dataset.best_hit_rate if split == "test" else None,
    )


def differences(first: Evaluation, second: Evaluation, *, seed: int = 0) -> dict[str, Difference]:
    """By metric, how much higher ``second`` is than ``first`` on the same users, with 95 % bootstrap intervals.

    Raises:
        ValueError: The two are not of the same users and split.
    """
    if first.split != second.split:
        raise ValueError(f"one evaluation is of the {first.split} split, the other of the {second.split} split")
    generator = np.random.default_rng(seed)
    return {name: paired_difference(first.ranks, second.ranks, name, generator=generator) for name in METRICS}


def table(evaluations: list[Evaluation], gains: dict[str, Difference]) -> str:
    """Metrics of one or two evaluations with standard errors, the baselines, and the paired differences, as text."""
    first = evaluations[0]
    columns: dict[str, dict[str, str]] = {}
    for one in evaluations:
        means, errors = summarise(one.ranks), standard_errors(one.ranks)
        title = one.title if one.title not in columns else f"{one.title} (2)"
        columns[title] = {name: f"{means[name]:.4f} ± {errors[name]:.4f}" for name in METRICS}
    for name, ranks in first.baselines.items():
        columns[name] = {metric: f"{mean:.4f}" for metric, mean in summarise(ranks).items()}
    if first.best_hit_rate is not None:
        columns["best possible"] = {"HR@10": f"{first.best_hit_rate:.4f}"}
    text = _columns(f"Full ranking of the {first.split} items, {len(first.ranks):,} users", columns)
    if first.repeated:
        text += f"\n{first.repeated:,} held-out items are repeats: excluded from the ranking, they count as misses"
    if gains:
        paired = {"difference, 95 % interval over users": {name: str(gain) for name, gain in gains.items()}}
        text += "\n\n" + _columns(f"{evaluations[1].title} - {first.title}, user by user", paired)
    return text


def _columns(title: str, columns: dict[str, dict[str, str]]) -> str:
    """A table with a row for each metric."""
    shown = Table(box=SIMPLE_HEAD)
    shown.add_column("")
    for name, cells in columns.items():  # a long name is broken into lines, a number never is
        shown.add_column(name, justify="right", min_width=max(map(len, cells.values())), max_width=27)
    for metric in METRICS:
        shown.add_row(metric, *(cells.get(metric, "") for cells in columns.values()))
    console = Console(width=100, color_system=None)
    with console.capture() as text:
        console.print(shown)
    return "\n".join([title, *(line.rstrip() for line in text.get().rstrip().splitlines()[1:])])
