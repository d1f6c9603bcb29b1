"""Negatives are uniform over what a user has not had; who has had everything is left out where some are needed."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape.training.batches.negatives import NegativeSampler
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.loop.stages import stages
from landscape.training.loop.trainer import train
from tests.support.small import dataset_of, random_dataset, with_attributes

ITEMS = 9
EVERYTHING = [*range(1, ITEMS + 1), 2, 5]  # its training part has all items
OTHERS = [[1, 2, 3, 4], [5, 3, 1, 2, 9], [4, 8, 7], [2, 6, 4, 9, 1, 3], [7, 1, 5, 8]]
SIZES = {"max_length": 8, "width": 8, "layers": 1, "heads": 2}


def with_everything(place):
    """The others, and a user who has had all items among them."""
    return dataset_of([*OTHERS[:place], EVERYTHING, *OTHERS[place:]], ITEMS)


@given(st.integers(0, 2**32), st.integers(4, 9))
def test_negatives_avoid_the_training_sequence_and_nothing_else(seed, n_items):
    dataset = random_dataset([n_items, 3, n_items - 1], n_items)
    drawn = NegativeSampler(dataset).draw(np.random.default_rng(seed))
    for user in range(3):
        mine = slice(dataset.offsets[user], dataset.offsets[user + 1])
        assert not set(drawn[mine]) & set(dataset.items[mine][:-2])
        assert set(drawn[mine]) <= set(range(1, n_items + 1))


def test_negatives_are_uniform():
    dataset = random_dataset([3] * 4000, 10)
    drawn = NegativeSampler(dataset).draw(np.random.default_rng(0))
    allowed = np.array([drawn[u * 3 : u * 3 + 3] for u in range(4000)])
    first = dataset.items[::3]
    for item in range(1, 11):  # each of the nine others equally often: 12,000 draws, standard error 3 %
        others = np.bincount(allowed[first == item].ravel(), minlength=11)[1:]
        assert others[item - 1] == 0
        rest = np.delete(others, item - 1)
        assert ((rest - rest.mean()) ** 2 / rest.mean()).sum() < 26.1  # χ² with 8 degrees of freedom, p = 0.001


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(0, 5), st.integers(0, 2**32))
def test_exhausted_users_have_no_negatives_and_change_nobody_elses(users, place, seed):
    users = np.array(users, np.int64)
    sampler = NegativeSampler(with_everything(place))
    assert np.flatnonzero(sampler.exhausted).tolist() == [place]
    drawn = sampler.draw_for(users, np.random.default_rng(seed))
    assert (drawn[users == place] == 0).all()
    others = users[users != place]
    alone = NegativeSampler(dataset_of(OTHERS, ITEMS))
    expected = alone.draw_for(others - (others > place), np.random.default_rng(seed))
    assert drawn[users != place].tolist() == expected.tolist()


def test_a_single_exhausted_user_is_named_as_in_the_file(tmp_path):
    (tmp_path / "set.txt").write_text("30 1 2 3 1 2 3\n\n7 1 3 2 3\n5 1 2\n")
    sampler = NegativeSampler(load(tmp_path / "set.txt"))
    with pytest.warns(UserWarning, match=r"^user 30 has had all 3 items of set: .* leaves out 1 of 2 users$"):
        assert sampler.without_exhausted(np.array([0, 1])).tolist() == [1]
    assert sampler.without_exhausted(np.array([1])).tolist() == [1]
    with pytest.raises(ValueError, match=r"^every user has had all 3 items of set: .*--loss ce"):
        sampler.without_exhausted(np.array([0]))


def test_several_exhausted_users_are_counted():
    sampler = NegativeSampler(dataset_of([[1, 2, 3], [1, 2, 3, 1], [2, 1, 3, 1], [3, 2, 1]], 3), held_out=0)
    assert sampler.exhausted.all()
    sampler = NegativeSampler(dataset_of([[1, 2, 3], [1, 2, 3, 1, 2], [2, 1, 3, 1, 2], [3, 2, 1]], 3))
    with pytest.warns(UserWarning, match=r"2 users have had all 3 items of small \(the first is user 1\)"):
        assert sampler.without_exhausted(np.arange(4)).tolist() == [0, 3]


def fields(batch):
    """The tensors of a batch, and those of its parts."""
    for value in vars(batch).values():
        if isinstance(value, torch.Tensor):
            yield value
        elif value is not None:
            yield from fields(value)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("sasrec", {}), ("sasrec", {"loss": "sampled-softmax", "negatives": 4}), ("cl4srec", {}), ("s3rec", {})],
)
def test_the_others_are_trained_as_without_the_exhausted_user(method, settings):
    config = TrainingConfig(method=method, batch_size=2, **settings, **SIZES)
    data, alone = with_attributes(with_everything(len(OTHERS))), with_attributes(dataset_of(OTHERS, ITEMS))
    with pytest.warns(UserWarning, match="user 5 has had all 9 items"):
        found = stages(data, config)[-1]
    expected = stages(alone, config)[-1]
    assert (found.exhausted, expected.exhausted) == (1, 0)
    assert found.steps == expected.steps == 2  # four users have a training pair
    for epoch in range(3):
        for one, other in zip(found.batches(epoch), expected.batches(epoch), strict=True):
            for mine, its in zip(fields(one), fields(other), strict=True):
                assert torch.equal(mine, its)


def test_losses_without_negatives_train_on_all_users():
    (stage,) = stages(with_everything(2), TrainingConfig(method="sasrec", loss="ce", **SIZES))
    assert stage.users.tolist() == [0, 1, 2, 4, 5]  # user 3 has three items
    assert stage.exhausted == 0


def test_pre_training_leaves_exhausted_users_out_unless_the_sequence_item_loss_has_no_weight():
    data = with_attributes(with_everything(1))
    with pytest.warns(UserWarning, match="user 1 has had"):
        stage = stages(data, TrainingConfig(method="s3rec", **SIZES))[0]
    assert stage.exhausted == 1
    assert set(stage.instances.users) == {0, 2, 3, 4, 5}
    with pytest.warns(UserWarning, match="user 1 has had"):  # of the fine-tuning
        stage = stages(data, TrainingConfig(method="s3rec", mip=0.0, **SIZES))[0]
    assert stage.exhausted == 0
    assert set(stage.instances.users) == set(range(6))


def test_the_number_of_left_out_users_is_in_the_configuration_of_the_run(tmp_path):
    settings = TrainingConfig(method="sasrec", epochs=1, **SIZES)
    with pytest.warns(UserWarning, match="user 0 has had"):
        train(with_everything(0), settings, tmp_path / "exhausted")
    train(dataset_of(OTHERS, ITEMS), settings, tmp_path / "good")
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("exhausted", "good")]
    assert configs[0].pop("users_without_negatives") == 1
    assert configs[0] == configs[1]


def test_data_of_exhausted_users_alone_is_refused_in_one_line():
    data = dataset_of([[1, 2, 3, 1, 2], [3, 2, 1, 2, 1]], 3)
    with pytest.raises(ValueError, match="^every user has had all 3 items of small: no negative is left") as refused:
        stages(data, TrainingConfig(method="sasrec", **SIZES))
    assert "\n" not in str(refused.value)
    stages(data, TrainingConfig(method="sasrec", loss="ce", **SIZES))
