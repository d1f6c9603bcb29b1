"""From a checkpoint and its data to an objective: the loss whose landscape is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from landscape.choices import one_of
from landscape.objective import Objective
from landscape.params import ParamSpace
from models.sasrec import SASRec
from training.checkpoint import Checkpoint
from training.datasets import Dataset, load, training_users
from training.losses import recommendation
from training.packing import Batch, Ints, NegativeSampler, batch, groups, pieces

READ = {"train": 3, "valid": 2, "test": 1}  # by split, how far from the end what is read ends
MIN_GROUPS = 20  # batches are the jackknife's groups: fewer make its error a guess
TOKENS_A_BATCH = 64 * 50  # a Hessian product's intermediate results stay in a processor's cache


@dataclass(frozen=True)
class Subset:
    """Which terms of the recommendation loss an analysis is about. Equal subsets make models comparable."""

    split: str = "train"  # its held-out targets for valid and test, one term a user
    users: int | None = None  # how many users, drawn by ``seed``; all when None
    seed: int = 0  # of the users, of their grouping into batches and of the negatives

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", one_of(self.split, READ, "the split"))
        if self.users is not None and self.users < 1:
            raise ValueError(f"the number of users must be at least 1, got {self.users}")


def data_of(checkpoint: Checkpoint, data: str | None = None, *, data_dir: str | None = None) -> Dataset:
    """The data that a checkpoint was trained on, from where it was then or from ``data`` (a name or a file).

    Raises:
        FileNotFoundError: It is not there any more.
        ValueError: It is not the same data.
    """
    wanted = data or checkpoint.data["source"]
    try:
        dataset = load(wanted, data_dir=data_dir)
    except FileNotFoundError:
        if data:
            raise
        try:
            dataset = load(checkpoint.data["name"], data_dir=data_dir)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"the checkpoint's data {wanted} is not there; say where {checkpoint.data['name']} is with --data"
            ) from None
    if dataset.sha256 != checkpoint.data["sha256"]:
        raise ValueError(
            f"{dataset.source} is not what the checkpoint was trained on: SHA-256 {dataset.sha256[:12]}… instead of "
            f"{checkpoint.data['sha256'][:12]}…; give the right file with --data"
        )
    return dataset


def recommendation_objective(
    checkpoint: Checkpoint,
    dataset: Dataset,
    subset: Subset,
    *,
    device: torch.device | str = "cpu",
    padded: bool = False,
) -> tuple[Objective[Batch], float]:
    """SAMRec's Eq. 2 around a checkpoint, on fixed users with frozen negatives.

    Users, grouping and negatives depend on the data and the subset alone: for all methods they are the same.
    Rows of the tables that no input, target or negative looks up take no part.

    Returns:
        The objective, and for its standard error the number of batches that all users of the split would make.

    Raises:
        ValueError: The subset asks for more users than there are.
    """
    model = checkpoint.build().to(device)
    read = pieces(dataset, model.max_length, until=READ[subset.split])
    available = np.flatnonzero(read.lengths > 0)
    if subset.split == "train":
        fraction, seed = checkpoint.settings.get("train_fraction", 1.0), checkpoint.settings.get("seed", 0)
        available = np.intersect1d(available, training_users(dataset, fraction, seed))
    chosen = _chosen(available, subset, dataset.name)
    generator = np.random.default_rng([subset.seed, 0])
    negatives = NegativeSampler(dataset, until=2 if subset.split == "train" else 0).draw(
        np.random.default_rng([subset.seed, 1])
    )
    size = min(round(TOKENS_A_BATCH / read.lengths[chosen].mean()), -(-len(chosen) // MIN_GROUPS))
    batches = [
        batch(
            dataset,
            read,
            users,
            model.max_length,
            targets="each" if subset.split == "train" else "last",
            negatives=negatives,
            padded=padded,
        )
        for users in groups(chosen, max(1, size), generator)
    ]
    space = ParamSpace(model, exclude_rows=_unused_rows(model, batches))
    objective = Objective(model, recommendation, batches, space=space, device=device)
    return objective, len(batches) * len(available) / len(chosen)


def _chosen(available: Ints, subset: Subset, name: str) -> Ints:
    if subset.users is None:
        return available
    if subset.users > len(available):
        raise ValueError(
            f"--users {subset.users} exceeds the {len(available)} users of {name} in the {subset.split} split"
        )
    return np.sort(np.random.default_rng([subset.seed, 2]).choice(available, subset.users, replace=False))


def _unused_rows(model: SASRec, batches: Iterable[Batch]) -> dict[str, torch.Tensor]:
    """Rows of the item and position tables that no batch looks up."""
    items = torch.zeros(model.items.num_embeddings, dtype=torch.bool)
    positions = torch.zeros(model.positions.num_embeddings, dtype=torch.bool)
    for rows in batches:
        positions[rows.positions[rows.segments > 0]] = True
        for looked_up in (rows.items, rows.targets, rows.negatives):
            if looked_up is not None:
                items[looked_up.flatten()] = True
    items[0] = False  # padding is looked up, and masked out
    return {"items.weight": torch.nonzero(~items).flatten(), "positions.weight": torch.nonzero(~positions).flatten()}
