"""As many users as an answer needs: nested, found again, the same for all models, and said."""

import json
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from landscape import top_eigenpairs
from landscape.geometry.sampling import rise_errors
from landscape.operators.hessian import HessianOperator
from landscape.problems.problem import ProblemFile
from landscape.results import LanczosState
from landscape.results.sample import SampleSize, sample_tables, sample_text
from landscape.results.storage.save_load import load_curvature, load_surface, save_surface
from landscape.results.storage.serialization import from_plain
from landscape.surfaces.planes import random_plane
from landscape.training.analysis.comparison import common_losses
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.sample_size import RISE, TOP, TRACE, curvature_sample, surface_sample
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import AUTO, PRECISION, ObjectiveConfig, number_of_users, share
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.problem_target import ProblemTarget
from landscape.training.targets.related_results import curvature_beside
from landscape.training.targets.users import selected_users
from tests.support.small import random_dataset
from tests.training.analysis.test_planes import target as small_target

DATASET = random_dataset([3, 5, 8, 12] * 150, n_items=40, seed=1)  # 450 users with targets
LOSS = ObjectiveConfig(users=AUTO, precision=0.1)
LINE = SurfaceConfig(line=True, points=5, grid=True)
ONE = CurvatureConfig(top=1, bottom=0, checks=False, tolerance=0.01)


class Target(CheckpointTarget):
    """Begins with fewer users, since there are few."""

    sample_first = 40


def target(folder, seed=0):
    one = small_target(folder, seed)
    return Target(one.path, one.sha256, one.checkpoint, DATASET)


def never(*arguments):
    raise AssertionError(f"something is computed: {arguments}")


def users_of(one, config):
    return set(selected_users(one.checkpoint, one.dataset, config)[0].tolist())


def test_the_parts_are_nested_and_the_others_follow(tmp_path):
    one = target(tmp_path)
    total = one.sample_total(LOSS)
    parts = [users_of(one, LOSS.with_first(count, total)) for count in (40, 41, 300, total)]
    assert [len(part) for part in parts] == [40, 41, 300, total]
    assert all(smaller < larger for smaller, larger in pairwise(parts))
    others = users_of(one, LOSS.with_others(40, total))
    assert len(others) == 40
    assert not others & parts[0]
    assert others < users_of(one, LOSS.with_first(80, total))
    assert users_of(one, LOSS.with_others(420, total)) == parts[-1] - users_of(one, LOSS.with_first(420, total))
    assert LOSS.with_others(total, total) is None
    assert parts[0] != users_of(one, replace(LOSS, seed=1).with_first(40, total))
    assert parts[0] != users_of(one, ObjectiveConfig(users=40))  # those stay who they were


def test_the_terms_of_a_user_are_the_same_in_every_part(tmp_path):
    """Negatives, too: the loss of all is the mean over a part and over the others."""
    one = target(tmp_path)
    total = one.sample_total(LOSS)
    sums = []
    for config in (LOSS.with_first(300, total), LOSS.with_others(300, total), ObjectiveConfig()):
        terms = one.objective(config)[0].by_batch()
        sums.append((terms.sums.sum(), terms.counts.sum()))
    (a, m), (b, n), (whole, count) = sums
    assert m + n == count
    assert a + b == pytest.approx(whole, rel=1e-6)


def test_settings_without_auto_are_stored_as_they_were():
    """Results of earlier versions are found again."""
    names = ["loss", "split", "users", "seed", "blocks", "train_mode"]
    assert [*ObjectiveConfig(users=3).described()] == names
    assert [*ObjectiveConfig().described()] == names
    assert ObjectiveConfig(users=AUTO).described()["precision"] == PRECISION
    assert ObjectiveConfig(users=AUTO).with_first(5, 9).described()["skipped"] == 0
    assert ObjectiveConfig(users=AUTO).with_first(9, 9) == ObjectiveConfig()
    assert set(asdict(ObjectiveConfig())) == {*names, "precision", "skipped"}


