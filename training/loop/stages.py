"""The stages of training: the batches of an epoch, and the loss that is minimised on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.training.batches.augmentation import Augmentation
from landscape.training.batches.masked import Instances, MaskedBatch, attributes_of
from landscape.training.batches.negatives import NegativeSampler, SampledRows, gbce_weight
from landscape.training.batches.packing import Batch, Ints, groups, input_windows
from landscape.training.batches.views import ViewedBatch, view_batch
from landscape.training.config.methods import CONTRASTIVE, PRETRAINED, RECOMMENDATION, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset, training_users
from landscape.training.data.splits import HELD_OUT
from landscape.training.losses.cl4srec import Contrast, WithContrast
from landscape.training.losses.next_item import NEXT_ITEM, NextItem, Terms
from landscape.training.losses.s3rec import pretraining_losses

SHUFFLE, NEGATIVES, VIEWS, INSTANCES, MASKS = range(5)  # streams of random numbers, one for each purpose


class Stage(Protocol):
    """A stage of training."""

    name: str  # the ``stage`` of the checkpoint that it ends in
    epochs: int
    steps: int  # of an epoch
    weights: dict[str, float]  # by part of the loss
    exhausted: int  # users left out, because there is no negative for them

    def network(self) -> SASRec:
        """Return a network with new weights, drawn from torch's global random numbers."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """Yield the batches of an epoch, one for each step; they depend on the settings and the epoch alone."""

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """Return sums and numbers of terms of a batch, by part."""

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """Return the scalar that a step minimises."""


