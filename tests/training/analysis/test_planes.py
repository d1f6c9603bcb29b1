"""Planes through checkpoints: eigenvectors, other checkpoints, a training run; and what is computed on them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape.provenance import file_sha256
from landscape.results.storage.save_load import load_surface
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.planes import plane_settings
from landscape.training.analysis.surface import surface_of
from landscape.training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.evaluation.metrics import summarise
from landscape.training.evaluation.ranking import model_ranks
from landscape.training.loop.run_folder import snapshots
from landscape.training.loop.trainer import train
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of
from landscape.training.targets.related_results import history_of
from landscape.training.targets.surface_metrics import extras_of
from landscape.training.targets.users import selected_users
from tests.support.small import random_dataset, small_model, with_attributes
from tests.training.checkpoints.test_checkpoint import checkpoint

DATASET = with_attributes(random_dataset([3, 4, 5, 6, 7, 9, 12, 15] * 6, n_items=40, seed=1))
SUBSET = ObjectiveConfig(users=8)


def target(folder, seed=0, **changes):
    """A checkpoint on disk, not trained."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = small_model(40, dtype=torch.float32, seed=seed).state_dict()
    one = replace(
        checkpoint(), model={**checkpoint().model, "n_items": 40}, weights=weights, seed=seed, settings={"seed": seed}
    )
    one = replace(one, data={**one.data, "items": 40, "sha256": DATASET.sha256}, **changes)
    path = folder / f"seed{seed}.pt"
    save_checkpoint(one, path)
    return CheckpointTarget(path, f"{seed:064d}", one, DATASET)


def value(one, objective_config=SUBSET):
    return objective_of(one.checkpoint, DATASET, objective_config)[0].value()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eigen": (1, 2), "toward": ("a",)}, "--eigen and --toward are different planes"),
        ({"eigen": (1, 2), "repeats": 2}, "--repeats draws random directions"),
        ({"eigen": (0,)}, "--eigen takes one or two"),
        ({"eigen": (1, 1)}, "--eigen takes one or two"),
        ({"eigen": (1, 2, 3)}, "--eigen takes one or two"),
        ({"toward": ("a", "b", "c")}, "--toward goes to one other checkpoint or through two, got 3"),
        ({"line": True, "points": (5, 3)}, "a line has one number of --points, got 5x3"),
        ({"toward": ("a",), "points": (5, 3)}, "a line has one number of --points"),
        ({"curve": True}, "--curve leads to one other checkpoint, in a plane"),
        ({"curve": True, "toward": ("a", "b")}, "--curve leads to one other checkpoint"),
        ({"curve": True, "toward": ("a",), "line": True}, "and not --line"),
        ({"curve_steps": 0}, "curve_steps must be at least 1"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"extent": -1.0}, "extent must be"),
    ],
)
def test_slices_that_make_no_plane_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        SurfaceConfig(**given)


def test_a_line_may_be_told_as_a_grid_of_one_row():
    assert SurfaceConfig(line=True, points=(5, 1)).is_line


@pytest.mark.parametrize(
    ("eigen", "pairs"), [((1, 2), (2, 0)), ((3,), (3, 0)), ((1, -2), (1, 2)), ((-1, -3), (1, 3)), ((-2,), (1, 2))]
)
def test_no_more_eigenvectors_are_found_than_are_asked_for(eigen, pairs):
    assert SurfaceConfig(eigen=eigen).eigenpairs == pairs


@pytest.mark.slow
def test_eigenvectors_curve_the_surface_by_their_eigenvalues(tmp_path):
    one = target(tmp_path)
    found, path = surface_of(one, SUBSET, SurfaceConfig(eigen=(1, -1), points=21, extent=0.05))
    curvature, _ = curvature_of(one, SUBSET, CurvatureConfig(top=1, checks=False))
    top, bottom = curvature.pairs.values[0], curvature.pairs.bottom.values[0]
    plane = found.metadata["plane"]
    assert (plane["kind"], plane["numbers"]) == ("eigen", [1, -1])
    np.testing.assert_allclose(plane["eigenvalues"], [top, bottom], rtol=1e-2)
    np.testing.assert_allclose(np.diag(found.quadratic.hessian), [top, bottom], rtol=2e-2)
    assert found.checks.agrees, str(found.checks)
    assert {check.what for check in found.checks.checks} >= {"curvature along α", "curvature along β"}
    assert load_surface(path).quadratic.hessian.shape == (2, 2)


