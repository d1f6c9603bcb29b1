"""The losses that a checkpoint can be looked at through: the common one, what it minimised, and its parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import random_direction
from landscape.geometry.derivative_checks import check_derivatives
from landscape.models.s3rec import HEADS, S3Rec, encoder_weights
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.operators import OPERATORS
from landscape.training.analysis.surface import surface_of
from landscape.training.batches.negatives import gbce_weight
from landscape.training.batches.views import ViewedBatch
from landscape.training.checkpoints.checkpoint import Checkpoint, data_of, save_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import OBJECTIVES, ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.evaluation.evaluate import evaluate
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of
from tests.support.small import random_dataset, with_attributes

DATASET = with_attributes(random_dataset([3, 4, 5, 6, 7, 9, 12, 15] * 6, n_items=40, seed=1))
SIZES = {"max_length": 8, "width": 8, "layers": 2, "heads": 2, "dropout": 0.5}


def heads_checkpoint():
    """A pre-trained S3Rec with all its heads, not really trained."""
    torch.manual_seed(0)
    model = S3Rec(40, 9, **SIZES)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    settings = TrainingConfig(method="s3rec", batch_size=16, max_length=8, width=8)
    return Checkpoint(
        method="s3rec",
        model={"n_items": 40, "n_attributes": 9, **SIZES},
        weights=model.state_dict(),
        data=DATASET.metadata(),
        settings=settings.settings_in_use(),
        seed=0,
        epoch=1,
        metrics={},
        stage="pretrained",
    )


def checkpoint_of(method, **changes):
    """The same encoder as a trained checkpoint of another method."""
    one = heads_checkpoint()
    settings = TrainingConfig(method=method, batch_size=16, max_length=8, width=8, **changes)
    return replace(
        one,
        method=method,
        model={"n_items": 40, **SIZES},
        weights=encoder_weights(one.weights),
        settings=settings.settings_in_use(),
        stage="trained",
    )


def target(checkpoint, folder):
    folder.mkdir()
    save_checkpoint(checkpoint, folder / "checkpoint.pt")
    return CheckpointTarget(folder / "checkpoint.pt", "its SHA-256", checkpoint, DATASET)


def test_one_encoder_gives_the_same_numbers_with_and_without_heads(tmp_path):
    plain = target(checkpoint_of("sasrec"), tmp_path / "sasrec")
    heads = target(heads_checkpoint(), tmp_path / "s3rec")
    plane = SurfaceConfig(points=5, grid=True)
    surfaces = [surface_of(one, ObjectiveConfig(), plane)[0] for one in (plain, heads)]
    np.testing.assert_array_equal(surfaces[0].loss, surfaces[1].loss)
    curvatures = [
        curvature_of(one, ObjectiveConfig(), CurvatureConfig(top=2, checks=False))[0] for one in (plain, heads)
    ]
    np.testing.assert_array_equal(curvatures[0].pairs.values, curvatures[1].pairs.values)
    assert curvatures[0].params_norm == curvatures[1].params_norm
    assert curvatures[0].gradient_norm == curvatures[1].gradient_norm
    rankings = [evaluate(one.checkpoint, DATASET, "test") for one in (plain, heads)]
    np.testing.assert_array_equal(rankings[0].ranks, rankings[1].ranks)


def test_the_common_loss_knows_nothing_of_the_method():
    plain, _ = objective_of(checkpoint_of("sasrec"), DATASET, ObjectiveConfig())
    for other in (checkpoint_of("cl4srec", contrastive=5.0), checkpoint_of("sasrec", loss="ce")):
        found, _ = objective_of(other, DATASET, ObjectiveConfig())
        assert found.value() == plain.value()
        x, y = (random_direction(one.space, one.params, seed=3) for one in (plain, found))
        assert torch.equal(x, y)


def test_own_is_what_was_minimised():
    common, _ = objective_of(checkpoint_of("sasrec"), DATASET, ObjectiveConfig())
    own, _ = objective_of(checkpoint_of("samrec"), DATASET, ObjectiveConfig(loss="own"))
    assert own.value() == common.value()
    softmax, _ = objective_of(checkpoint_of("sasrec", loss="ce"), DATASET, ObjectiveConfig(loss="own"))
    assert softmax.value() > 1.5 * common.value()
    cl4srec, _ = objective_of(checkpoint_of("cl4srec", contrastive=0.3), DATASET, ObjectiveConfig(loss="own"))
    parts = cl4srec.parts()
    assert cl4srec.value() == pytest.approx(parts["recommendation"] + 0.3 * parts["contrastive"], rel=1e-12)
    # The same negatives and terms, though grouped otherwise.
    assert parts["recommendation"] == pytest.approx(common.value(), rel=1e-6)


def test_own_of_a_pre_trained_model_is_its_weighted_parts():
    own, _ = objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss="own"))
    parts, weights = own.parts(), TrainingConfig(method="s3rec").part_weights
    assert own.value() == pytest.approx(sum(weights[name] * parts[name] for name in HEADS), rel=1e-12)
    for name in HEADS:
        alone, _ = objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss=name))
        assert alone.value() == pytest.approx(parts[name], rel=1e-6)


@pytest.mark.parametrize("name", [*HEADS, "contrastive"])
def test_only_what_moves_a_part_takes_part(name):
    found, _ = objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss=name))
    views = found.space.views(found.gradient())
    assert all(view.abs().sum() > 0 for view in views.values())
    assert {view for view in views if view.startswith("heads.")} == (
        set() if name == "contrastive" else {f"heads.{name}.weight", f"heads.{name}.bias"}
    )
    assert ("attributes.weight" in views) == (name in ("aap", "map"))


@pytest.mark.parametrize(
    ("checkpoint", "loss"),
    [
        (checkpoint_of("cl4srec"), "own"),
        (checkpoint_of("cl4srec"), "contrastive"),
        (checkpoint_of("sasrec", loss="ce"), "own"),
        (checkpoint_of("sasrec", loss="gbce", negatives=7), "own"),
        (checkpoint_of("cl4srec", loss="gbce", negatives=7), "own"),
        (heads_checkpoint(), "own"),
        *((heads_checkpoint(), name) for name in HEADS),
    ],
    ids=["cl4srec", "contrastive", "softmax", "gbce", "cl4srec, gbce", "s3rec", *HEADS],
)
class TestDerivativesOfEachLoss:
    @pytest.mark.parametrize("train_mode", [False, True])
    def test_agree_with_differences_of_the_loss(self, checkpoint, loss, train_mode):
        objective, _ = objective_of(checkpoint, DATASET, ObjectiveConfig(loss=loss, users=6, train_mode=train_mode))
        direction = random_direction(objective.space, objective.params, vectors="keep", seed=1)
        report = check_derivatives(objective, {"a draw": direction})
        assert report.agrees, str(report)

    @pytest.mark.parametrize("kind", ["gauss-newton", "fisher"])
    def test_have_positive_semidefinite_relatives(self, checkpoint, loss, kind):
        objective, _ = objective_of(checkpoint, DATASET, ObjectiveConfig(loss=loss, users=6))
        operator = OPERATORS[kind](objective)
        drawn = torch.randn(3, objective.space.size, generator=torch.Generator().manual_seed(0))
        images = (operator @ drawn.T).T
        form = (images @ drawn.T).double()
        torch.testing.assert_close(form, form.T, rtol=1e-3, atol=1e-4 * float(form.abs().max()))
        assert float(torch.linalg.eigvalsh(form)[0]) > 0


def test_negatives_of_a_softmax_are_as_many_as_it_was_trained_with():
    found, _ = objective_of(
        checkpoint_of("sasrec", loss="sampled-softmax", negatives=7), DATASET, ObjectiveConfig(loss="own")
    )
    assert all(rows.negatives.shape[0] == 7 for rows in found.batches)


@pytest.mark.parametrize("t", [0.0, 0.5])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_generalised_binary_cross_entropy_weighs_targets_as_it_was_trained(split, t):
    checkpoint = checkpoint_of("sasrec", loss="gbce", negatives=7, gbce_t=t)
    found, _ = objective_of(checkpoint, DATASET, ObjectiveConfig(loss="own", split=split))
    assert {rows.positive_weight for rows in found.batches} == {gbce_weight(7, 40, t)}
    common, _ = objective_of(checkpoint, DATASET, ObjectiveConfig(split=split))
    plain, _ = objective_of(checkpoint_of("sasrec"), DATASET, ObjectiveConfig(split=split))
    assert common.value() == plain.value()


def test_groups_of_a_contrastive_loss_have_the_size_they_train_with():
    found, _ = objective_of(checkpoint_of("cl4srec"), DATASET, ObjectiveConfig(loss="own"))
    assert all(isinstance(rows, ViewedBatch) for rows in found.batches)
    sizes = [len(rows.inputs.users) for rows in found.batches]
    assert sizes[:-1] == [16] * (len(sizes) - 1)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_equal_seeds_freeze_equal_losses_and_others_do_not(name):
    def value(seed):
        return objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss=name, users=20, seed=seed))[0].value()

    assert value(0) == value(0) != value(1)


@pytest.mark.parametrize("name", ["own", "sp", "contrastive"])
def test_packed_and_padded_rows_give_one_loss(name):
    values = [
        objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss=name, users=20), padded=padded)[0].value()
        for padded in (False, True)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_a_jackknife_error_holds_for_a_sample_of_users():
    truth = objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss="mip"))[0].value()
    off = []
    for seed in range(30):
        found, population = objective_of(heads_checkpoint(), DATASET, ObjectiveConfig(loss="mip", users=24, seed=seed))
        off.append((found.value() - truth) / found.standard_error(population=population))
    assert 0.4 < np.std(off) < 2.5  # draws of masks come on top of draws of users


def test_a_result_names_its_loss_unless_it_is_the_common_one(tmp_path):
    one = target(heads_checkpoint(), tmp_path / "s3rec")
    assert one.provenance(ObjectiveConfig())["title"] == "S3Rec (pretrained) on small, seed 0"
    assert one.provenance(ObjectiveConfig(loss="own"))["title"] == "S3Rec (pretrained) on small, seed 0, own loss"
    assert one.provenance(ObjectiveConfig(split="test"))["title"] == "S3Rec (pretrained) on small, seed 0, test targets"
    assert one.provenance(ObjectiveConfig(blocks="items.*", train_mode=True))["title"].endswith(
        ", items.* alone, with dropout"
    )
    config = ObjectiveConfig(loss="sp", seed=3)
    assert one.provenance(config)["objective"] == config.described()


@pytest.mark.parametrize(
    ("checkpoint", "objective_config", "message"),
    [
        (checkpoint_of("s3rec"), {"loss": "aap"}, "has none of its heads; give the pretrained.pt beside"),
        (checkpoint_of("sasrec"), {"loss": "sp"}, "has none of its heads"),
        (heads_checkpoint(), {"loss": "mip", "split": "test"}, "mip has no held-out targets; leave out --split test"),
        (checkpoint_of("cl4srec"), {"loss": "own", "split": "valid"}, "own has no held-out targets"),
        (heads_checkpoint(), {"loss": "own", "users": 49}, "--users 49 exceeds the 48 users"),
    ],
)
def test_a_loss_that_a_checkpoint_does_not_have_is_refused(checkpoint, objective_config, message):
    with pytest.raises(ValueError, match=message):
        objective_of(checkpoint, DATASET, ObjectiveConfig(**objective_config))


def test_other_attributes_than_the_checkpoints_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("1 1 2 3 4\n2 2 3 4 40\n")
    (tmp_path / "mine_item2attributes.json").write_text('{"1": [9]}')
    data = load(tmp_path / "mine.txt").metadata()
    one = replace(heads_checkpoint(), data=data)
    data_of(one)
    (tmp_path / "mine_item2attributes.json").write_text('{"1": [2, 9]}')
    with pytest.raises(ValueError, match="mine has other attributes than the checkpoint was pre-trained on"):
        data_of(one)
    data_of(replace(one, stage="trained"))
