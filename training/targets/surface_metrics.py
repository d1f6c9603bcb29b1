"""Further quantities on a plane: other losses, and ranking metrics at its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.objectives.objective import Objective
from landscape.surfaces.quantities import Metric
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.objective import OBJECTIVES, ObjectiveConfig
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import HELD_OUT, RANKED
from landscape.training.evaluation.metrics import METRICS, summarise
from landscape.training.evaluation.ranking import FullRanking
from landscape.training.targets.objective import objective_of
from landscape.training.targets.target import Extras
from landscape.training.targets.users import selected_users

PARTS = "parts"
TARGETS = {"train": "training", "valid": "validation", "test": "test"}


def extras_of(
    checkpoint: Checkpoint,
    dataset: Dataset,
    objective_config: ObjectiveConfig,
    objective: Objective[Any],
    names: Sequence[str],
    *,
    device: torch.device | str = "cpu",
) -> Extras:
    """Return the quantities that are meant by the names of metrics.

    Args:
        checkpoint: The checkpoint.
        dataset: Its data.
        objective_config: The loss of the plane; other losses are on the same users.
        objective: That loss.
        names: Each ``parts``, one of HELD_OUT (the loss on these targets), of OBJECTIVES, or of METRICS.
        device: Where to compute.

    Raises:
        ValueError: A name is unknown, or the checkpoint has no such loss.
    """
    metrics = [one_of(name, (PARTS, *HELD_OUT, *OBJECTIVES, *METRICS), "the metric") for name in names]
    others: dict[str, Objective[Any]] = {}
    for name in metrics:
        if name in HELD_OUT:
            other, title = replace(objective_config, split=name), f"{TARGETS[name]} loss"
        elif name in OBJECTIVES:
            other, title = replace(objective_config, loss=name), f"{name} loss"
        else:
            continue
        if other != objective_config:
            others[title] = objective_of(checkpoint, dataset, other, device=device)[0]
    ranked = tuple(dict.fromkeys(name for name in metrics if name in METRICS))
    rankings = (_ranking(checkpoint, dataset, objective_config, objective, ranked),) if ranked else ()
    return Extras(PARTS in metrics, others, rankings)


def _ranking(
    checkpoint: Checkpoint,
    dataset: Dataset,
    objective_config: ObjectiveConfig,
    objective: Objective[Any],
    names: tuple[str, ...],
) -> Metric:
    """Full ranking of held-out items, by another instance of the model; several metrics in one pass."""
    split = objective_config.split if objective_config.split in RANKED else "valid"
    users, _ = selected_users(checkpoint, dataset, objective_config)
    dataset = dataset if objective_config.users is None else dataset.of_users(users)
    model = checkpoint.build().to(objective.device)
    tensors = dict(model.named_parameters())
    ranking = FullRanking(dataset, split, model.max_length)

    @torch.no_grad()
    def ranked(params: Tensor) -> list[float]:
        for name, view in objective.space.views(params).items():
            tensors[name].copy_(view)
        values = summarise(ranking.ranks(model))
        return [values[name] for name in names]

    return Metric(tuple(f"{TARGETS[split]} {name}" for name in names), ranked)
