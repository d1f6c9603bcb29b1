"""An evaluation beside its baselines: whose sequences they count, and what is printed."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.data.dataset import training_users
from landscape.training.evaluation.baselines import popularity_ranks, successor_ranks
from landscape.training.evaluation.evaluate import Evaluation, differences, evaluate, table
from landscape.training.evaluation.metrics import METRICS, summarise
from landscape.training.evaluation.ranking import model_ranks
from tests.support.small import dataset_of, random_dataset, small_model

DATASET = replace(random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 4), best_hit_rate=0.5)


def checkpoint(fraction):
    model = small_model()
    sizes = {"n_items": 60, "max_length": 8, "width": 8, "layers": 2, "heads": 2, "dropout": 0.5}
    settings = {"train_fraction": fraction}
    return Checkpoint("sasrec", sizes, model.float().state_dict(), DATASET.metadata(), settings, 3, 1, {})


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_model_ranks_all_users_and_the_baselines_count_the_training_users(split):
    found = evaluate(checkpoint(0.5), DATASET, split)
    users = training_users(DATASET, 0.5, 3)
    np.testing.assert_array_equal(found.ranks, model_ranks(checkpoint(0.5).build(), DATASET, split))
    np.testing.assert_array_equal(found.baselines["popularity"], popularity_ranks(DATASET, split, users))
    np.testing.assert_array_equal(found.baselines["successors"], successor_ranks(DATASET, split, users))
    assert found.baselines["popularity"].tolist() != popularity_ranks(DATASET, split).tolist()
    assert found.best_hit_rate == (0.5 if split == "test" else None)


def test_allowed_repeats_are_ranked_recorded_and_told():
    again = dataset_of([[1, 2, 3, 1, 2], [4, 5, 6, 7], [8, 9, 8, 9, 9]], 60)
    plain, allowed = (evaluate(checkpoint(1.0), again, "test", allow_repeats=allow) for allow in (False, True))
    assert np.isinf(plain.ranks).tolist() == [True, False, True]
    model = checkpoint(1.0).build()
    np.testing.assert_array_equal(allowed.ranks, model_ranks(model, again, "test", allow_repeats=True))
    for name, ranks in (("popularity", popularity_ranks), ("successors", successor_ranks)):
        np.testing.assert_array_equal(allowed.baselines[name], ranks(again, "test", allow_repeats=True))
        assert np.isfinite(allowed.baselines[name]).all()
    recorded = [(found.values()["allow_repeats"], found.values()["repeated_targets"]) for found in (plain, allowed)]
    assert recorded == [(False, 2), (True, 2)]
    lines = table([allowed], {}).splitlines()
    assert lines[0] == "Full ranking of the test items, 3 users, repeats allowed"
    assert lines[-1] == "2 held-out items are repeats: ranked as any other"
    with pytest.raises(ValueError, match="one evaluation allows repeats, and the other does not"):
        differences(plain, allowed)


def test_the_table_has_every_metric_and_names_two_equal_titles_apart():
    ranks = np.array([0.0, 7.0, np.inf, 30.0])
    first = Evaluation("A model", "test", ranks, {"popularity": ranks + 3})
    second = Evaluation("A model", "test", np.array([2.0, 0.0, np.inf, 5.0]))
    text = table([first, second], differences(first, second))
    lines = text.splitlines()
    assert lines[0] == "Full ranking of the test items, 4 users"
    assert lines[1].split() == ["A", "model", "A", "model", "(2)", "popularity"]
    assert [line.split()[0] for line in lines[3 : 3 + len(METRICS)]] == list(METRICS)
    assert f"{summarise(ranks)['MRR']:.4f}" in lines[2 + len(METRICS)]
    assert "1 held-out items are repeats: excluded from the ranking, they count as misses" in text
    assert "A model - A model, user by user" in text
    with pytest.raises(ValueError, match="one evaluation is of the test split, the other of the valid split"):
        differences(first, replace(second, split="valid"))
