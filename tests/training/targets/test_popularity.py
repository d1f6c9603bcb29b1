"""Items by popularity, against counting by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch

from landscape import EigenPairs, ParamSpace
from landscape.training.data.dataset import training_users
from landscape.training.targets.popularity import DECILES, localization_by_popularity
from tests.support.small import dataset_of, small_model
from tests.training.checkpoints.test_checkpoint import checkpoint

ITEMS = 40
UNUSED = 37


def space_of(**options):
    return ParamSpace(small_model(ITEMS, dtype=torch.float32), **options)


def pairs_of(space):
    vector = space.project(torch.randn(space.size, generator=torch.Generator().manual_seed(0)))
    return EigenPairs(np.ones(1), np.zeros(1), np.ones(1, bool), 1, (vector / vector.norm()).numpy()[None])


def test_deciles_are_of_the_items_that_take_part_by_their_count_in_training():
    generator = np.random.default_rng(0)
    dataset = dataset_of([generator.permutation(ITEMS)[: generator.integers(5, 15)] + 1 for _ in range(30)], ITEMS)
    one = replace(checkpoint(), settings={"train_fraction": 0.5}, seed=3)
    trained = training_users(dataset, 0.5, 3)
    counts = Counter(
        int(item) for user in trained for item in dataset.items[dataset.offsets[user] : dataset.offsets[user + 1] - 2]
    )
    space = space_of(exclude_rows={"items.weight": [UNUSED]})
    pairs = pairs_of(space)
    found = localization_by_popularity(space, pairs, one, dataset)
    items = sorted(set(range(1, ITEMS + 1)) - {UNUSED}, key=lambda item: (-counts[item], item))
    tenths = [items[4 * i : 4 * i + 4] for i in range(10)]  # the last has three
    mass = space.views(torch.from_numpy(pairs.vectors[0]))["items.weight"].double().square().sum(1)
    assert (found.by, found.groups) == ("item popularity", DECILES)
    np.testing.assert_allclose(found.values[0], [float(mass[tenth].sum()) for tenth in tenths], rtol=1e-5)
    shares = [sum(counts[item] for item in tenth) / sum(counts.values()) for tenth in tenths]
    np.testing.assert_allclose(found.baselines["interactions"], shares)
    np.testing.assert_allclose(found.baselines["coordinates"], [8 * len(tenth) / space.active for tenth in tenths])


def test_without_the_item_table_there_are_none():
    space = space_of(include=lambda name: not name.startswith("items."))
    dataset = dataset_of([[1, 2, 3, 4]] * 3, ITEMS)
    assert localization_by_popularity(space, pairs_of(space), checkpoint(), dataset) is None
