"""From a checkpoint to its objective, surface and curvature."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from landscape import HessianOperator
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.checkpoints.checkpoint import data_of, save_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.loop.trainer import train
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of
from tests.support.small import random_dataset, small_model
from tests.training.checkpoints.test_checkpoint import checkpoint

DATASET = random_dataset([3, 4, 5, 6, 7, 9, 12, 15] * 6, n_items=40, seed=1)


def subject_model(seed=0, dtype=torch.float32):
    """A checkpoint for DATASET, not trained."""
    weights = small_model(40, dtype=dtype, seed=seed).state_dict()
    return replace(checkpoint(), model={**checkpoint().model, "n_items": 40}, weights=weights)


def objective(objective_config, dtype=torch.float64, **options):
    found, population = objective_of(subject_model(), DATASET, objective_config, **options)
    if dtype == torch.float64:
        found.model.double()
        found.params = found.params.double()
        found.fixed = {name: tensor.double() for name, tensor in found.fixed.items()}
    return found, population


def test_the_loss_is_the_mean_over_all_terms_whatever_the_batches():
    found, population = objective(ObjectiveConfig())
    model = small_model(40, dtype=torch.float32).double()
    total = count = 0
    with torch.no_grad():
        for rows in found.batches:
            hidden = model(rows.items, rows.positions, rows.segments)
            for row, place in torch.nonzero(rows.targets).tolist():
                for item, label in ((rows.targets[row, place], 1.0), (rows.negatives[row, place], 0.0)):
                    score = hidden[row, place] @ model.items.weight[item]
                    total += F.binary_cross_entropy_with_logits(score, torch.tensor(label, dtype=score.dtype)).item()
                count += 1
    assert found.value() == pytest.approx(total / count, rel=1e-9)
    assert population == len(found.batches)  # all users: the loss is no estimate
    assert found.standard_error(population=population) == 0


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_derivatives_are_those_of_the_loss(split):
    found, _ = objective(ObjectiveConfig(split=split))
    generator = torch.Generator().manual_seed(0)
    direction = found.space.project(torch.randn(found.space.size, generator=generator, dtype=torch.float64))
    step = 1e-4 / direction.norm()
    ahead, behind = (found.params + sign * step * direction for sign in (1, -1))
    slope = (found.value(ahead) - found.value(behind)) / (2 * step)
    assert float(found.gradient() @ direction) == pytest.approx(float(slope), rel=1e-6)
    bend = (found.gradient(ahead) - found.gradient(behind)) / (2 * step)
    torch.testing.assert_close(found.hvp(direction), bend, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_packed_and_padded_are_one_objective():
    packed, padded = (objective(ObjectiveConfig(users=20), padded=flag)[0] for flag in (False, True))
    assert packed.value() == pytest.approx(padded.value(), rel=1e-12)
    vector = torch.randn(packed.space.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(packed.hvp(vector), padded.hvp(vector), rtol=1e-9, atol=1e-12)


def test_rows_that_nothing_looks_up_take_no_part():
    found, _ = objective(ObjectiveConfig(users=3))
    used = {
        int(i) for rows in found.batches for t in (rows.items, rows.targets, rows.negatives) for i in t.flatten()
    } - {0}
    mask = found.space.views(found.space.mask)
    assert set(torch.nonzero(mask["items.weight"][:, 0]).flatten().tolist()) == used
    moved = found.params.clone()
    moved[~found.space.mask] += 1.0
    assert found.value(moved) == found.value()


def test_users_and_negatives_depend_on_the_subset_alone():
    a, _ = objective(ObjectiveConfig(users=10, seed=3))
    other = replace(subject_model(seed=5), seed=9, settings={"seed": 9})
    b, _ = objective_of(other, DATASET, ObjectiveConfig(users=10, seed=3))
    c, _ = objective(ObjectiveConfig(users=10, seed=4))
    for rows, same in zip(a.batches, b.batches, strict=True):
        assert torch.equal(rows.items, same.items)
        assert torch.equal(rows.negatives, same.negatives)
    assert {int(u) for rows in a.batches for u in rows.users} != {int(u) for rows in c.batches for u in rows.users}


@pytest.mark.slow
def test_the_jackknife_error_covers_the_loss_of_all_users():
    truth = objective(ObjectiveConfig())[0].value()
    covered, trials = 0, 60
    for seed in range(trials):
        found, _ = objective(ObjectiveConfig(users=24, seed=seed))
        # Negatives differ by seed as well: their share of the spread is not in the error of a subset of users.
        covered += abs(found.value() - truth) <= 2.1 * found.standard_error(population=None)
    assert covered / trials >= 0.85


def test_asking_for_too_many_users_is_refused():
    with pytest.raises(ValueError, match="--users 49 exceeds the 42 users of small in the train split"):
        objective_of(subject_model(), DATASET, ObjectiveConfig(users=49))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A model trained for a moment on the built-in data."""
    folder = tmp_path_factory.mktemp("run")
    settings = TrainingConfig(method="sasrec", epochs=1, width=16, layers=1, max_length=20)
    train(load("synthetic"), settings, folder)
    return CheckpointTarget.open(folder / "checkpoint.pt")


