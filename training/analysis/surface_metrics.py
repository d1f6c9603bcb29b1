"""What can be computed on a plane beside the loss: other losses, and how well its points rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.objectives.objective import Objective
from landscape.surfaces.quantities import Metric
from landscape.training.analysis.objective import chosen_users, objective_of
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.config.objective import OBJECTIVES, READ, ObjectiveConfig
from landscape.training.evaluation.metrics import METRICS, summarise
from landscape.training.evaluation.ranking import SPLITS, model_ranks

PARTS = "parts"
TARGETS = {"train": "training", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Extras:
    """Beside the loss."""

    parts: bool  # of the loss
    others: dict[str, Objective[Any]]  # further losses by name
    rankings: tuple[Metric, ...]  # step functions


def extras_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    objective: Objective[Any],
    names: Sequence[str],
    *,
    device: torch.device | str = "cpu",
) -> Extras:
    """What is meant by the names of metrics.

    Args:
        target: The checkpoint.
        objective_config: Of which the loss of the plane is; other losses are on the same users.
        objective: That loss.
        names: Each ``parts``, one of READ (the loss on these targets), of OBJECTIVES, or of METRICS.
        device: Where to compute.

    Raises:
        ValueError: A name is unknown, or the checkpoint has no such loss.
    """
    chosen = [one_of(name, (PARTS, *READ, *OBJECTIVES, *METRICS), "the metric") for name in names]
    others: dict[str, Objective[Any]] = {}
    for name in chosen:
        if name in READ:
            wanted, told = replace(objective_config, split=name), f"{TARGETS[name]} loss"
        elif name in OBJECTIVES:
            wanted, told = replace(objective_config, loss=name), f"{name} loss"
        else:
            continue
        if wanted != objective_config:
            others[told] = objective_of(target.checkpoint, target.dataset, wanted, device=device)[0]
    ranked = tuple(dict.fromkeys(name for name in chosen if name in METRICS))
    return Extras(PARTS in chosen, others, (_ranking(target, objective_config, objective, ranked),) if ranked else ())


def _ranking(
    target: AnalysisTarget, objective_config: ObjectiveConfig, objective: Objective[Any], names: tuple[str, ...]
) -> Metric:
    """Full ranking of held-out items, by a model of its own whose weights are put in place: several metrics a pass."""
    split = objective_config.split if objective_config.split in SPLITS else "valid"
    users, _ = chosen_users(target.checkpoint, target.dataset, objective_config)
    dataset = target.dataset if objective_config.users is None else target.dataset.of_users(users)
    model = target.checkpoint.build().to(objective.device)
    tensors = dict(model.named_parameters())

    @torch.no_grad()
    def ranked(params: Tensor) -> list[float]:
        for name, view in objective.space.views(params).items():
            tensors[name].copy_(view)
        found = summarise(model_ranks(model, dataset, split))
        return [found[name] for name in names]

    return Metric(tuple(f"{TARGETS[split]} {name}" for name in names), ranked)