@pytest.mark.parametrize(
    ("text", "value"), [("1%", 0.01), ("5 %", 0.05), ("0.01", 0.01), (" 2.5% ", 0.025), ("1e-3", 1e-3)]
)
def test_a_precision_is_a_share_in_per_cent_or_not(text, value):
    assert share(text) == pytest.approx(value)


def test_numbers_of_users():
    assert (number_of_users("12"), number_of_users(" Auto ")) == (12, AUTO)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: share("x"), "'x' is not a share such as 1% or 0.01"),
        (lambda: share("%"), "'%' is not a share"),
        (lambda: share("5"), "5 is 500%; write 5% or 0.05"),
        (lambda: number_of_users("some"), "'some' is neither a number of users nor auto"),
        (lambda: number_of_users("1.5"), "neither a number"),
        (lambda: ObjectiveConfig(precision=0.01), "--precision 0.01 goes with --users auto"),
        (lambda: ObjectiveConfig(users=100, precision=0.01), "goes with --users auto"),
        (lambda: ObjectiveConfig(users="all"), "users must be a number or 'auto', got 'all'"),
        *(
            (lambda bad=bad: ObjectiveConfig(users=AUTO, precision=bad), "precision must be above 0 and below 1")
            for bad in (0.0, -0.01, 1.0, float("nan"), float("inf"))
        ),
    ],
)
def test_what_is_no_precision_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        given()


@pytest.mark.slow
def test_a_surface_is_that_of_the_users_it_took_and_says_so(tmp_path):
    one = target(tmp_path)
    found, path = surface_of(one, LOSS, LINE)
    sample = surface_sample(one, LOSS, LINE, progress=never)  # stored
    record = found.metadata["sample"]
    assert sample.sizes[0] == 40 < sample.size < sample.total
    assert (record["size"], record["total"], record["reached"]) == (sample.size, sample.total, True)
    assert record["errors"][0] <= 0.1
    assert found.metadata["objective"]["users"] == sample.size
    expected, _ = surface_of(one, LOSS.with_first(sample.size, sample.total), LINE)
    np.testing.assert_array_equal(found.loss, expected.loss)
    assert "sample" not in expected.metadata
    assert f"{sample.size} of {sample.total} users, chosen by the data for errors of at most 10%" in str(found)
    assert RISE in str(found)
    again, same = surface_of(one, LOSS, LINE, progress=never)
    assert (same, again.metadata["sample"]) == (path, record)
    assert str(load_surface(path)) == str(found)
    assert surface_of(one, replace(LOSS, precision=0.2), LINE)[1] != path


@pytest.mark.slow
def test_the_error_is_the_largest_of_the_rises_as_a_share_of_their_range(tmp_path):
    one = target(tmp_path)
    sample = surface_sample(one, LOSS, LINE)
    objective, population = one.objective(LOSS.with_first(sample.size, sample.total))
    found, _ = surface_of(one, LOSS, LINE)
    plane = random_plane(objective.space, objective.params, (0,), normalize="filter", vectors="zero", orthogonal=False)
    nodes = np.array([[-1.0], [-np.sqrt(0.5)], [np.sqrt(0.5)], [1.0]])
    rises, errors = rise_errors(objective, plane.x[None], nodes, population=population)
    span = max(rises.max(), 0) - min(rises.min(), 0)
    assert sample.errors[-1, 0] == pytest.approx(errors.max() / span, rel=1e-4)
    assert span <= np.ptp(found.node_loss) * 1.01


@pytest.mark.slow
def test_a_precision_that_no_part_reaches_takes_all_and_says_so(tmp_path):
    one, fine = target(tmp_path), replace(LOSS, precision=1e-4)
    found, path = surface_of(one, fine, LINE)
    total = one.sample_total(fine)
    tried = found.metadata["sample"]["tried"]
    said = f"All {total} users: errors of at most 0.01% were NOT reached with {tried[-2]}"
    assert said in str(load_surface(path))
    assert found.metadata["objective"]["users"] is None
    assert found.metadata["sample"]["errors"][0] > 1e-4  # for further users
    np.testing.assert_array_equal(found.loss, surface_of(one, ObjectiveConfig(), LINE)[0].loss)
    assert not from_plain(SampleSize, json.loads(next(one.path.parent.glob("results/samplesize*")).read_text())).reached


