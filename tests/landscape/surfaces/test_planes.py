"""Planes through points, eigenvectors and trajectories, and the barrier on a path."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from landscape import Objective, ParamSpace, surface
from landscape.objectives.directions import cosine
from landscape.results import EigenPairs, Mark
from landscape.surfaces.barrier import barrier
from landscape.surfaces.planes import eigen_plane, plane_through, random_plane, trajectory_plane

N = 40


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def space_of(**shapes):
    tensors = {name: drawn(*shape, seed=len(name)) for name, shape in shapes.items()}
    space = ParamSpace(tensors)
    return space, space.params(tensors)


def test_a_random_plane_has_the_draws_of_its_seeds_and_their_cosine():
    space, params = space_of(weight=(30, 20), bias=(30,))
    plane = random_plane(space, params, (4, 5))
    assert plane.description["cosine"] == cosine(plane.x, plane.y) != 0
    assert plane.description["seeds"] == [4, 5]
    assert torch.equal(plane.x, random_plane(space, params, (4,)).x)
    assert random_plane(space, params, (4,)).y is None


def test_an_orthogonal_plane_keeps_the_first_direction_and_both_lengths():
    space, params = space_of(weight=(30, 20))
    plain, upright = (random_plane(space, params, (4, 5), orthogonal=flag) for flag in (False, True))
    assert torch.equal(plain.x, upright.x)
    assert abs(upright.description["cosine"]) < 1e-12
    assert_allclose(upright.y.norm(), plain.y.norm())


def pairs():
    vectors = np.linalg.qr(drawn(N, 4).numpy())[0].T
    bottom = EigenPairs(np.array([-2.0]), np.zeros(1), np.ones(1, bool), 9, vectors[3:])
    return EigenPairs(np.array([3.0, 2.0, 1.0]), np.zeros(3), np.ones(3, bool), 9, vectors[:3], bottom)


@pytest.mark.parametrize("numbers", [(1, 2), (3, 1), (2, -1), (-1,)])
def test_eigenvectors_are_counted_from_either_end(numbers):
    result, plane = pairs(), eigen_plane(pairs(), numbers, torch.zeros(N, dtype=torch.float64))
    rows = {1: result.vectors[0], 2: result.vectors[1], 3: result.vectors[2], -1: result.bottom.vectors[0]}
    assert_allclose(plane.x, rows[numbers[0]])
    assert plane.y is None if len(numbers) == 1 else np.allclose(plane.y, rows[numbers[1]])
    assert plane.description["eigenvalues"] == [{1: 3.0, 2: 2.0, 3: 1.0, -1: -2.0}[number] for number in numbers]


@pytest.mark.parametrize("numbers", [(0, 1), (4,), (1, -2), (1, 1), (1, 2, 3), ()])
def test_eigenvectors_that_are_not_there_are_refused(numbers):
    with pytest.raises(ValueError, match=r"there is no eigenvector|one or two different eigenvectors"):
        eigen_plane(pairs(), numbers, torch.zeros(N))


def test_other_points_lie_where_their_marks_are():
    params, first, second = drawn(3, N)
    plane = plane_through(params, [first, second], ["a", "b", "c"])
    assert plane.marks == (Mark("a", 0, 0), Mark("b", 1, 0), Mark("c", 0, 1))
    for mark, point in zip(plane.marks, (params, first, second), strict=True):
        assert_allclose(params + mark.alpha * plane.x + mark.beta * plane.y, point)
    assert_allclose(plane.description["distances"], [(first - params).norm(), (second - params).norm()])


@pytest.mark.parametrize("others", [lambda p: [p], lambda p: [p + 1, p + 2], lambda p: [p + 1, p], lambda p: []])
def test_points_that_span_nothing_are_refused(others):
    params = drawn(N)
    with pytest.raises(ValueError, match=r"do not span|one or two other points"):
        plane_through(params, others(params), ["a", "b", "c"])


def test_a_trajectory_in_a_plane_is_recovered():
    params, basis = drawn(N), torch.linalg.qr(drawn(N, 2, seed=1)).Q.T
    coordinates = drawn(9, 2, seed=2) * torch.tensor([5.0, 1.0])
    plane = trajectory_plane(params, list(params + coordinates @ basis))
    assert_allclose(sum(plane.description["shares"]), 1)
    assert_allclose(plane.trajectory.off_plane, 0, atol=1e-6)
    assert_allclose(plane.x.norm(), 1)
    assert [(mark.alpha, mark.beta) for mark in plane.marks] == [(0, 0)]  # the end of the run is the centre
    assert abs(plane.description["cosine"]) < 1e-10
    placed = params + torch.from_numpy(plane.trajectory.points) @ torch.stack([plane.x, plane.y])
    assert_allclose(placed, params + coordinates @ basis, atol=1e-9)
    (low, high), (bottom, top) = plane.extent
    assert low < plane.trajectory.points[:, 0].min() < plane.trajectory.points[:, 0].max() < high
    assert bottom < min(plane.trajectory.points[:, 1].min(), 0) <= max(plane.trajectory.points[:, 1].max(), 0) < top


def test_shares_and_distances_are_those_of_a_singular_value_decomposition():
    params, snapshots = drawn(N), list(drawn(7, N, seed=3))
    plane = trajectory_plane(params, snapshots)
    differences = (torch.stack(snapshots) - params).numpy()
    _, singular, directions = np.linalg.svd(differences, full_matrices=False)
    assert_allclose(plane.description["shares"], singular[:2] ** 2 / (singular**2).sum())
    rest = differences - differences @ directions[:2].T @ directions[:2]
    assert_allclose(plane.trajectory.off_plane, np.linalg.norm(rest, axis=1))
    assert_allclose(abs(plane.x.numpy() @ directions[0]), 1)
    # Least squares with any other basis of the plane would place them at the same points.
    solution = np.linalg.lstsq(torch.stack([plane.x, plane.y]).numpy().T, differences.T, rcond=None)[0].T
    assert_allclose(plane.trajectory.points, solution)


@given(counts=st.lists(st.integers(1, 6), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_several_runs_share_the_plane_of_all_their_snapshots(counts, seed):
    params = drawn(N)
    runs = [params + drawn(count, N, seed=seed + place) for place, count in enumerate(counts)]
    others = [(list(run), [f"{place}-{step}" for step in range(len(run))]) for place, run in enumerate(runs[1:])]
    plane = trajectory_plane(params, list(runs[0]), others=others)
    every = trajectory_plane(params, [snapshot for run in runs for snapshot in run])
    assert_allclose(plane.description["shares"], every.description["shares"])
    assert_allclose(plane.x, every.x)
    trajectories = [plane.trajectory, *plane.other_trajectories]
    assert [len(one.off_plane) for one in trajectories] == counts
    assert [one.names for one in trajectories[1:]] == [tuple(names) for _, names in others]
    basis = torch.stack([plane.x, plane.y]).numpy()
    for run, one in zip(runs, trajectories, strict=True):  # dense: projector and what it leaves
        differences = (run - params).numpy()
        assert_allclose(one.points, differences @ basis.T, atol=1e-9)
        assert_allclose(one.off_plane, np.linalg.norm(differences - differences @ basis.T @ basis, axis=1), atol=1e-6)
        held = np.square(differences @ basis.T).sum() / np.square(differences).sum()
        assert_allclose(one.share, held)
    (low, high), (bottom, top) = plane.extent
    points = np.concatenate([one.points for one in trajectories])
    assert (points > [low, bottom]).all() and (points < [high, top]).all()


@pytest.mark.parametrize("count", [1, 5])
def test_a_trajectory_on_a_line_has_no_plane(count):
    params, direction = drawn(N), drawn(N, seed=1)
    with pytest.raises(ValueError, match=f"{count} snapshots do not span a plane"):
        trajectory_plane(params, [params + step * direction for step in range(1, count + 1)])


class Point(torch.nn.Module):
    def __init__(self, at):
        super().__init__()
        self.at = torch.nn.Parameter(at)


def path(function, points=41, **options):
    """The line from (0, …) to (1, …) of a loss of the first coordinate."""
    objective = Objective(Point(torch.zeros(2, dtype=torch.float64)), lambda model, _: (function(model.at[0]), 1), [0])
    plane = plane_through(objective.params, [torch.tensor([1.0, 0.0], dtype=torch.float64)], ["a", "b"])
    return surface(objective, plane.x, points=points, extent=(-0.5, 1.5), **options)


def test_a_barrier_is_measured_from_the_line_between_the_ends():
    result = barrier(path(lambda t: t * (1 - t) * 4 + 2 * t, grid=True))  # 2t is the line between the ends
    assert_allclose([result.height, result.at], [1, 0.5], atol=1e-9)
    assert_allclose(result.above_ends, (4 * 0.75 * 0.25 + 1.5) - 2, atol=1e-9)
    assert result.error == 0


def test_a_path_downhill_has_no_barrier():
    result = barrier(path(lambda t: -t * (1 - t), grid=True))
    assert result.height == result.above_ends == 0


def test_an_interpolated_barrier_carries_its_error():
    result = barrier(path(lambda t: torch.exp(-20 * (t - 0.4) ** 2), points=401))
    true = np.exp(-20 * 0.0) - (0.6 * np.exp(-20 * 0.16) + 0.4 * np.exp(-20 * 0.36))
    assert abs(result.height - true) <= result.error + 1e-3
    assert result.error > 0


def test_a_barrier_needs_no_points_at_the_ends():
    on_grid = barrier(path(lambda t: 3 * t, points=6, grid=True))
    assert_allclose([on_grid.height, on_grid.above_ends], 0, atol=1e-9)
    smooth = barrier(path(lambda t: t * (1 - t), points=52))
    assert_allclose([smooth.height, smooth.at], [0.25, 0.5], atol=1e-6)


def test_a_line_without_both_ends_is_refused():
    short = path(lambda t: t, points=5, grid=True)
    with pytest.raises(ValueError, match="needs a line from 0 to 1 at least; this one goes from"):
        barrier(replace(short, alphas=short.alphas / 2))
