"""What the settings of a checkpoint and of an objective say together: the method's own loss, and random numbers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.methods import PRETRAINED, RECOMMENDATION
from landscape.training.config.objective import OWN, ObjectiveConfig
from landscape.training.config.training import TrainingConfig

GROUPS, NEGATIVES, USERS, VIEWS, MASKS = range(5)  # one stream of random numbers for each purpose


def settings_of(checkpoint: Checkpoint) -> TrainingConfig:
    """Return how a checkpoint was trained; the method's defaults for what it does not say, because it was imported."""
    known = {field.name for field in fields(TrainingConfig)}
    settings = {name: value for name, value in checkpoint.settings.items() if name in known}
    if settings.get("pretrained"):
        settings.pop("pretrain_epochs", None)
    return TrainingConfig(**{"method": checkpoint.method, **settings})


def needs_negatives(checkpoint: Checkpoint, objective_config: ObjectiveConfig) -> bool:
    """Whether a loss of a checkpoint compares with sampled items."""
    if objective_config.loss != OWN:
        return objective_config.loss in (RECOMMENDATION, "mip")
    settings = settings_of(checkpoint)
    return settings.mip > 0 if checkpoint.stage == PRETRAINED else bool(settings.negatives)


def stream(objective_config: ObjectiveConfig, purpose: int) -> np.random.Generator:
    """Return the random numbers for one purpose, independent of those for others."""
    return np.random.default_rng([objective_config.seed, purpose])
