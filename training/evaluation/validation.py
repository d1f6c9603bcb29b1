"""Validation during training: of all users, or of some of them that are drawn once."""

from __future__ import annotations

import numpy as np

from landscape.training.batches.packing import Ints
from landscape.training.data.dataset import Dataset
from landscape.training.evaluation.metrics import standard_errors, summarise
from landscape.training.evaluation.ranking import FullRanking, Ranks

VALIDATION = 5  # the stream of random numbers, beside those of the stages
USERS = "users"  # in the metrics, if only some were ranked; with the standard errors under
STDERR = "{} stderr"


def validation_users(dataset: Dataset, count: int, seed: int) -> Ints:
    """Return ``count`` of the users at random, (U',) sorted, or all if there are no more.

    They depend on the seed and the number of users alone; with one seed, fewer lie within more.
    """
    return np.sort(np.random.default_rng([seed, VALIDATION]).permutation(dataset.n_users)[:count])


def validation_ranking(dataset: Dataset, max_length: int, *, count: int | None = None, seed: int = 0) -> FullRanking:
    """Return the ranking of the validation items of all users, or of ``validation_users``, among all items.

    Args:
        dataset: Whose users and items.
        max_length: Of the models.
        count: Number of users; all where it is None.
        seed: Of the draw.
    """
    if count is not None and count < dataset.n_users:
        dataset = dataset.of_users(validation_users(dataset, count, seed))
    return FullRanking(dataset, "valid", max_length)


def validation_metrics(ranks: Ranks, *, sampled: bool) -> dict[str, float]:
    """Return the metrics by name; of a sample of users also its size and the standard errors, by ``STDERR``."""
    metrics = summarise(ranks)
    if sampled:
        errors = {STDERR.format(name): error for name, error in standard_errors(ranks).items()}
        metrics = {**metrics, **errors, USERS: len(ranks)}
    return metrics


def validation_text(metrics: dict[str, float], names: tuple[str, ...], n_users: int) -> str:
    """Return metrics as text; of a sample of users with standard errors, and its size out of ``n_users``.

    Example:
        >>> validation_text({"MRR": 0.12346}, ("MRR",), 500)
        'MRR 0.1235'
        >>> validation_text({"MRR": 0.12346, "MRR stderr": 0.01, "users": 100}, ("MRR",), 500)
        'MRR 0.1235 ± 0.0100 (100 of 500 users)'
    """
    sampled = USERS in metrics
    text = ", ".join(
        f"{name} {metrics[name]:.4f}" + (f" ± {metrics[STDERR.format(name)]:.4f}" if sampled else "") for name in names
    )
    return f"{text} ({metrics[USERS]:,} of {n_users:,} users)" if sampled else text
