"""What lies beside a result."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.results import Trajectory
from landscape.results.along import AlongTraining
from landscape.results.storage.kinds import kind_of
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.related_results import along_beside, curvature_beside, history_of
from tests.support.drawable import along, raced
from tests.training.analysis.test_planes import SUBSET, target

FEW = SurfaceConfig(points=3, grid=True)


@pytest.mark.slow
def test_a_curvature_is_found_beside_a_surface_only_of_the_same_checkpoint_and_loss(tmp_path):
    one, other = target(tmp_path, 0), target(tmp_path, 1)
    curvature_config = CurvatureConfig(top=1, checks=False)
    surface, path = surface_of(one, SUBSET, FEW)
    assert curvature_beside(surface, path) is None
    curvature_of(other, SUBSET, curvature_config)
    curvature_of(one, replace(SUBSET, seed=SUBSET.seed + 1), curvature_config)
    (path.parent / "broken.json").write_text("{")
    assert curvature_beside(surface, path) is None
    found, _ = curvature_of(one, SUBSET, curvature_config)
    assert curvature_beside(surface, path).pairs.values.tolist() == found.pairs.values.tolist()
    assert curvature_beside(replace(surface, metadata={}), path) is None  # nothing tells what it is of


@pytest.mark.slow
def test_the_fullest_curvature_is_chosen_and_of_the_hessian(tmp_path):
    one = target(tmp_path)
    surface, path = surface_of(one, SUBSET, FEW)
    gauss_newton = {"operator": "gauss-newton", "sharpness": True, "rhos": (0.1,), "draws": 1, "ascent_steps": 1}
    gauss_newton |= {"trace": True, "trace_products": 6}
    curvature_of(one, SUBSET, CurvatureConfig(top=1, **gauss_newton))
    assert curvature_beside(surface, path).operator == "gauss-newton"
    curvature_of(one, SUBSET, CurvatureConfig(top=1, trace=True, trace_products=6))
    curvature_of(one, SUBSET, CurvatureConfig(top=2, checks=False))
    found = curvature_beside(surface, path)
    assert found.operator == "hessian"
    assert found.trace is not None


def test_what_was_measured_along_a_run_is_found_by_its_snapshots(tmp_path):
    first, second = (Trajectory(np.zeros((2, 2)), np.zeros(2), ("epoch 0", "epoch 5")) for _ in range(2))
    hashes = [["a", "b"], ["c", "d"]]
    about = {"data": {"name": "x", "sha256": "0" * 64}, "objective": {"loss": "recommendation"}}
    run = tmp_path / "second"
    plane = {"kind": "trajectory", "shares": [0.9, 0.1], "trajectory": ["gone", str(run)], "snapshot_sha256": hashes}
    surface = replace(raced(), trajectory=first, other_trajectories=(second,), metadata={**about, "plane": plane})
    path = tmp_path / "surface.npz"
    assert along_beside(surface, path) == (None, None)
    kind = kind_of(AlongTraining)
    measured = along((0, 5))
    (run / "results").mkdir(parents=True)
    for place, snapshots, changes in (
        (tmp_path / "other.json", ["a", "e"], {}),
        (tmp_path / "loss.json", ["a", "b"], {"objective": {"loss": "own"}}),
        (run / "results" / "along.json", ["c", "d"], {}),
    ):
        kind.save(replace(measured, metadata={**about, "snapshots": snapshots, **changes}), place)
    (tmp_path / "broken.json").write_text("{")
    found = along_beside(surface, path)
    assert found[0] is None
    assert found[1].epochs.tolist() == [0, 5]
    kind.save(replace(measured, metadata={**about, "snapshots": ["a", "b"]}), tmp_path / "mine.json")
    assert [one is not None for one in along_beside(surface, path)] == [True, True]
    assert [one is not None for one in along_beside(surface)] == [False, True]
    # Results of before, which do not name their snapshots, and surfaces without a run.
    older = replace(surface, metadata={**about, "plane": {**plane, "snapshot_sha256": []}})
    assert along_beside(older, path) == (None, None)
    assert along_beside(None, path) == along_beside(replace(surface, trajectory=None, other_trajectories=())) == ()


def test_a_history_has_numbers_where_there_are_some(tmp_path):
    assert history_of(tmp_path) == []
    (tmp_path / "history.csv").write_text("epoch,stage,train_loss\n1,train,0.5\n2,train,\n")
    assert json.dumps(history_of(tmp_path)) == json.dumps(
        [{"epoch": 1.0, "stage": "train", "train_loss": 0.5}, {"epoch": 2.0, "stage": "train", "train_loss": ""}]
    )
