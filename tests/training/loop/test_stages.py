"""Every setting reaches the part of the training that it is for."""

from dataclasses import replace

import pytest
import torch

from landscape.training.batches.augmentation import Augmentation
from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.config.methods import METHODS, PRETRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import training_users
from landscape.training.loop.stage_trainer import optimiser_of
from landscape.training.loop.stages import STAGES, TRAINING_STAGES, augmentation_of, stages
from landscape.training.loop.trainer import train
from landscape.training.losses.cl4srec import Contrast, WithContrast
from landscape.training.losses.next_item import NEXT_ITEM
from landscape.training.optim.sam import SAM
from tests.support.small import random_dataset, small_model, with_attributes

SIZES = {"max_length": 8, "width": 8, "layers": 1, "heads": 2}
DATASET = with_attributes(random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 2))


def test_sam_takes_its_settings():
    settings = TrainingConfig(
        method="sasrec", sam="looksam", lr=0.02, rho=0.3, sam_every=4, look_alpha=0.2, fisher_eta=3.0, same_dropout=True
    )
    optimiser = optimiser_of(small_model(), settings)
    assert isinstance(optimiser, SAM)
    assert (optimiser.variant, optimiser.rho, optimiser.every) == ("looksam", 0.3, 4)
    assert (optimiser.alpha, optimiser.eta, optimiser.same_dropout) == (0.2, 3.0, True)
    assert [group["lr"] for group in optimiser.base.param_groups] == [0.02]


def test_pre_training_and_methods_without_sam_use_adam():
    assert type(optimiser_of(small_model(), TrainingConfig(method="s3rec", sam="sam"), PRETRAINED)) is torch.optim.Adam
    assert type(optimiser_of(small_model(), TrainingConfig(method="sasrec"))) is torch.optim.Adam


def test_the_learning_rate_follows_its_schedule(tmp_path):
    settings = TrainingConfig(method="sasrec", lr=0.01, lr_schedule="linear", epochs=2, **SIZES)  # a step an epoch
    train(DATASET, settings, tmp_path / "run")
    optimiser = load_plain(tmp_path / "run" / "last.pt", "state")["optimiser"]
    assert [group["lr"] for group in optimiser["param_groups"]] == [pytest.approx(0.005)]


def test_the_contrastive_loss_takes_its_settings():
    settings = TrainingConfig(
        method="cl4srec", loss="ce", contrastive=0.3, temperature=0.5, similarity="cosine",
        crop=0.4, mask=0.7, reorder=0.2, operators="mask,crop", same_operator=True, **SIZES,
    )  # fmt: skip
    (stage,) = stages(DATASET, settings)
    assert stage.composite_loss == WithContrast(NEXT_ITEM["ce"], Contrast(0.5, "cosine"))
    assert stage.weights == {"recommendation": 1.0, "contrastive": 0.3}
    assert augmentation_of(settings) == Augmentation(0.4, 0.7, 0.2, operators=("mask", "crop"), distinct=False)


def test_pre_training_takes_its_settings():
    weights = {"aap": 0.5, "mip": 2.0, "map": 3.0, "sp": 0.25}
    settings = TrainingConfig(
        method="s3rec", pretrain_epochs=7, pretrain_batch_size=10, pretrain_mask=0.6, train_fraction=0.5, seed=3,
        **weights, **SIZES,
    )  # fmt: skip
    stage = stages(DATASET, settings)[0]
    assert (stage.epochs, stage.instances.share, stage.weights) == (7, 0.6, weights)
    assert stage.steps == -(-len(stage.instances) // 10)
    assert set(stage.instances.users) == set(training_users(DATASET, 0.5, 3))
    parts = {
        name: (torch.tensor(total), torch.tensor(8)) for name, total in zip(weights, (1.0, 2.0, 4.0, 8.0), strict=True)
    }
    assert float(stage.minimised(parts)) == 0.5 * 1 + 2 * 2 + 3 * 4 + 0.25 * 8


def test_training_minimises_the_weighted_means():
    (stage,) = stages(DATASET, TrainingConfig(method="cl4srec", contrastive=0.25, **SIZES))
    parts = {
        "recommendation": (torch.tensor(6.0), torch.tensor(4)),
        "contrastive": (torch.tensor(8.0), torch.tensor(2)),
    }
    assert float(stage.minimised(parts)) == 6 / 4 + 0.25 * 8 / 2


def test_every_method_ends_in_a_training_stage_and_fine_tuning_skips_pre_training():
    for method in METHODS.values():
        assert set(method.stages) <= set(STAGES)
        assert method.stages[-1] in TRAINING_STAGES
    settings = TrainingConfig(method="s3rec", **SIZES)
    assert [stage.name for stage in stages(DATASET, settings)] == ["pretrained", "trained"]
    fine_tuned = replace(settings, pretrained="its SHA-256", pretrain_epochs=None)
    assert [stage.name for stage in stages(DATASET, fine_tuned)] == ["trained"]
