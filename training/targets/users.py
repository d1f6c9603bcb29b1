"""The users of a loss: those with targets, with negatives where the loss needs some, and a random part of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from landscape.training.batches.negatives import NegativeSampler
from landscape.training.batches.packing import InputWindows, Ints, input_windows
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.data.splits import HELD_OUT, TRAINING_SEQUENCE
from landscape.training.targets.settings import USERS, needs_negatives, stream


def selected_users(checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig) -> tuple[Ints, float]:
    """Return the users of a loss, and how many times as many there are.

    Raises:
        ValueError: ``objective_config`` asks for more users than there are, or no user has negatives.
    """
    inputs = _inputs(checkpoint, dataset, objective_config)
    return select_users(inputs, sampler_of(dataset, objective_config), checkpoint, objective_config)


def users_without_negatives(checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig) -> int:
    """Return how many users a loss leaves out because they have had all items; 0 where it needs no negatives."""
    if not needs_negatives(checkpoint, objective_config):
        return 0
    available = _available(_inputs(checkpoint, dataset, objective_config), checkpoint, dataset, objective_config)
    return int(sampler_of(dataset, objective_config).exhausted[available].sum())


def sampler_of(dataset: Dataset, objective_config: ObjectiveConfig) -> NegativeSampler:
    """Return what draws the negatives of a loss: held-out targets are compared with items of no part of a sequence."""
    return NegativeSampler(dataset, held_out=TRAINING_SEQUENCE if objective_config.split == "train" else 0)


def select_users(
    inputs: InputWindows, sampler: NegativeSampler, checkpoint: Checkpoint, objective_config: ObjectiveConfig
) -> tuple[Ints, float]:
    """Return the users of a loss with these inputs, and how many times as many there are.

    Raises:
        ValueError: ``objective_config`` asks for more users than there are, or no user has negatives.
    """
    dataset = sampler.dataset
    available = _available(inputs, checkpoint, dataset, objective_config)
    if needs_negatives(checkpoint, objective_config):
        available = sampler.without_exhausted(available)
    count = objective_config.users
    if count is None:
        return available, 1.0
    if isinstance(count, str):
        raise ValueError(f"--users {count} is a number that has to be chosen first; `sample_size.py` does that")
    if count > len(available):
        raise ValueError(
            f"--users {count} exceeds the {len(available)} users of {dataset.name} "
            f"in the {objective_config.split} split"
        )
    generator = stream(objective_config, USERS)
    first = objective_config.skipped
    if first is not None:  # more users are these and others
        drawn = generator.permutation(available)[first : first + count]
    else:
        drawn = generator.choice(available, count, replace=False)
    return np.sort(drawn), len(available) / count


def number_of_users(checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig) -> int:
    """Return how many users a loss can be of; errors as of ``selected_users``."""
    return len(selected_users(checkpoint, dataset, replace(objective_config, users=None, precision=None))[0])


def _inputs(checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig) -> InputWindows:
    return input_windows(dataset, checkpoint.model["max_length"], held_out=HELD_OUT[objective_config.split])


def _available(
    inputs: InputWindows, checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig
) -> Ints:
    available = np.flatnonzero(inputs.lengths > 0)
    if objective_config.split != "train":
        return available
    settings = checkpoint.settings
    trained = training_users(dataset, settings.get("train_fraction", 1.0), settings.get("seed", 0))
    return np.intersect1d(available, trained, assume_unique=True)