@pytest.mark.slow
def test_one_eigenvector_makes_a_line(tmp_path):
    found, _ = surface_of(target(tmp_path), SUBSET, SurfaceConfig(eigen=(1,), points=5, grid=True))
    assert found.is_line
    assert found.quadratic is None


@pytest.mark.slow
def test_the_path_to_another_checkpoint_ends_at_its_loss(tmp_path):
    one, other = target(tmp_path, 0), target(tmp_path, 1)
    found, _ = surface_of(one, SUBSET, SurfaceConfig(toward=(str(other.path),), points=41, grid=True))
    assert found.is_line
    at = {round(float(alpha), 6): loss for alpha, loss in zip(found.alphas, found.loss[0], strict=True)}
    ends = [value(one), value(other)]
    np.testing.assert_allclose([at[0.0], at[1.0]], ends, rtol=1e-5)
    assert found.barrier.height >= max(at[0.5] - sum(ends) / 2, 0) - 1e-5
    assert [mark.name for mark in found.marks] == ["SASRec, seed 0", "SASRec, seed 1"]


@pytest.mark.slow
def test_three_checkpoints_span_a_plane_with_each_at_its_place(tmp_path):
    one, *others = (target(tmp_path, seed) for seed in range(3))
    found, _ = surface_of(
        one, SUBSET, SurfaceConfig(toward=tuple(str(other.path) for other in others), points=5, grid=True)
    )
    places = {(mark.alpha, mark.beta): mark.name for mark in found.marks}
    assert places == {(0, 0): "SASRec, seed 0", (1, 0): "SASRec, seed 1", (0, 1): "SASRec, seed 2"}
    for at, each in zip([(1, 0), (0, 1)], others, strict=True):
        i, j = np.abs(found.alphas - at[0]).argmin(), np.abs(found.betas - at[1]).argmin()
        if np.isclose(found.alphas[i], at[0]) and np.isclose(found.betas[j], at[1]):
            assert found.loss[j, i] == pytest.approx(value(each), rel=1e-5)


