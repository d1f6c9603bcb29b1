"""Ranking metrics of a checkpoint, beside two baselines that only count, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.distributed import ProcessGroup

from landscape.processes import Processes
from landscape.results.display.tables import Table
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.evaluation.baselines import popularity_ranks, successor_ranks
from landscape.training.evaluation.metrics import METRICS, Difference, paired_difference, standard_errors, summarise
from landscape.training.evaluation.ranking import FullRanking, Ranks, ranked_split

WIDTH, HEADING_WIDTH = 100, 27  # characters of the printed table's lines, and of its headings'

BASELINES = {"popularity": popularity_ranks, "successors": successor_ranks}


@dataclass(frozen=True)
class Evaluation:
    """Ranks of every user's held-out item among all items."""

    title: str
    split: str
    ranks: Ranks  # (U,)
    baselines: dict[str, Ranks] = field(default_factory=dict)
    best_hit_rate: float | None = None  # HR@10 of the best possible ranking, known for synthetic data only
    allow_repeats: bool = False  # whether items that a user has had stay candidates
    ranked_repeats: int = 0  # held-out items that the user had before, where they are candidates

    @property
    def repeated(self) -> int:
        """Users whose held-out item they had before; unless repeats are allowed, it counts as a miss."""
        return self.ranked_repeats if self.allow_repeats else int(np.isinf(self.ranks).sum())

    @property
    def unranked(self) -> int:
        """Users without a rank, because the model's scores are not finite; the metrics are NaN if there are any."""
        return int(np.isnan(self.ranks).sum())

    def values(self) -> dict[str, Any]:
        """Return plain values: the metrics by name, their standard errors (``stderr``), and the ``baselines``'."""
        values: dict[str, Any] = dict(summarise(self.ranks))
        values["stderr"] = standard_errors(self.ranks)
        values["baselines"] = {name: summarise(ranks) for name, ranks in self.baselines.items()}
        if self.best_hit_rate is not None:
            values["best_possible"] = {"HR@10": self.best_hit_rate}
        return values | {
            "title": self.title,
            "split": self.split,
            "users": len(self.ranks),
            "repeated_targets": self.repeated,
            "unranked_users": self.unranked,
            "allow_repeats": self.allow_repeats,
        }


def evaluate(
    checkpoint: Checkpoint,
    dataset: Dataset,
    split: str,
    *,
    allow_repeats: bool = False,
    device: torch.device | str = "cpu",
    process_group: ProcessGroup | None = None,
) -> Evaluation:
    """Rank the held-out items of ``split`` with a checkpoint and with the baselines, counted on its training users.

    With ``allow_repeats`` items that a user has had stay candidates, and may be the held-out one.

    Args:
        checkpoint: The model.
        dataset: Whose users and items.
        split: The held-out items.
        allow_repeats: See above.
        device: Where to compute.
        process_group: Processes of torch.distributed that share out the users; all get the whole result, which is one
            process's to the last bit.

    Raises:
        ValueError: ``split`` is unknown, or processes have other weights or data.
        ConnectionError: Another process has ended.
    """
    processes = Processes(process_group)
    processes.require_same({"the data's SHA-256": dataset.sha256})
    split = ranked_split(split)
    users = training_users(dataset, checkpoint.settings.get("train_fraction", 1.0), checkpoint.seed)
    model = checkpoint.build().to(device)
    processes.require_equal(nn.utils.parameters_to_vector(model.parameters()), "the weights")
    ranking = FullRanking(dataset, split, model.max_length, allow_repeats=allow_repeats)
    return Evaluation(
        title=checkpoint.title,
        split=split,
        ranks=ranking.ranks(model, processes),
        baselines={
            name: ranks(dataset, split, users, allow_repeats=allow_repeats) for name, ranks in BASELINES.items()
        },
        best_hit_rate=dataset.best_hit_rate if split == "test" else None,
        allow_repeats=allow_repeats,
        ranked_repeats=ranking.history.n_repeated if allow_repeats else 0,
    )


def differences(first: Evaluation, second: Evaluation, *, seed: int = 0) -> dict[str, Difference]:
    """Return by metric how much higher ``second`` is than ``first`` on the same users, with 95 % bootstrap intervals.

    Raises:
        ValueError: The two are not of the same users, split and candidates.
    """
    if first.allow_repeats != second.allow_repeats:
        raise ValueError("one evaluation allows repeats, and the other does not: they rank other candidates")
    if first.split != second.split:
        raise ValueError(f"one evaluation is of the {first.split} split, the other of the {second.split} split")
    generator = np.random.default_rng(seed)
    return {name: paired_difference(first.ranks, second.ranks, name, generator=generator) for name in METRICS}


def table(evaluations: list[Evaluation], gains: dict[str, Difference]) -> str:
    """Return as text the metrics of one or two evaluations with standard errors, the baselines, and the differences."""
    first = evaluations[0]
    columns: dict[str, dict[str, str]] = {}
    for evaluation in evaluations:
        means, errors = summarise(evaluation.ranks), standard_errors(evaluation.ranks)
        title = evaluation.title if evaluation.title not in columns else f"{evaluation.title} (2)"
        columns[title] = {name: f"{means[name]:.4f} ± {errors[name]:.4f}" for name in METRICS}
    for name, ranks in first.baselines.items():
        columns[name] = {metric: f"{mean:.4f}" for metric, mean in summarise(ranks).items()}
    if first.best_hit_rate is not None:
        columns["best possible"] = {"HR@10": f"{first.best_hit_rate:.4f}"}
    allowed = ", repeats allowed" if first.allow_repeats else ""
    text = _columns(f"Full ranking of the {first.split} items, {len(first.ranks):,} users{allowed}", columns)
    if first.repeated:
        how = "ranked as any other" if first.allow_repeats else "excluded from the ranking, they count as misses"
        text += f"\n{first.repeated:,} held-out items are repeats: {how}"
    for evaluation in evaluations:
        if evaluation.unranked:
            text += (
                f"\n{evaluation.unranked:,} of {len(evaluation.ranks):,} users have no rank: "
                f"the scores of {evaluation.title} are not finite"
            )
    if gains:
        paired = {"difference, 95 % interval over users": {name: str(gain) for name, gain in gains.items()}}
        text += "\n\n" + _columns(f"{evaluations[1].title} - {first.title}, user by user", paired)
    return text


def _columns(title: str, columns: dict[str, dict[str, str]]) -> str:
    """Return a table with a row for each metric."""
    rows = [(metric, *(cells.get(metric, "") for cells in columns.values())) for metric in METRICS]
    return Table(title, ("", *columns), rows).text(width=WIDTH, heading_width=HEADING_WIDTH)
