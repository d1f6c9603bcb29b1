"""Training with a large item table takes its steps by rows, and is the same run."""

from dataclasses import replace

import pytest
import torch

from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.config.methods import PRETRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.loop.stage_trainer import LEAST_ROWS, StageTrainer, optimiser_of
from landscape.training.loop.stages import stages
from landscape.training.loop.trainer import train
from landscape.training.optim.row_adam import DENSE, RowAdam
from landscape.training.optim.sam import SAM
from tests.support.small import random_dataset, small_model

SIZES = {"epochs": 2, "batch_size": 2, "max_length": 4, "width": 4, "layers": 1, "heads": 1, "valid_users": 20}
SETTINGS = {
    "adam": TrainingConfig(method="sasrec", **SIZES),
    "samrec": TrainingConfig(method="samrec", rho=0.05, **SIZES),
    "cl4srec": TrainingConfig(method="cl4srec", **SIZES),
}
every_way = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def dataset():
    return random_dataset([4, 5, 6, 7] * (DENSE // 2), n_items=LEAST_ROWS)


def silent(*_):
    pass


def trainer(settings):
    data = dataset()
    return StageTrainer(stages(data, settings)[-1], data, settings, torch.device("cpu"), None, [])


@pytest.mark.slow
@every_way
def test_it_is_the_run_of_adam_to_rounding(settings):
    by_rows, dense = trainer(settings), trainer(settings)
    dense.model.items.sparse = False
    base = torch.optim.Adam(dense.model.parameters(), lr=settings.lr, fused=True)
    dense.optimiser = SAM(base, rho=settings.rho) if settings.sam else base
    for epoch in range(settings.epochs):
        for each in (by_rows, dense):
            torch.manual_seed(epoch)  # of dropout
            each.epoch(silent)
    assert by_rows.stage.steps == DENSE
    # Each sum of gradients is rounded otherwise, and Adam's steps grow by such a difference where a gradient is small.
    own, other = (torch.nn.utils.parameters_to_vector(each.model.parameters()).detach() for each in (by_rows, dense))
    torch.testing.assert_close(own, other, rtol=0, atol=settings.lr)
    assert (own - other).norm() <= 1e-3 * other.norm()
    assert by_rows.history[-1]["train_loss"] == pytest.approx(dense.history[-1]["train_loss"], rel=1e-4)


@pytest.mark.slow
@every_way
def test_resuming_gives_the_same_bits(settings, tmp_path):
    train(dataset(), settings, tmp_path / "whole")
    train(dataset(), replace(settings, epochs=1), tmp_path / "parts")
    train(dataset(), settings, tmp_path / "parts", resume=True)
    whole, parts = (load_plain(tmp_path / name / "last.pt", "state")["weights"] for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name


def test_where_it_is_used():
    model = small_model(LEAST_ROWS, max_length=4)
    small = {"batch_size": 8, "max_length": 4}
    settings = TrainingConfig(method="sasrec", **small)
    assert isinstance(optimiser_of(model, settings), RowAdam)
    assert isinstance(optimiser_of(model, replace(settings, sam="sam")).base, RowAdam)
    assert type(optimiser_of(model, replace(settings, sam="looksam")).base) is torch.optim.Adam
    others = [
        (replace(settings, loss="ce", negatives=None), model),
        (replace(settings, loss="sampled-softmax", negatives=1000), model),
        (replace(settings, batch_size=1000), model),
        (settings, small_model(LEAST_ROWS - 3, max_length=4)),
    ]
    for changed, network in others:
        assert type(optimiser_of(network, changed)) is torch.optim.Adam
    assert type(optimiser_of(model, replace(settings, method="s3rec"), PRETRAINED)) is torch.optim.Adam