@pytest.mark.slow
@pytest.mark.parametrize("operator", ["hessian", "gauss-newton", "fisher"])
def test_a_curvature_is_that_of_the_users_it_took(tmp_path, operator):
    one, config = target(tmp_path), replace(LOSS, precision=0.5)
    # Not of the Hessian, which is indefinite before training: its trace is next to 0, and no share of it is small.
    asked = replace(ONE, operator=operator, trace=operator != "hessian", trace_products=6)
    found, path = curvature_of(one, config, asked)
    sample = curvature_sample(one, config, asked, progress=never)
    assert sample.quantities == ((TOP, TRACE) if asked.trace else (TOP,))
    assert sample.size < sample.total
    assert (np.hypot(sample.errors[-1], sample.biases[-1]) <= 0.5).all()
    part = config.with_first(sample.size, sample.total)
    expected, _ = curvature_of(replace(one, results_folder=tmp_path / "elsewhere"), part, asked)
    np.testing.assert_allclose(found.pairs.values, expected.pairs.values, rtol=1e-4)
    assert found.loss == expected.loss
    assert str(load_curvature(path)).count("chosen by the data") == 1
    stored = {size: one.cache(config.with_first(size, sample.total)) for size in sample.sizes.tolist()}
    there = {size: cache.path(LanczosState, operator=operator).exists() for size, cache in stored.items()}
    assert [size for size in there if there[size]] == [sample.size]  # others would never be continued


@pytest.mark.slow
def test_the_bias_of_the_eigenvalue_is_measured_on_other_users(tmp_path):
    one = target(tmp_path)
    sample = curvature_sample(one, replace(LOSS, precision=0.6), ONE)
    count, total = sample.size, sample.total
    assert count < total
    (part, _), (others, _) = (
        one.objective(each) for each in (LOSS.with_first(count, total), LOSS.with_others(count, total))
    )
    pairs = top_eigenpairs(HessianOperator(part), tolerance=1e-3)
    top = torch.from_numpy(pairs.vectors[0])
    elsewhere = float(top @ others.hvp(top))
    bias = (1 - count / total) * (pairs.values[0] - elsewhere) / 2
    assert sample.biases[-1, 0] == pytest.approx(bias / (pairs.values[0] - bias), rel=0.02)
    assert sample.errors[-1, 0] > 0


@pytest.mark.slow
def test_along_eigenvectors_other_users_are_asked(tmp_path):
    """The loss rises more along the sharpest direction of a part than it does for others."""
    sample = surface_sample(target(tmp_path), LOSS, replace(LINE, eigen=(1,), line=False, extent=0.3))
    assert (sample.biases[:-1] > 0).any() or sample.biases[-1] != 0
    assert surface_sample(target(tmp_path), LOSS, LINE).biases.tolist() == [[0.0]] * len(
        surface_sample(target(tmp_path), LOSS, LINE).sizes
    )


@pytest.mark.slow
def test_models_that_are_compared_are_of_the_same_users(tmp_path):
    targets = [target(tmp_path, seed) for seed in (0, 1)]
    losses = common_losses(targets, LOSS, LINE, replace(ONE))
    sizes = [sample.size for loss in losses for sample in (loss.surface, loss.curvature)]
    assert {loss.config for loss in losses} == {LOSS.with_first(max(sizes), losses[0].surface.total)}
    assert len(set(sizes)) > 1  # or this test would show nothing
    record = losses[0].surface.metadata(max(sizes))
    assert record["needed"] == losses[0].surface.size
    assert common_losses(targets, ObjectiveConfig(users=9), LINE, ONE)[0].config == ObjectiveConfig(users=9)


