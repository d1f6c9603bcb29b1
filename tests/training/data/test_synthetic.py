"""The built-in data set: drawn from the chain it says, and the best possible hit rate of that chain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from landscape.training.data import synthetic
from landscape.training.data.dataset import load
from landscape.training.data.synthetic import Synthetic, best_hit_rate, generate


@pytest.fixture(scope="module")
def drawn() -> Synthetic:
    return generate()


def sequences(drawn: Synthetic) -> list[np.ndarray]:
    return np.split(drawn.items, drawn.offsets[1:-1])


def open_to(drawn: Synthetic, sequence: np.ndarray) -> np.ndarray:
    """(V,) the distribution of a user's last item, given the others: the definition, for one user."""
    probability = drawn.transitions[sequence[-2] - 1].copy()
    probability[sequence[:-1] - 1] = 0
    return probability / probability.sum()


def test_the_seed_decides(drawn):
    again, other = generate(), generate(seed=1)
    assert (again.items == drawn.items).all()
    assert (again.attributes == drawn.attributes).all()
    assert len(other.items) != len(drawn.items) or (other.items != drawn.items).any()


def test_shape(drawn):
    lengths = np.diff(drawn.offsets)
    assert len(lengths) == synthetic.N_USERS
    assert drawn.offsets[-1] == len(drawn.items)
    assert lengths.min() == synthetic.SHORTEST
    assert lengths.max() <= synthetic.LONGEST
    assert abs(lengths.mean() - synthetic.MEAN_LENGTH) < 0.5
    assert drawn.items.min() == 1
    assert drawn.items.max() == synthetic.N_ITEMS
    assert all(len(set(sequence.tolist())) == len(sequence) for sequence in sequences(drawn))


def test_transitions_are_a_chain_within_clusters(drawn):
    chain = drawn.transitions
    np.testing.assert_allclose(chain.sum(axis=1), 1)
    assert (np.diag(chain) == 0).all()
    inside = drawn.clusters[:, None] == drawn.clusters
    assert ((chain * inside).sum(axis=1) > synthetic.TO_SUCCESSOR + synthetic.TO_CLUSTER).all()
    successors = np.sort(chain, axis=1)[:, -synthetic.SUCCESSORS :]
    assert (successors.sum(axis=1) > synthetic.TO_SUCCESSOR).all()


def test_sequences_follow_the_chain():
    drawn = generate(seed=3, n_users=40_000, n_items=80, n_clusters=4)
    first, second = drawn.items[drawn.offsets[:-1]] - 1, drawn.items[drawn.offsets[:-1] + 1] - 1
    start = int(np.bincount(first).argmax())
    observed = np.bincount(second[first == start], minlength=80)
    likely = drawn.transitions[start] * observed.sum() >= 5  # what a χ² test can judge
    expected = np.append(drawn.transitions[start][likely], drawn.transitions[start][~likely].sum()) * observed.sum()
    observed = np.append(observed[likely], observed[~likely].sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_first_items_have_zipf_popularity():
    drawn = generate(seed=4, n_users=40_000, n_items=100, n_clusters=4)
    counts = np.sort(np.bincount(drawn.items[drawn.offsets[:-1]] - 1, minlength=100))[::-1]
    expected = np.arange(1, 101) ** -synthetic.ZIPF
    np.testing.assert_allclose(counts / counts.sum(), expected / expected.sum(), atol=0.004)


def test_the_best_hit_rate_is_that_of_the_best_ranking(drawn):
    probabilities = [open_to(drawn, sequence) for sequence in sequences(drawn)]
    expected = np.mean([np.sort(probability)[-10:].sum() for probability in probabilities])
    assert best_hit_rate(drawn) == pytest.approx(expected)
    # Where the items drawn rank under the chain itself: an average of as many Bernoulli variables as users.
    targets = drawn.items[drawn.offsets[1:] - 1] - 1
    ranks = [np.sum(p >= p[t]) - 1 for p, t in zip(probabilities, targets, strict=True)]
    error = np.sqrt(expected * (1 - expected) / len(ranks))
    assert abs(np.mean(np.array(ranks) < 10) - expected) < 4 * error
    assert best_hit_rate(drawn, k=1) < best_hit_rate(drawn, k=10) < best_hit_rate(drawn, k=100) < 1


def test_popularity_is_far_from_the_best(drawn):
    ends = drawn.offsets[1:] - 1
    training = np.ones(len(drawn.items), dtype=bool)
    training[np.concatenate([ends, ends - 1])] = False
    most_popular = np.argsort(-np.bincount(drawn.items[training]), kind="stable")[:10]
    assert np.isin(drawn.items[ends], most_popular).mean() < 0.15
    assert best_hit_rate(drawn) > 0.75


def test_attributes_carry_the_cluster_and_noise(drawn):
    cluster, brand = drawn.attributes.T
    assert (cluster == drawn.clusters + 1).all()
    assert brand.min() > cluster.max()
    assert stats.chi2_contingency(np.histogram2d(cluster, brand, bins=(20, 5))[0]).pvalue > 1e-3


def test_too_small_a_world_is_refused():
    for too_small in ({"n_items": 79}, {"n_items": 80, "n_clusters": 17}, {"n_clusters": 0}):
        with pytest.raises(ValueError, match="do not suffice"):
            generate(**too_small)


def test_loaded_as_any_data_set(drawn):
    data = load("synthetic")
    assert (data.items == drawn.items).all()
    assert (data.offsets == drawn.offsets).all()
    assert (data.n_users, data.n_items) == (synthetic.N_USERS, synthetic.N_ITEMS)
    assert (data.source, data.left_out) == ("synthetic", 0)
    assert data.best_hit_rate == best_hit_rate(drawn)
    assert data.sha256 == load("synthetic").sha256
    attributes = data.attributes
    assert attributes is not None
    assert attributes.n_attributes == drawn.attributes.max()
    for item in (1, 2, data.n_items):
        of_item = attributes.values[attributes.offsets[item] : attributes.offsets[item + 1]]
        assert (of_item == drawn.attributes[item - 1]).all()
    assert attributes.offsets[0] == attributes.offsets[1] == 0
    assert len(attributes.offsets) == data.n_items + 2
