"""Items by popularity, from the head to the tail, and the share of eigenvectors on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from landscape.geometry.localization import localization_by_rows
from landscape.parameters.parameter_space import ParamSpace
from landscape.results import EigenPairs, Localization
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.evaluation.baselines import popularity

ITEMS = "items.weight"
DECILES = ("1, head", *map(str, range(2, 10)), "10, tail")


def localization_by_popularity(
    space: ParamSpace, pairs: EigenPairs, checkpoint: Checkpoint, dataset: Dataset
) -> Localization | None:
    """Return the shares of eigenvectors by decile of the items; None where the item table is not in the space.

    A decile has a tenth of the active items, by how often they occur in the training sequences; ties go by id.
    The baseline ``interactions`` is the share of these occurrences.
    """
    if ITEMS not in space.names:
        return None
    users = training_users(dataset, checkpoint.settings.get("train_fraction", 1.0), checkpoint.seed)
    counts = popularity(dataset, users)
    rows = space.active_rows(ITEMS).numpy()
    rows = rows[(rows > 0) & (rows <= dataset.n_items)]  # neither padding nor [mask]
    order = torch.from_numpy(rows[np.argsort(-counts[rows], kind="stable")])
    tenths = torch.tensor_split(order, len(DECILES))
    shares = localization_by_rows(space, pairs, ITEMS, dict(zip(DECILES, tenths, strict=True)), "item popularity")
    interactions = np.array([counts[items.numpy()].sum() for items in tenths]) / counts[1:].sum()
    return replace(shares, baselines={**shares.baselines, "interactions": interactions})
