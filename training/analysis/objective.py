"""From a checkpoint and its data to an objective: the loss whose landscape is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.objectives.blocks import block
from landscape.objectives.objective import Objective
from landscape.objectives.parameter_space import ParamSpace
from landscape.training.batches.masked import Instances
from landscape.training.batches.negatives import NegativeSampler, SampledRows
from landscape.training.batches.packing import InputWindows, Ints, groups, pieces
from landscape.training.batches.views import ViewedBatch, view_batch
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.methods import CONTRASTIVE, HEADS, LOSSES, PRETRAINED, RECOMMENDATION
from landscape.training.config.objective import OWN, READ, ObjectiveConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.loop.stages import augmentation_of, recommendation_loss
from landscape.training.losses.cl4srec import Contrast
from landscape.training.losses.next_item import NEXT_ITEM
from landscape.training.losses.s3rec import pretraining

MIN_GROUPS = 20  # batches are the jackknife's groups: fewer make its error a guess
GROUPS, NEGATIVES, USERS, VIEWS, MASKS = range(5)  # streams of random numbers, one a purpose
TOKENS_A_BATCH = 64 * 50  # a Hessian product's intermediate results stay in a processor's cache


def objective_of(
    checkpoint: Checkpoint,
    dataset: Dataset,
    objective_config: ObjectiveConfig,
    *,
    device: torch.device | str = "cpu",
    padded: bool = False,
) -> tuple[Objective[Any], float]:
    """A loss around a checkpoint, on fixed users with frozen negatives, views and masks.

    - ``recommendation``: SAMRec's Eq. 2, the same for all methods: users, grouping and negatives depend on the data
      and the subset alone, and S3Rec's heads take no part.
    - ``own``: what the method minimised, with the weights of its parts. S3Rec's parts are means of their terms here,
      where its training minimises sums.
    - ``aap``, ``mip``, ``map``, ``sp``: one of S3Rec's pre-training losses; ``contrastive``: CL4SRec's, with its
      defaults for other methods. Its groups of users, each other's negatives, have the size that they train with.

    Rows of the tables that no input, target or negative looks up take no part.

    Returns:
        The objective, and for its standard error the number of batches that all users of the split would make.

    Raises:
        ValueError: The subset asks for more users than there are, for a loss of heads that the checkpoint lacks, for
            a loss that has no held-out targets, or for parameters that are not there.
    """
    model = checkpoint.build()
    settings = settings_of(checkpoint)
    own = objective_config.loss == OWN
    if objective_config.loss in HEADS or (own and checkpoint.stage == PRETRAINED):
        problem = _pretraining(checkpoint, dataset, objective_config, settings, padded)
    elif objective_config.loss == CONTRASTIVE or (own and settings.kind.contrastive):
        problem = _contrast(checkpoint, dataset, objective_config, settings, padded)
    else:
        problem = _next_item(checkpoint, dataset, objective_config, settings.loss if own else "bce", padded)
    space = ParamSpace(model, include=problem.takes_part, exclude_rows=_unused_rows(model, problem.batches))
    objective = Objective(
        model.to(device),
        problem.loss,
        problem.batches,
        space=space,
        weights=problem.weights,
        device=device,
        dropout=objective_config.seed if objective_config.train_mode else None,
    )
    if objective_config.blocks:
        objective = block(objective, objective_config.blocks)
    return objective, len(problem.batches) * problem.share


def settings_of(checkpoint: Checkpoint) -> TrainingConfig:
    """How a checkpoint was trained; where it does not say, because it was imported, the method's defaults."""
    known = {each.name for each in fields(TrainingConfig)}
    told = {name: value for name, value in checkpoint.settings.items() if name in known}
    if told.get("pretrained"):
        told.pop("pretrain_epochs", None)
    return TrainingConfig(**{"method": checkpoint.method, **told})


@dataclass(frozen=True)
class _Problem:
    """What an objective is made of."""

    loss: Callable[[Any, Any], Any]
    batches: Sequence[Any]
    share: float  # all users of the split over those chosen
    weights: dict[str, float] | None = None
    takes_part: Callable[[str], bool] = S3Rec.is_encoder