@pytest.mark.slow
def test_surface_and_curvature_belong_together_whatever_numbers_they_took(tmp_path):
    one = target(tmp_path)
    curvature_of(one, replace(LOSS, precision=0.4), ONE)
    surface, path = surface_of(one, replace(LOSS, precision=0.4), LINE)
    beside = curvature_beside(surface, path)
    assert beside is not None
    assert beside.metadata["objective"]["users"] != surface.metadata["objective"]["users"]
    assert curvature_beside(surface_of(one, LOSS, LINE)[0], path) is None  # of another precision
    assert curvature_beside(surface_of(one, ObjectiveConfig(users=50), LINE)[0], path) is None


@pytest.mark.slow
def test_repeats_take_the_number_of_users_of_the_first(tmp_path):
    one = target(tmp_path)
    found, _ = surface_of(one, LOSS, replace(LINE, repeats=2))
    once, _ = surface_of(one, LOSS, LINE)
    assert found.metadata["sample"]["size"] > 40
    assert found.radial_profile.repeats == 2
    np.testing.assert_array_equal(found.loss.shape, once.loss.shape)


PROBLEM = """
import torch
from landscape import Objective

def objective():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    batches = [torch.randn(8, 3) for _ in range(200)]
    return Objective(model, lambda model, x: (model(x).square().sum(), len(x)), batches)
"""


@pytest.mark.slow
def test_a_problem_takes_some_of_its_batches(tmp_path):
    file = tmp_path / "problem.py"
    file.write_text(PROBLEM)
    one = ProblemTarget.open(ProblemFile(file))
    found, _ = surface_of(one, LOSS, LINE)
    record = found.metadata["sample"]
    assert (record["unit"], record["total"]) == ("batches", 200)
    assert 20 <= record["size"] < 200
    assert f"{record['size']} of 200 batches" in str(found)
    part, population = one.objective(LOSS.with_first(record["size"], 200))
    assert (len(part.batches), population) == (record["size"], 200)
    others, _ = one.objective(LOSS.with_others(record["size"], 200))
    assert not {id(batch) for batch in part.batches} & {id(batch) for batch in others.batches}
    sample = curvature_sample(one, LOSS, ONE)
    assert sample.unit == "batches"


def test_a_damaged_record_is_refused(tmp_path):
    one = target(tmp_path)
    surface, _ = surface_of(one, ObjectiveConfig(users=9), replace(LINE, points=3))
    good = SampleSize(0.01, 50, np.array([9]), np.array([[0.001]]), np.array([[0.0]]), ("a",)).metadata()
    for damage, message in (
        ({"needed": None}, "sample.needed"),
        ({"errors": []}, "errors that are not those of its quantities"),
        ({"size": "many"}, "metadata.sample.size is the text 'many'"),
    ):
        bad = replace(surface, metadata={**surface.metadata, "sample": good | damage})
        save_surface(bad, tmp_path / "bad.npz")
        with pytest.raises(ValueError, match=message):
            load_surface(tmp_path / "bad.npz")
    lacking = {key: value for key, value in good.items() if key != "unit"}
    save_surface(replace(surface, metadata={**surface.metadata, "sample": lacking}), tmp_path / "bad.npz")
    with pytest.raises(ValueError, match=r"metadata\.sample lacks unit"):
        load_surface(tmp_path / "bad.npz")
    assert sample_tables({}) == []


def test_words():
    sample = SampleSize(
        0.05, 3000, np.array([400, 900]), np.array([[0.1, np.nan], [0.02, 0.01]]), np.zeros((2, 2)), ("a", "b")
    )
    assert sample_text(sample.metadata(1200)) == (
        "1,200 of 3,000 users, chosen by the data for errors of at most 5%; this answer needs 900, another one more"
    )
    assert "unknown" in str(sample)
    assert replace(sample, errors=sample.errors[:1], biases=sample.biases[:1], sizes=sample.sizes[:1]).reached is False
    assert replace(sample, errors=sample.errors[::-1]).reached is False  # unknown
    biased = replace(sample, biases=np.array([[0.0, 0.0], [0.06, 0.0]]))
    assert not biased.reached
    assert "too large by" in sample_tables({"sample": biased.metadata()})[0].header[-1]
