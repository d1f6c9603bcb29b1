"""Paths between checkpoints: the curve of low loss on its plane, barriers between several, and their commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from landscape.cli import main
from landscape.problems.problem import ProblemFile
from landscape.results.storage.kinds import load_result
from landscape.results.storage.save_load import load_surface
from landscape.surfaces.curve import low_loss_curve
from landscape.training.analysis.barriers import barrier_targets, barriers_of, weights_of
from landscape.training.analysis.surface import surface_of
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.objective import objective_of
from tests.project.test_cli import TINY
from tests.training.analysis.test_planes import DATASET, SUBSET, target

PLANE = SurfaceConfig(points=5, grid=True)


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three checkpoints that differ by their seeds, trained for a moment on the built-in data."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        run("train", "sasrec", "--out", folder / f"seed{seed}", "--seed", seed, *TINY)
    return folder


def test_the_plane_of_a_curve_has_both_models_and_the_bend_at_their_places(tmp_path):
    one, other = target(tmp_path), target(tmp_path, seed=1)
    found, path = surface_of(one, SUBSET, replace(PLANE, toward=(str(other.path),), curve=True, curve_steps=20))
    objective, population = objective_of(one.checkpoint, DATASET, SUBSET)
    end = objective.space.flatten(other.checkpoint.weights)
    expected = low_loss_curve(objective, objective.params, end, steps=20, seed=SUBSET.seed, population=population)
    np.testing.assert_array_equal(found.curve.curved.loss, expected.curved.loss)
    assert found.barrier == found.curve.straight.barrier == expected.straight.barrier
    assert found.curve.names == tuple(found.metadata["plane"]["names"][:2])
    assert [(mark.alpha, mark.beta) for mark in found.marks] == [(0, 0), (1, 0), (0, 1)]
    middle = int(np.searchsorted(found.alphas, 0.5))  # of the straight path, which is in the plane
    at_middle = int(np.searchsorted(expected.straight.t, 0.5))
    zero = int(np.searchsorted(found.betas, 0))
    assert found.loss[zero, middle] == pytest.approx(expected.straight.loss[at_middle], rel=1e-5)
    # On the curve at t = ½ lies (α, β) = (¼, ½).
    quarter = objective.params + 0.25 * (end - objective.params)
    quarter = quarter + 0.5 * (torch.from_numpy(expected.bend).to(end) - objective.params)
    assert objective.value(quarter) == pytest.approx(expected.curved.loss[at_middle], rel=1e-5)
    stored = load_surface(path)
    assert stored.curve.bend is None and stored.curve.length == found.curve.length
    np.testing.assert_array_equal(stored.curve.straight.stderr, found.curve.straight.stderr)


def test_barriers_are_on_the_loss_of_the_first_and_are_found_again(tmp_path):
    targets = [target(tmp_path, seed=seed) for seed in range(3)]
    files = [str(one.path) for one in targets]
    matrix, path = barriers_of(targets, files, SUBSET)
    objective, _ = objective_of(targets[0].checkpoint, DATASET, SUBSET)
    values = [objective.value(objective.space.flatten(one.checkpoint.weights)) for one in targets]
    np.testing.assert_allclose(matrix.losses, values, rtol=1e-6)
    line, _ = surface_of(targets[0], SUBSET, SurfaceConfig(points=97, grid=True, toward=(files[1],)))
    assert matrix.heights[0, 1] == pytest.approx(line.barrier.height, rel=0.02)
    assert path.name.startswith("barriers-") and path.is_file()

    def computing(*told):
        raise AssertionError("computed again")

    again, _ = barriers_of(targets, files, SUBSET, progress=computing)
    np.testing.assert_array_equal(again.heights, matrix.heights)
    with pytest.raises(AssertionError, match="computed again"):
        barriers_of(targets[:2], files[:2], SUBSET, progress=computing)
    with pytest.raises(ValueError, match="barriers need a number of --users, not auto"):
        barriers_of(targets, files, ObjectiveConfig(users="auto"))


def test_what_has_no_barriers_is_refused(tmp_path):
    one = target(tmp_path)
    surface_of(one, SUBSET, SurfaceConfig(points=3, grid=True))
    (stored,) = (tmp_path / "results").glob("surface-*.npz")
    with pytest.raises(ValueError, match="is a result; barriers are computed from checkpoints or weights"):
        barrier_targets([str(stored)])
    with pytest.raises(ValueError, match="has weights of its own; barriers need a file for each model: give --weights"):
        weights_of([ProblemFile.parse("a.py", (), None)])


@pytest.mark.slow
def test_the_command_draws_the_curve(runs, tmp_path):
    options = ["--curve", "--curve-steps", "10", "--users", "50", "--points", "5", "--grid"]
    page = tmp_path / "a.html"
    first, second = (runs / f"seed{seed}" / "checkpoint.pt" for seed in (0, 1))
    shown = run("surface", first, "--toward", second, *options, "--out", page, "--png", tmp_path / "a.png",
                "--picture", "curve").stdout  # fmt: skip
    assert "Paths from SASRec, seed 0 to SASRec, seed 1" in shown
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "a.npz", "a.png"}
    told = json.loads(run("surface", tmp_path / "a.npz", "--out", tmp_path / "b.html", "--json").stdout)
    assert told["curve"]["straight"]["barrier"]["stderr"] >= 0
    run("export", tmp_path / "a.npz", "--to", "csv")
    assert (tmp_path / "a-curve.csv").read_text().startswith("t,straight,straight_stderr,curved,curved_stderr\n0.0,")
    assert "--curve leads to one other checkpoint" in run("surface", first, "--curve", code=1).stderr


@pytest.mark.slow
def test_the_command_writes_the_barriers(runs, tmp_path):
    files = [runs / f"seed{seed}" / "checkpoint.pt" for seed in range(3)]
    page = tmp_path / "b.html"
    shown = run("compare", *files, "--barriers", "--users", "50", "--out", page, "--svg", tmp_path / "b.svg").stdout
    assert shown.startswith("BarrierMatrix(3 models, barriers ")
    assert shown.splitlines()[-3:] == [str(tmp_path / name) for name in ("b.html", "b.json", "b.svg")]
    told = json.loads(run("compare", *files, "--barriers", "--users", "50", "--out", page, "--json").stdout)
    stored = load_result(tmp_path / "b.json")
    assert told["heights"] == stored.heights.tolist()
    assert [name.rsplit(" ", 1)[-1] for name in stored.names] == ["0", "1", "2"]
    assert run("export", tmp_path / "b.json", "--to", "csv").stdout.splitlines()[0].endswith("table (3 rows)")
    assert json.loads(run("info", tmp_path / "b.json", "--json").stdout)["heights"] == told["heights"]
    # The page of other models is not replaced, and options that do nothing are refused.
    line = run("compare", *files[1:], "--barriers", "--users", "50", "--out", page, code=1).stderr
    assert "is a result of another checkpoint" in line
    assert "--top has no effect with --barriers" in run("compare", *files, "--barriers", "--top", "2", code=2).stderr
    assert (
        "--points has no effect with --barriers" in run("compare", *files, "--barriers", "--points", "5", code=2).stderr
    )
    assert "between two models at least" in run("compare", files[0], "--barriers", code=1).stderr
