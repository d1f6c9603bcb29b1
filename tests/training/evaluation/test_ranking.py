"""Ranks, baselines and metrics against naive references."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from torch.utils.flop_counter import FlopCounterMode

import landscape.training.evaluation.ranking as ranking
from landscape.training.checkpoints.import_s3rec import import_s3rec
from landscape.training.data.dataset import load
from landscape.training.evaluation.baselines import popularity_ranks, successor_ranks
from landscape.training.evaluation.metrics import METRICS, by_user, paired_difference, standard_errors, summarise
from landscape.training.evaluation.ranking import FullRanking, History, model_ranks, rank_by_counting
from tests.support.small import dataset_of, random_dataset, small_model

LENGTHS = [3, 5, 9, 12, 4, 7, 30]


def naive_ranks(scores, dataset, held_out, allow_repeats=False):
    """By the protocol's words: other candidates that score at least as high as the target."""
    found = []
    for user in range(dataset.n_users):
        sequence = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]].tolist()
        target, seen = sequence[-held_out], set() if allow_repeats else set(sequence[:-held_out])
        if target in seen:
            found.append(math.inf)
            continue
        mine = scores[user]
        found.append(
            sum(mine[i] >= mine[target] for i in range(1, dataset.n_items + 1) if i not in seen and i != target)
        )
    return np.array(found, dtype=float)


def scores_of(model, dataset, held_out):
    """(U, V + 1) each user encoded alone, padded, in a loop."""
    rows = []
    for user in range(dataset.n_users):
        read = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1] - held_out][-model.max_length :]
        items = torch.from_numpy(read.astype(np.int64))[None]
        positions = torch.arange(model.max_length - len(read), model.max_length)[None]
        with torch.no_grad():
            hidden = model(items, positions, torch.ones_like(items))[0, -1]
        rows.append((model.items.weight.detach() @ hidden).numpy())
    return np.stack(rows)


@pytest.mark.parametrize(("split", "held_out"), [("valid", 2), ("test", 1)])
@pytest.mark.parametrize("items_a_block", [7, 2**14])
def test_model_ranks_equal_a_naive_loop(split, held_out, items_a_block, monkeypatch):
    monkeypatch.setattr(ranking, "ITEMS_A_BLOCK", items_a_block)
    monkeypatch.setattr(ranking, "USERS_A_BLOCK", 3)
    monkeypatch.setattr(ranking, "TOKENS_A_BATCH", 20)
    dataset, model = random_dataset(LENGTHS), small_model()
    expected = naive_ranks(scores_of(model, dataset, held_out), dataset, held_out)
    assert model_ranks(model, dataset, split).tolist() == expected.tolist()