def test_another_network_and_other_data_are_refused(tmp_path):
    one = target(tmp_path)
    wider = small_model(40, dtype=torch.float32, width=16)
    other = target(tmp_path, 1, model={**one.checkpoint.model, "width": 16}, weights=wider.state_dict())
    with pytest.raises(ValueError, match="has another network than"):
        surface_of(one, SUBSET, SurfaceConfig(toward=(str(other.path),)))
    foreign = replace(one.checkpoint, data={**one.checkpoint.data, "sha256": "f" * 64})
    save_checkpoint(foreign, tmp_path / "foreign.pt")
    with pytest.raises(ValueError, match="was trained on"):
        surface_of(one, SUBSET, SurfaceConfig(toward=(str(tmp_path / "foreign.pt"),)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a snapshot every other epoch."""
    folder = tmp_path_factory.mktemp("run")
    settings = TrainingConfig(
        method="sasrec", epochs=5, patience=5, width=8, layers=1, max_length=8, batch_size=8, lr=0.01
    )
    train(DATASET, settings, folder, snapshots=2)
    return folder


def test_a_run_keeps_snapshots_of_its_way(run):
    assert sorted(path.name for path in (run / "snapshots").iterdir()) == [
        f"epoch-{epoch:05d}.pt" for epoch in (0, 2, 4)
    ]


@pytest.mark.slow
def test_snapshots_change_nothing_and_survive_a_resumption(run, tmp_path):
    settings = TrainingConfig(
        method="sasrec", epochs=5, patience=5, width=8, layers=1, max_length=8, batch_size=8, lr=0.01
    )
    plain = train(DATASET, settings, tmp_path / "plain")

    def die(done, total, text):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DATASET, settings, tmp_path / "cut", snapshots=2, progress=die)
    train(DATASET, settings, tmp_path / "cut", snapshots=2, resume=True)
    for name in ("epoch-00000.pt", "epoch-00002.pt", "epoch-00004.pt"):
        whole, cut = (torch.load(folder / "snapshots" / name)["weights"] for folder in (run, tmp_path / "cut"))
        assert all(torch.equal(whole[key], cut[key]) for key in whole)
    last = torch.load(run / "checkpoint.pt")["weights"]
    assert all(torch.equal(last[key], plain.weights[key]) for key in last)


@pytest.mark.slow
def test_a_trajectory_is_placed_where_its_snapshots_are(run):
    path = run / "checkpoint.pt"
    one = CheckpointTarget(path, "0" * 64, load_checkpoint(path), DATASET)
    found, _ = surface_of(one, SUBSET, SurfaceConfig(trajectory=str(run), points=21))
    objective, _ = objective_of(one.checkpoint, DATASET, SUBSET)
    assert found.trajectory.names == ("epoch 0", "epoch 2", "epoch 4")
    snapshots = [
        objective.space.flatten(load_checkpoint(each).weights) for each in sorted((run / "snapshots").iterdir())
    ]
    np.testing.assert_allclose(found.trajectory.loss, [objective.value(each) for each in snapshots], rtol=1e-5)
    # Distances split into the part in the plane, whose directions are orthonormal, and the part beside it.
    for point, off, snapshot in zip(found.trajectory.points, found.trajectory.off_plane, snapshots, strict=True):
        distance = float(objective.space.project(snapshot - objective.params).norm())
        assert np.hypot(np.linalg.norm(point), off) == pytest.approx(distance, rel=1e-4, abs=1e-5)
    assert 0 < sum(found.metadata["plane"]["shares"]) <= 1 + 1e-9


@pytest.mark.slow
def test_two_runs_share_a_plane_with_losses_and_metrics_of_their_own(run, tmp_path):
    settings = TrainingConfig(
        method="samrec", epochs=3, patience=5, width=8, layers=1, max_length=8, batch_size=8, lr=0.01
    )
    other = tmp_path / "other"
    train(DATASET, settings, other, snapshots=1)
    path = run / "checkpoint.pt"
    one = CheckpointTarget(path, "0" * 64, load_checkpoint(path), DATASET, tmp_path / "results")
    found, stored = surface_of(one, SUBSET, SurfaceConfig(trajectory=(str(run), str(other)), points=7, grid=True))
    assert [names.names for names in found.trajectories] == [
        ("epoch 0", "epoch 2", "epoch 4"),
        ("epoch 0", "epoch 1", "epoch 2", "epoch 3"),
    ]
    assert [each.title.split()[0] for each in found.trajectories] == ["SASRec", "SAMRec"]
    # From one start: its weights, loss and place are the same.
    np.testing.assert_allclose(found.trajectories[0].points[0], found.trajectories[1].points[0], atol=1e-9)
    assert found.trajectories[0].loss[0] == found.trajectories[1].loss[0]
    objective, _ = objective_of(one.checkpoint, DATASET, SUBSET)
    for folder, each in zip((run, other), found.trajectories, strict=True):
        rows = {int(row["epoch"]): row["valid_ndcg@20"] for row in history_of(folder)}
        np.testing.assert_array_equal(each.metric, [rows.get(int(name.split()[1]), np.nan) for name in each.names])
        assert each.metric_name == "valid_ndcg@20"
        files = sorted((folder / "snapshots").iterdir())
        losses = [objective.value(objective.space.flatten(load_checkpoint(file).weights)) for file in files]
        np.testing.assert_allclose(each.loss, losses, rtol=1e-5)
        assert found.metadata["plane"]["snapshot_sha256"].pop(0) == [file_sha256(file) for file in files]
    np.testing.assert_array_equal(load_surface(stored).other_trajectories[0].points, found.trajectories[1].points)
    # The order of runs is another picture; one run alone is stored as it was when there could be one.
    swapped = surface_of(one, SUBSET, SurfaceConfig(trajectory=(str(other), str(run)), points=7, grid=True))[1]
    assert swapped != stored
    alone = SurfaceConfig(trajectory=str(run))
    assert alone == SurfaceConfig(trajectory=(str(run),))
    assert plane_settings(one, alone)["trajectory"] == [file_sha256(file) for file in snapshots(run)]
    assert plane_settings(one, SurfaceConfig())["trajectory"] is None


def test_a_run_without_snapshots_is_said_to_have_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no snapshots; `landscape train --snapshots K` keeps one"):
        surface_of(target(tmp_path), SUBSET, SurfaceConfig(trajectory=str(tmp_path)))


@pytest.mark.slow
def test_metrics_on_the_plane_are_those_of_its_points(tmp_path):
    one = target(tmp_path)
    chosen = SurfaceConfig(metric=("valid", "HR@10", "NDCG@10"), points=5, metric_points=3, grid=True, extent=0.5)
    found, _ = surface_of(one, SUBSET, chosen)
    assert set(found.metrics) == {"validation loss", "validation HR@10", "validation NDCG@10"}
    valid = replace(SUBSET, split="valid")
    assert found.of("validation loss").centre == pytest.approx(value(one, valid), rel=1e-6)
    users, _ = selected_users(one.checkpoint, DATASET, SUBSET)
    ranks = summarise(model_ranks(one.checkpoint.build(), DATASET.of_users(users), "valid"))
    ranking = found.of("validation NDCG@10")
    assert ranking.loss.shape == (3, 3)
    assert ranking.centre == ranks["NDCG@10"]


def test_a_ranking_does_not_move_the_model(tmp_path):
    one = target(tmp_path)
    objective, _ = objective_of(one.checkpoint, DATASET, SUBSET)
    before = objective.value()
    (metric,) = extras_of(one.checkpoint, DATASET, SUBSET, objective, ["HR@5", "MRR"]).metrics
    assert len(metric.function(objective.params * 0.5)) == 2
    assert objective.value() == before


@pytest.mark.parametrize("name", ["NDCG@7", "validation"])
def test_unknown_metrics_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match="the metric must be one of parts"):
        surface_of(target(tmp_path), SUBSET, SurfaceConfig(metric=(name,)))


@pytest.mark.slow
def test_repeats_are_planes_of_their_own_and_make_a_band(tmp_path):
    one = target(tmp_path)
    found, _ = surface_of(one, SUBSET, SurfaceConfig(repeats=3, points=9))
    assert found.radial_profile.repeats == 3
    assert found.metadata["band_seeds"] == [0, 1, 2]
    second, _ = surface_of(one, replace(SUBSET, seed=1), SurfaceConfig(points=9))
    assert found.radial_profile.losses[1, 0] == second.centre
    assert not np.array_equal(found.radial_profile.losses[0], found.radial_profile.losses[1])


@pytest.mark.slow
def test_blocks_move_alone(tmp_path):
    one = target(tmp_path)
    whole, _ = surface_of(one, SUBSET, SurfaceConfig(points=5, grid=True))
    found, _ = surface_of(one, replace(SUBSET, blocks="items.*"), SurfaceConfig(points=5, grid=True))
    assert found.centre == pytest.approx(whole.centre, rel=1e-6)
    assert found.metadata["parameters"] < whole.metadata["parameters"]
    assert found.metadata["title"].endswith(", items.* alone")
    with pytest.raises(ValueError, match="did you mean items"):
        surface_of(one, replace(SUBSET, blocks="item.*"), SurfaceConfig())


def test_the_loss_in_training_mode_is_another_function_and_the_same_each_time(tmp_path):
    one = target(tmp_path)
    training = replace(SUBSET, train_mode=True)
    assert value(one, training) == value(one, training) != value(one)
    assert value(one, replace(training, seed=1)) != value(one, training)