class RecommendationStage:
    """Predicts each user's next items; users without negatives are left out where the loss needs some.

    Raises:
        ValueError: No user has a training pair, or, where the loss needs them, negatives; or the settings ask for an
            impossible augmentation, or for more negatives than the data has.
    """

    name = TRAINED

    def __init__(self, dataset: Dataset, settings: TrainingConfig) -> None:
        self.dataset = dataset
        self.settings = settings
        self.epochs = settings.epochs
        self.inputs = input_windows(dataset, settings.max_length, held_out=HELD_OUT["train"])
        users = training_users(dataset, settings.train_fraction, settings.seed)
        users = users[self.inputs.lengths[users] > 0]
        if len(users) == 0:
            raise ValueError(
                f"no user of {dataset.name} has the 4 items that make a training pair; nothing can be learnt"
            )
        if settings.calibration is not None:
            gbce_weight(settings.negatives or 0, dataset.n_items, settings.calibration)  # raises before the first step
        self.sampler = NegativeSampler(dataset)
        self.users = self.sampler.without_exhausted(users) if settings.negatives else users
        self.exhausted = len(users) - len(self.users)
        self.steps = -(-len(self.users) // settings.batch_size)
        self.composite_loss, self.weights = self.loss_of(settings)

    @staticmethod
    def loss_of(settings: TrainingConfig) -> tuple[NextItem | WithContrast, dict[str, float]]:
        """Return the loss that the stage minimises, and the weights of its parts."""
        return NEXT_ITEM[settings.loss], {RECOMMENDATION: 1.0}

    @staticmethod
    def user_batches(
        rows: SampledRows, user_groups: Iterable[Ints], settings: TrainingConfig, generator: np.random.Generator
    ) -> Iterator[Batch | ViewedBatch]:
        """Yield the batch of each group of users; random numbers other than those of negatives are ``generator``'s."""
        return map(rows.of, user_groups)

    def network(self) -> SASRec:
        """Return a SASRec, whatever the method."""
        return SASRec(self.dataset.n_items, **self.settings.network)

    def batches(self, epoch: int) -> Iterator[Batch | ViewedBatch]:
        """Yield groups of users in random order, with negatives of this epoch."""
        settings = self.settings

        def stream(purpose: int) -> np.random.Generator:
            return np.random.default_rng([settings.seed, epoch, purpose])

        rows = SampledRows(
            self.dataset,
            self.inputs,
            settings.max_length,
            self.sampler,
            settings.negatives or 0,
            stream(NEGATIVES),
            padded=settings.padded,
            gbce_t=settings.calibration,
        )
        user_groups = groups(self.users, settings.batch_size, stream(SHUFFLE))
        return self.user_batches(rows, user_groups, settings, stream(VIEWS))

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """Return the parts of the loss."""
        parts = self.composite_loss(model, batch)  # type: ignore[arg-type]  # the network that it made
        return parts if isinstance(parts, dict) else {RECOMMENDATION: parts}

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """Return the weighted sum of the parts' means."""
        return _added([total / count * self.weights[name] for name, (total, count) in parts.items()])


class ContrastiveStage(RecommendationStage):
    """Predicts each user's next items, and contrasts two views of each user (CL4SRec)."""

    def __init__(self, dataset: Dataset, settings: TrainingConfig) -> None:
        super().__init__(dataset, settings)
        augmentation_of(settings)  # raises before the first step

    @staticmethod
    def loss_of(settings: TrainingConfig) -> tuple[NextItem | WithContrast, dict[str, float]]:
        """Return the loss of the next item with the contrastive loss, and the weights of the two."""
        loss = WithContrast(NEXT_ITEM[settings.loss], Contrast(settings.temperature, settings.similarity))
        return loss, {RECOMMENDATION: 1.0, CONTRASTIVE: settings.contrastive}

    @staticmethod
    def user_batches(
        rows: SampledRows, user_groups: Iterable[Ints], settings: TrainingConfig, generator: np.random.Generator
    ) -> Iterator[Batch | ViewedBatch]:
        """Yield the batch of each group of users, with two views of each user drawn from ``generator``."""
        augmentation = augmentation_of(settings)
        for users in user_groups:
            views = view_batch(
                rows.dataset, rows.inputs, users, rows.max_length, augmentation, generator, padded=rows.padded
            )
            yield ViewedBatch(rows.of(users), views)


class PretrainingStage:
    """Trains S3Rec by its four losses on masked prefixes; the sequence-item loss needs negatives.

    Raises:
        ValueError: The data has no attributes, or no user has an item to train on, or, where it is needed, a negative.
    """

    name = PRETRAINED

    def __init__(self, dataset: Dataset, settings: TrainingConfig) -> None:
        self.dataset = dataset
        self.settings = settings
        self.epochs = settings.pretrain_epochs or 0
        users = training_users(dataset, settings.train_fraction, settings.seed)
        able = NegativeSampler(dataset).without_exhausted(users) if settings.mip > 0 else users
        self.exhausted = len(users) - len(able)
        self.instances = Instances(dataset, settings.max_length, able, share=settings.pretrain_mask)
        self.steps = -(-len(self.instances) // settings.pretrain_batch_size)
        self.weights = settings.part_weights

    def network(self) -> SASRec:
        """Return an S3Rec, with its four heads."""
        return S3Rec(self.dataset.n_items, attributes_of(self.dataset).n_attributes, **self.settings.network)

    def batches(self, epoch: int) -> Iterator[MaskedBatch]:
        """Yield all prefixes of the users' sequences in random order, masked anew."""
        settings = self.settings
        order = np.random.default_rng([settings.seed, epoch, INSTANCES])
        masks = np.random.default_rng([settings.seed, epoch, MASKS])
        for numbers in groups(np.arange(len(self.instances)), settings.pretrain_batch_size, order):
            yield self.instances.batch(numbers, masks, padded=settings.padded)

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """Return the four losses."""
        return pretraining_losses(model, batch)  # type: ignore[arg-type]

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """Return the weighted sum of the parts' sums, as in the reference: means would weigh the four differently."""
        return _added([total * self.weights[name] for name, (total, _) in parts.items()])


TRAINING_STAGES: dict[str, type[RecommendationStage]] = {  # a method's last stage is one of them
    RECOMMENDATION: RecommendationStage,
    CONTRASTIVE: ContrastiveStage,
}
STAGES: dict[str, Callable[[Dataset, TrainingConfig], Stage]] = {PRETRAINED: PretrainingStage, **TRAINING_STAGES}


def stages(dataset: Dataset, settings: TrainingConfig) -> list[Stage]:
    """Return the stages of a run, in their order; fine-tuning skips the pre-training."""
    names = [name for name in settings.kind.stages if not (name == PRETRAINED and settings.pretrained)]
    return [STAGES[name](dataset, settings) for name in names]


def augmentation_of(settings: TrainingConfig) -> Augmentation:
    """Return how views are made.

    Raises:
        ValueError: The settings cannot be met.
    """
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