@st.composite
def problems(draw):
    """Users, outputs, items, and sizes of blocks; whole numbers give exact scores with many ties."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_items, n_users = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    dataset = dataset_of(
        [generator.integers(1, n_items + 1, generator.integers(3, 12)) for _ in range(n_users)], n_items
    )
    width, dtype = draw(st.integers(1, 5)), draw(st.sampled_from([np.float32, np.float64]))
    hidden, table = (
        torch.from_numpy(generator.integers(-2, 3, (rows, width)).astype(dtype)) for rows in (n_users, n_items)
    )
    broken = draw(st.sampled_from([None, math.nan, math.inf, -math.inf]))
    if broken is not None:
        hidden[draw(st.integers(0, n_users - 1)), draw(st.integers(0, width - 1))] = broken
    return dataset, hidden, table, draw(st.integers(1, 20)), draw(st.integers(1, 45))


@given(problems(), st.integers(1, 3), st.booleans())
def test_ties_count_against_the_model_and_broken_scores_are_not_ranked(problem, held_out, allow_repeats):
    dataset, hidden, table, users_a_block, items_a_block = problem
    scores = np.concatenate([np.zeros((len(hidden), 1)), (hidden @ table.T).numpy()], axis=1)
    expected = naive_ranks(scores, dataset, held_out, allow_repeats)
    expected[~np.isfinite(scores).all(1)] = math.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "USERS_A_BLOCK", users_a_block)
        patch.setattr(ranking, "ITEMS_A_BLOCK", items_a_block)
        found = rank_by_counting(hidden, table, History(dataset, held_out, allow_repeats=allow_repeats))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_items", [50, 200])
def test_every_score_is_computed_once(n_items, monkeypatch):
    monkeypatch.setattr(ranking, "USERS_A_BLOCK", 32)
    monkeypatch.setattr(ranking, "ITEMS_A_BLOCK", 50)
    dataset = random_dataset([5] * 320, n_items)
    hidden, table = torch.randn(320, 8), torch.randn(n_items, 8)
    history = History(dataset, 1)
    with FlopCounterMode(display=False) as counter:
        rank_by_counting(hidden, table, history)
    padding = 15 * len(history.user_blocks)  # at most: a block's users are filled up to a multiple of 16
    least = 2 * n_items * 8 * 320
    assert least <= counter.get_total_flops() <= least * (320 + padding) / 320
    assert len(history.user_blocks) <= 320 / 32 + n_items / 50
    assert sorted(np.concatenate([block.users for block in history.user_blocks])) == list(range(320))


def test_few_users_among_many_items_are_ranked_in_full_blocks(monkeypatch):
    monkeypatch.setattr(ranking, "USERS_A_BLOCK", 32)
    monkeypatch.setattr(ranking, "ITEMS_A_BLOCK", 50)
    dataset = random_dataset([5] * 64, n_items=5000)
    hidden, table = torch.randn(64, 8), torch.randn(5000, 8)
    history = History(dataset, 1)
    with FlopCounterMode(display=False) as counter:
        ranks = rank_by_counting(hidden, table, history)
    assert [len(block.users) for block in history.user_blocks] == [32, 32]
    homes = sum(len(block.homes) - 1 for block in history.user_blocks)  # the last one's scores are computed once
    assert counter.get_total_flops() == 2 * 8 * 32 * (2 * 5000 + homes * 50)
    scores = torch.cat([torch.zeros(64, 1), hidden @ table.T], 1).numpy()
    np.testing.assert_array_equal(ranks, naive_ranks(scores, dataset, 1))


@pytest.mark.parametrize("users_a_block", [32, 4])
def test_an_item_with_the_targets_embedding_ties_to_the_last_bit(users_a_block, monkeypatch):
    monkeypatch.setattr(ranking, "USERS_A_BLOCK", users_a_block)
    monkeypatch.setattr(ranking, "ITEMS_A_BLOCK", 64)
    dataset = random_dataset([5] * 64, n_items=1024)
    torch.manual_seed(0)
    hidden, table = torch.randn(64, 64), torch.randn(512, 64).repeat(2, 1)
    history = History(dataset, 1, allow_repeats=True)
    assert (len(history.user_blocks[0].homes) > 1) == (users_a_block == 32)
    # Better items come in pairs, and the target's twin counts against it.
    assert (rank_by_counting(hidden, table, history) % 2 == 1).all()


def test_one_full_ranking_serves_many_models():
    dataset = random_dataset(LENGTHS)
    ranking_of = FullRanking(dataset, "valid", 8)
    for seed in range(3):
        model = small_model(seed=seed).train()
        assert ranking_of.ranks(model).tolist() == model_ranks(model, dataset, "valid").tolist()
        assert model.training


def test_a_repeated_target_counts_as_a_miss():
    dataset = dataset_of([[1, 2, 1], [1, 2, 3]], 5)
    ranks = model_ranks(small_model(5), dataset, "test")
    assert np.isinf(ranks[0])
    assert np.isfinite(ranks[1])
    assert by_user(ranks, "HR@20")[0] == by_user(ranks, "NDCG@20")[0] == by_user(ranks, "MRR")[0] == 0


def test_where_repeats_are_allowed_a_repeated_target_is_ranked_among_all_items():
    dataset, model = dataset_of([[1, 2, 1], [1, 2, 3], [4, 4, 4, 4]], 5), small_model(5)
    scores = scores_of(model, dataset, 1)
    targets = [1, 3, 4]
    expected = [sum(row[1:6] >= row[target]) - 1.0 for row, target in zip(scores, targets, strict=True)]
    assert model_ranks(model, dataset, "test", allow_repeats=True).tolist() == expected
    assert FullRanking(dataset, "test", 8, allow_repeats=True).history.n_repeated == 2


@pytest.mark.parametrize("where", ["items", "blocks", "overflow"])
def test_a_broken_model_has_no_score(where):
    dataset, model = random_dataset(LENGTHS), small_model(dtype=torch.float32)
    with torch.no_grad():
        if where == "items":
            model.items.weight[5, 0] = math.nan
        elif where == "blocks":
            model.blocks[1].feed_norm.bias[0] = math.nan
        else:
            model.items.weight[9] = 3e38
            model.blocks[1].feed_norm.weight.fill_(1e3)
    assert all(math.isnan(value) for value in summarise(model_ranks(model, dataset, "test")).values())


def test_large_finite_scores_are_scores():
    dataset, model = random_dataset(LENGTHS), small_model()
    with torch.no_grad():
        model.items.weight.mul_(1e150)
    expected = naive_ranks(scores_of(model, dataset, 1), dataset, 1)
    assert model_ranks(model, dataset, "test").tolist() == expected.tolist()


def test_the_mode_of_the_model_is_kept():
    model = small_model().train()
    model_ranks(model, random_dataset(LENGTHS), "test")
    assert model.training


def test_unknown_splits_are_refused():
    with pytest.raises(ValueError, match="must be one of valid, test, got 'train'"):
        model_ranks(small_model(), random_dataset(LENGTHS), "train")


@pytest.mark.parametrize(("split", "held_out"), [("valid", 2), ("test", 1)])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("allow_repeats", [False, True])
def test_baselines_equal_a_naive_loop(split, held_out, seed, allow_repeats):
    generator = np.random.default_rng(seed)
    dataset = dataset_of([generator.integers(1, 10, length) for length in [3, 3, 4, 6, 9, 15, 20]], 9)
    popular = np.zeros(10)
    followed = np.zeros((10, 10))
    for user in range(dataset.n_users):
        training = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1] - 2]
        np.add.at(popular, training, 1)
        np.add.at(followed, (training[:-1], training[1:]), 1)
    last = dataset.items[dataset.offsets[1:] - held_out - 1]
    everyone = np.tile(popular, (dataset.n_users, 1))
    options = {"allow_repeats": allow_repeats}
    for ranks, scores in ((popularity_ranks, everyone), (successor_ranks, followed[last] * 1000 + popular)):
        expected = naive_ranks(scores, dataset, held_out, allow_repeats)
        assert ranks(dataset, split, **options).tolist() == expected.tolist()
        assert np.isinf(expected).any() != allow_repeats


@pytest.mark.parametrize("name", ["Beauty", "Toys_and_Games"])
def test_ranks_with_published_weights_equal_the_reference(name, fixtures_folder, data_folder):
    dataset = load(data_folder / f"{name}.txt")
    ranks = model_ranks(import_s3rec(fixtures_folder / f"s3rec_{name}_pretrained.pt", dataset).build(), dataset, "test")
    with np.load(fixtures_folder / f"s3rec_{name}_ranking.npz") as reference:
        metrics = summarise(ranks)
        assert (metrics["HR@10"], metrics["NDCG@10"]) == (float(reference["hr10"]), float(reference["ndcg10"]))
        apart = ranks - reference["ranks"]
    # Scores that differ by rounding alone may come in either order.
    assert np.abs(apart).max() <= 1
    higher, lower = int((apart > 0).sum()), int((apart < 0).sum())
    assert higher + lower <= 0.005 * len(apart)
    assert binomtest(higher, higher + lower).pvalue > 0.01


@pytest.mark.slow
def test_baselines_on_beauty_are_the_known_ones(data_folder):
    dataset = load(data_folder / "Beauty.txt")
    popular, successors = (summarise(ranks(dataset, "test")) for ranks in (popularity_ranks, successor_ranks))
    assert [round(popular[name], 4) for name in ("HR@10", "NDCG@10")] == [0.0110, 0.0053]
    assert [round(successors[name], 4) for name in ("HR@10", "NDCG@10")] == [0.0665, 0.0438]


def test_metrics_of_known_ranks():
    ranks = np.array([0.0, 4, 5, 9, 10, 19, 20, np.inf])
    found = summarise(ranks)
    assert found["HR@5"] == 2 / 8
    assert found["HR@10"] == 4 / 8
    assert found["HR@20"] == 6 / 8
    assert found["NDCG@10"] == pytest.approx(sum(1 / math.log2(r + 2) for r in (0, 4, 5, 9)) / 8)
    assert found["MRR"] == pytest.approx(sum(1 / (r + 1) for r in (0, 4, 5, 9, 10, 19, 20)) / 8)
    assert all(math.isnan(value) for value in summarise(np.array([0.0, np.nan])).values())


def test_standard_error_is_that_of_a_share():
    hits = np.where(np.arange(1000) < 60, 0.0, 99.0)
    assert standard_errors(hits)["HR@10"] == pytest.approx((0.06 * 0.94 / 1000) ** 0.5, rel=1e-3)
    assert standard_errors(np.array([0.0, 99.0]))["HR@10"] == pytest.approx(0.5)  # unbiased: √(1/2)/√2


def test_the_bootstrap_interval_covers_the_difference():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        first = np.where(generator.random(2000) < 0.06, 0.0, 99.0)
        second = np.where(generator.random(2000) < np.where(first == 0, 0.8, 0.02), 0.0, 99.0)
        truth = 0.06 * 0.8 + 0.94 * 0.02 - 0.06
        interval = paired_difference(first, second, "HR@10", generator=generator, draws=400)
        covered += interval.low <= truth <= interval.high
    assert 0.91 <= covered / 300 <= 0.985  # 95 % within three standard errors of 300 trials


def test_a_model_does_not_differ_from_itself():
    ranks = model_ranks(small_model(), random_dataset(LENGTHS), "test")
    for name in METRICS:
        found = paired_difference(ranks, ranks, name, generator=np.random.default_rng(0))
        assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_differences_need_the_same_users():
    with pytest.raises(ValueError, match="same users; got 3 and 4"):
        paired_difference(np.zeros(3), np.zeros(4), "MRR", generator=np.random.default_rng(0))
