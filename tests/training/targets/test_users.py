"""Which users a loss is of, where one of them has had all items."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.loop.stages import PretrainingStage
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of
from landscape.training.targets.users import selected_users, users_without_negatives
from tests.support.small import dataset_of, small_model, with_attributes
from tests.training.checkpoints.test_checkpoint import checkpoint

ITEMS = 9
OTHERS = [[1, 2, 3, 4], [5, 3, 1, 2, 9], [4, 8, 7], [2, 6, 4, 9, 1, 3], [7, 1, 5, 8]]
EARLY = [*range(1, ITEMS + 1), 2, 5]  # has had all items in training
LATE = [*range(1, ITEMS + 1)]  # has had all items with the held-out ones
DATA, ALONE = dataset_of([*OTHERS, LATE, EARLY], ITEMS), dataset_of([*OTHERS, LATE], ITEMS)
PAIRS = [0, 1, 3, 4, 5]  # user 2 has no training pair
WARNING = "user 6 has had all 9 items of small"


def untrained(**settings):
    """A checkpoint of these settings."""
    sizes = {**checkpoint().model, "n_items": ITEMS}
    weights = small_model(ITEMS).float().state_dict()
    return replace(checkpoint(), method="sasrec", model=sizes, weights=weights, settings=settings)


def users_of(found):
    """The users in an objective's batches."""
    return sorted(np.concatenate([rows.users.numpy() for rows in found.batches]).tolist())


def test_the_common_loss_is_that_of_the_data_without_the_user():
    with pytest.warns(UserWarning, match=WARNING):
        found, population = objective_of(untrained(), DATA, ObjectiveConfig())
    expected, _ = objective_of(untrained(), ALONE, ObjectiveConfig())
    assert users_of(found) == PAIRS
    assert found.value() == expected.value()
    assert population == len(found.batches)  # nobody whom the loss could be of is missing


def test_held_out_targets_are_also_had():
    with pytest.warns(UserWarning, match="2 users have had all 9 items"):
        found, _ = objective_of(untrained(), DATA, ObjectiveConfig(split="valid"))
    assert users_of(found) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("settings", "config"),
    [({"loss": "ce"}, ObjectiveConfig(loss="own")), ({}, ObjectiveConfig(loss="contrastive"))],
)
def test_a_loss_without_negatives_is_of_all_users(settings, config):
    assert selected_users(untrained(**settings), DATA, config)[0].tolist() == [*PAIRS, 6]
    assert users_without_negatives(untrained(**settings), DATA, config) == 0
    assert np.isfinite(objective_of(untrained(**settings), DATA, config)[0].value())


@pytest.mark.parametrize(("loss", "left_out"), [("own", 1), ("mip", 1), ("aap", 0), ("map", 0), ("sp", 0)])
def test_of_the_pre_training_losses_that_of_sequences_and_items_needs_negatives(loss, left_out):
    config = TrainingConfig(method="s3rec", max_length=8, width=8, layers=2, heads=2)
    data = with_attributes(ALONE)
    network = PretrainingStage(data, config).network()
    sizes = {**checkpoint().model, "n_items": ITEMS, "n_attributes": 9}
    pretrained = replace(
        checkpoint(), method="s3rec", stage="pretrained", model=sizes, weights=network.state_dict(), settings={}
    )
    data = with_attributes(DATA)
    assert users_without_negatives(pretrained, data, ObjectiveConfig(loss=loss)) == left_out
    if left_out:
        with pytest.warns(UserWarning, match=WARNING):
            found, _ = objective_of(pretrained, data, ObjectiveConfig(loss=loss))
    else:
        found, _ = objective_of(pretrained, data, ObjectiveConfig(loss=loss))
    assert set(users_of(found)) == set(range(7 - left_out))
    assert np.isfinite(found.value())


def test_only_users_with_negatives_are_drawn_and_the_number_of_the_others_is_recorded(tmp_path):
    config = ObjectiveConfig(users=5)
    with pytest.warns(UserWarning, match=WARNING):
        users, share = selected_users(untrained(), DATA, config)
    assert (users.tolist(), share) == (PAIRS, 1.0)
    with pytest.warns(UserWarning, match=WARNING), pytest.raises(ValueError, match="--users 6 exceeds the 5 users"):
        selected_users(untrained(), DATA, ObjectiveConfig(users=6))
    targets = [CheckpointTarget(tmp_path / "x.pt", "0" * 64, untrained(), data) for data in (DATA, ALONE)]
    recorded, good = (target.provenance(ObjectiveConfig()) for target in targets)
    assert recorded["users_without_negatives"] == 1
    assert "users_without_negatives" not in good
