"""What a stage of training goes through in an epoch, and the loss that it minimises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.training.batches.augmentation import Augmentation
from landscape.training.batches.masked import Instances, attributes_of
from landscape.training.batches.negatives import NegativeSampler, SampledRows
from landscape.training.batches.packing import Batch, groups, pieces
from landscape.training.batches.views import ViewedBatch, view_batch
from landscape.training.config.methods import CONTRASTIVE, PRETRAINED, RECOMMENDATION, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.losses.cl4srec import Contrast, WithContrast
from landscape.training.losses.next_item import NEXT_ITEM, NextItem, Terms
from landscape.training.losses.s3rec import pretraining_outputs, pretraining_terms

SHUFFLE, NEGATIVES, VIEWS, INSTANCES, MASKS = range(5)  # streams of random numbers, one a purpose


class Task(Protocol):
    """A stage of training."""

    stage: str  # of the checkpoint that it ends in
    epochs: int
    steps: int  # an epoch
    weights: dict[str, float]  # by part of the loss

    def network(self) -> SASRec:
        """A network with new weights, from torch's global random numbers."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch, one a step; they depend on the settings and the epoch alone."""

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """Sums and numbers of terms of a batch, by part."""

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """The scalar that a step minimises."""


class Recommendation:
    """Predicting each user's next items; with views of the users for a method that contrasts them.

    Raises:
        ValueError: No user has a training pair, or the augmentation is impossible.
    """

    stage = TRAINED

    def __init__(self, dataset: Dataset, settings: TrainingConfig) -> None:
        self.dataset = dataset
        self.settings = settings
        self.epochs = settings.epochs
        self.read = pieces(dataset, settings.max_length, until=3)
        users = training_users(dataset, settings.train_fraction, settings.seed)
        self.users = users[self.read.lengths[users] > 0]
        if len(self.users) == 0:
            raise ValueError(
                f"no user of {dataset.name} has the 4 items that make a training pair; nothing can be learnt"
            )
        self.steps = -(-len(self.users) // settings.batch_size)
        self.sampler = NegativeSampler(dataset)
        self.minimises, self.weights = recommendation_loss(settings)
        self.augmentation = augmentation_of(settings)  # before the first step: it may be impossible

    def network(self) -> SASRec:
        """SASRec, whatever the method."""
        return SASRec(self.dataset.n_items, **self.settings.network)

    def batches(self, epoch: int) -> Iterator[Batch | ViewedBatch]:
        """Groups of users in random order, with negatives of this epoch."""
        settings = self.settings

        def stream(purpose: int) -> np.random.Generator:
            return np.random.default_rng([settings.seed, epoch, purpose])

        length, padded = settings.max_length, settings.padded
        rows = SampledRows(
            self.dataset, self.read, length, self.sampler, settings.negatives or 0, stream(NEGATIVES), padded=padded
        )
        seen = stream(VIEWS)
        for users in groups(self.users, settings.batch_size, stream(SHUFFLE)):
            if settings.kind.contrastive:
                views = view_batch(self.dataset, self.read, users, length, self.augmentation, seen, padded=padded)
                yield ViewedBatch(rows.of(users), views)
            else:
                yield rows.of(users)

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """The parts of the loss."""
        found = self.minimises(model, batch)  # type: ignore[arg-type]  # the network that it made
        return found if isinstance(found, dict) else {RECOMMENDATION: found}

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """The weighted means."""
        return _added([total / count * self.weights[name] for name, (total, count) in parts.items()])


class Pretraining:
    """S3Rec's first stage.

    Raises:
        ValueError: The data has no attributes, or no user has an item to train on.
    """

    stage = PRETRAINED

    def __init__(self, dataset: Dataset, settings: TrainingConfig) -> None:
        self.dataset = dataset
        self.settings = settings
        self.epochs = settings.pretrain_epochs or 0
        self.instances = Instances(
            dataset,
            settings.max_length,
            training_users(dataset, settings.train_fraction, settings.seed),
            share=settings.pretrain_mask,
        )
        self.steps = -(-len(self.instances) // settings.pretrain_batch_size)
        self.weights = settings.part_weights

    def network(self) -> SASRec:
        """S3Rec, with its four heads."""
        return S3Rec(self.dataset.n_items, attributes_of(self.dataset).n_attributes, **self.settings.network)

    def batches(self, epoch: int) -> Iterator[Any]:
        """All prefixes of the users' sequences in random order, masked anew."""
        settings = self.settings
        order = np.random.default_rng([settings.seed, epoch, INSTANCES])
        masks = np.random.default_rng([settings.seed, epoch, MASKS])
        for chosen in groups(np.arange(len(self.instances)), settings.pretrain_batch_size, order):
            yield self.instances.batch(chosen, masks, padded=settings.padded)

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """The four losses."""
        return pretraining_terms(pretraining_outputs(model, batch), batch)  # type: ignore[arg-type]

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """The weighted sums, as in the reference: a mean would weigh the four otherwise."""
        return _added([total * self.weights[name] for name, (total, _) in parts.items()])


def stages(dataset: Dataset, settings: TrainingConfig) -> list[Task]:
    """The stages of a run, in their order."""
    training = Recommendation(dataset, settings)
    if settings.kind.pretrained and not settings.pretrained:
        return [Pretraining(dataset, settings), training]
    return [training]


def recommendation_loss(settings: TrainingConfig) -> tuple[NextItem | WithContrast, dict[str, float]]:
    """The loss that the last stage minimises, and the weights of its parts."""
    next_item = NEXT_ITEM[settings.loss]
    if settings.kind.contrastive:
        return WithContrast(next_item, Contrast(settings.temperature, settings.similarity)), {
            RECOMMENDATION: 1.0,
            CONTRASTIVE: settings.contrastive,
        }
    return next_item, {RECOMMENDATION: 1.0}


def augmentation_of(settings: TrainingConfig) -> Augmentation:
    """How views are made."""
    return Augmentation(
        crop=settings.crop,
        mask=settings.mask,
        reorder=settings.reorder,
        operators=tuple(settings.operators.split(",")),
        distinct=not settings.same_operator,
    )


def _added(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