@pytest.mark.slow
def test_a_surface_is_made_once_and_then_found(target, tmp_path):
    objective_config, plane = ObjectiveConfig(users=60), SurfaceConfig(points=7, grid=True)
    first, path = surface_of(replace(target, results_folder=tmp_path), objective_config, plane)
    points = []
    again, same = surface_of(
        replace(target, results_folder=tmp_path), objective_config, plane, progress=lambda *state: points.append(state)
    )
    assert path == same
    assert points == []
    np.testing.assert_array_equal(first.loss, again.loss)
    other, elsewhere = surface_of(replace(target, results_folder=tmp_path), replace(objective_config, seed=1), plane)
    assert elsewhere != path
    assert other.centre != first.centre
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.slow
def test_an_interrupted_surface_continues_where_it_was(target, tmp_path):
    objective_config, plane = ObjectiveConfig(users=60), SurfaceConfig(points=5, grid=True)

    def interrupt(done, total, text):
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surface_of(replace(target, results_folder=tmp_path), objective_config, plane, progress=interrupt)
    seen = []
    found, _ = surface_of(
        replace(target, results_folder=tmp_path),
        objective_config,
        plane,
        progress=lambda done, total, text: seen.append(done),
    )
    whole, _ = surface_of(replace(target, results_folder=tmp_path / "whole"), objective_config, plane)
    assert min(seen) >= 9 or seen[0] == 1  # the centre is looked up first
    assert len(seen) <= 25 - 9 + 3
    np.testing.assert_array_equal(found.loss, whole.loss)


@pytest.mark.slow
def test_the_surface_says_where_it_comes_from(target, tmp_path):
    found, _ = surface_of(
        replace(target, results_folder=tmp_path), ObjectiveConfig(users=60), SurfaceConfig(points=5, grid=True)
    )
    assert found.metadata["checkpoint"]["sha256"] == target.sha256
    assert found.metadata["data"]["sha256"] == target.dataset.sha256
    assert found.metadata["objective"] == ObjectiveConfig(users=60).described()
    assert found.metadata["plane"]["seeds"] == [0, 1]
    assert found.metadata["loss_stderr"] > 0
    expected, _ = objective_of(target.checkpoint, target.dataset, ObjectiveConfig(users=60))
    assert found.centre == pytest.approx(expected.value(), rel=1e-6)


@pytest.mark.slow
def test_curvature_of_a_checkpoint_is_an_eigenvalue_of_its_hessian(target, tmp_path):
    objective_config = ObjectiveConfig(users=40)
    found, path = curvature_of(replace(target, results_folder=tmp_path), objective_config, CurvatureConfig(top=2))
    assert found.pairs.converged.all()
    expected, _ = objective_of(target.checkpoint, target.dataset, objective_config)
    operator = HessianOperator(expected)
    for value, vector in zip(found.pairs.values, found.pairs.vectors, strict=True):
        v = torch.from_numpy(vector)
        assert float((operator @ v - value * v).norm()) <= 2e-3 * abs(value)
    assert found.gradient_norm == pytest.approx(float(expected.gradient().norm()), rel=1e-5)
    again, _ = curvature_of(replace(target, results_folder=tmp_path), objective_config, CurvatureConfig(top=2))
    np.testing.assert_array_equal(again.pairs.values, found.pairs.values)
    np.testing.assert_array_equal(again.pairs.vectors, found.pairs.vectors)
    assert path.suffix == ".json"


def test_other_data_than_the_checkpoints_is_refused(tmp_path):
    (tmp_path / "other.txt").write_text("1 1 2 3 4\n2 2 3 4 5\n")
    with pytest.raises(ValueError, match="is not what the checkpoint was trained on: SHA-256"):
        data_of(checkpoint(), str(tmp_path / "other.txt"))


def test_data_that_is_gone_is_said_to_be_gone(tmp_path):
    gone = replace(checkpoint(), data={**checkpoint().data, "name": "nowhere", "source": str(tmp_path / "gone.txt")})
    with pytest.raises(FileNotFoundError, match=r"gone.txt is not there; say where nowhere is with --data"):
        data_of(gone, data_dir=str(tmp_path))


def test_a_checkpoint_finds_its_data_under_its_name(tmp_path):
    (tmp_path / "mine.txt").write_text("1 1 2 3 4\n2 2 3 4 20\n")  # 20 items, as the network has
    sha = load(tmp_path / "mine.txt").sha256
    moved = replace(
        checkpoint(), data={**checkpoint().data, "name": "mine", "source": "elsewhere/mine.txt", "sha256": sha}
    )
    save_checkpoint(moved, tmp_path / "c.pt")
    assert CheckpointTarget.open(tmp_path / "c.pt", data_dir=str(tmp_path)).dataset.n_users == 2