def _next_item(
    checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig, loss: str, padded: bool
) -> _Problem:
    """The loss of the next item, by one of NEXT_ITEM's names."""
    settings = settings_of(checkpoint)
    read = pieces(dataset, checkpoint.model["max_length"], until=READ[objective_config.split])
    chosen, share = _of_those(read, checkpoint, dataset, objective_config)
    sampler = NegativeSampler(dataset, until=2 if objective_config.split == "train" else 0)
    rows = SampledRows(
        dataset,
        read,
        checkpoint.model["max_length"],
        sampler,
        (settings.negatives or 0) if loss == settings.loss else LOSSES[loss],
        _stream(objective_config, NEGATIVES),
        targets="each" if objective_config.split == "train" else "last",
        padded=padded,
    )
    size = min(round(TOKENS_A_BATCH / read.lengths[chosen].mean()), -(-len(chosen) // MIN_GROUPS))
    batches = [rows.of(users) for users in groups(chosen, max(1, size), _stream(objective_config, GROUPS))]
    return _Problem(NEXT_ITEM[loss], batches, share)


def _contrast(
    checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig, settings: TrainingConfig, padded: bool
) -> _Problem:
    """CL4SRec's loss, or its contrastive part alone."""
    _training_only(objective_config)
    length = checkpoint.model["max_length"]
    read = pieces(dataset, length, until=READ["train"])
    chosen, share = _of_those(read, checkpoint, dataset, objective_config)
    rows = SampledRows(
        dataset,
        read,
        length,
        NegativeSampler(dataset),
        settings.negatives or 0,
        _stream(objective_config, NEGATIVES),
        padded=padded,
    )
    augmentation, seen = augmentation_of(settings), _stream(objective_config, VIEWS)
    batches = [
        ViewedBatch(rows.of(users), view_batch(dataset, read, users, length, augmentation, seen, padded=padded))
        for users in groups(chosen, settings.batch_size, _stream(objective_config, GROUPS))
    ]
    if objective_config.loss == CONTRASTIVE:
        alone = Contrast(settings.temperature, settings.similarity)
        return _Problem(alone, [found.views for found in batches], share)
    loss, weights = recommendation_loss(settings)
    return _Problem(loss, batches, share, weights)


def _pretraining(
    checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig, settings: TrainingConfig, padded: bool
) -> _Problem:
    """S3Rec's four losses, or one of them; a batch has all prefixes of its users' sequences."""
    if checkpoint.stage != PRETRAINED:
        raise ValueError(
            f"the objective {objective_config.loss} is of S3Rec's pre-training, and {checkpoint.title} has none of its heads; "
            "give the pretrained.pt beside an S3Rec's checkpoint.pt"
        )
    _training_only(objective_config)
    read = pieces(dataset, checkpoint.model["max_length"], until=2)
    chosen, share = _of_those(read, checkpoint, dataset, objective_config)
    instances = Instances(dataset, checkpoint.model["max_length"], chosen, share=settings.pretrain_mask)
    tokens = 4 * instances.prefixes.lengths.sum() / len(chosen)
    size = min(round(TOKENS_A_BATCH / tokens), -(-len(chosen) // MIN_GROUPS))
    masks = _stream(objective_config, MASKS)
    batches = [
        instances.batch(instances.of(users), masks, padded=padded)
        for users in groups(chosen, max(1, size), _stream(objective_config, GROUPS))
    ]
    if objective_config.loss == OWN:
        return _Problem(pretraining, batches, share, settings.part_weights, lambda name: True)

    def takes_part(name: str) -> bool:
        idle_table = objective_config.loss not in ("aap", "map") and name.startswith("attributes.")
        return (
            S3Rec.is_encoder(name)
            or not (idle_table or name.startswith("heads."))
            or name.split(".")[1] == objective_config.loss
        )

    weights = {name: float(name == objective_config.loss) for name in HEADS}
    return _Problem(pretraining, batches, share, weights, takes_part)


def _stream(objective_config: ObjectiveConfig, purpose: int) -> np.random.Generator:
    """Random numbers of their own for a purpose."""
    return np.random.default_rng([objective_config.seed, purpose])


def _training_only(objective_config: ObjectiveConfig) -> None:
    if objective_config.split != "train":
        raise ValueError(
            f"the objective {objective_config.loss} has no held-out targets; leave out --split {objective_config.split}, "
            f"or take --objective {RECOMMENDATION}"
        )


def chosen_users(checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig) -> tuple[Ints, float]:
    """The users that a subset names, and how many times as many there are.

    Raises:
        ValueError: There are not as many.
    """
    read = pieces(dataset, checkpoint.model["max_length"], until=READ[objective_config.split])
    return _of_those(read, checkpoint, dataset, objective_config)


def _of_those(
    read: InputWindows, checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig
) -> tuple[Ints, float]:
    available = np.flatnonzero(read.lengths > 0)
    if objective_config.split == "train":
        settings = checkpoint.settings
        trained = training_users(dataset, settings.get("train_fraction", 1.0), settings.get("seed", 0))
        available = np.intersect1d(available, trained)
    if objective_config.users is None:
        return available, 1.0
    if objective_config.users > len(available):
        raise ValueError(
            f"--users {objective_config.users} exceeds the {len(available)} users of {dataset.name} in the {objective_config.split} split"
        )
    chosen = np.sort(_stream(objective_config, USERS).choice(available, objective_config.users, replace=False))
    return chosen, len(available) / len(chosen)


def _unused_rows(model: SASRec, batches: Iterable[Any]) -> dict[str, torch.Tensor]:
    """Rows of the item and position tables that no batch looks up."""
    items = torch.zeros(model.items.num_embeddings, dtype=torch.bool)
    positions = torch.zeros(model.positions.num_embeddings, dtype=torch.bool)
    for found in batches:
        for rows in (found.read, found.views) if isinstance(found, ViewedBatch) else (found,):
            positions[rows.positions[rows.segments > 0]] = True
            for looked_up in (rows.items, rows.targets, rows.negatives):
                if looked_up is not None:
                    items[looked_up.flatten()] = True
    items[0] = False  # padding is looked up, and masked out
    return {"items.weight": torch.nonzero(~items).flatten(), "positions.weight": torch.nonzero(~positions).flatten()}
