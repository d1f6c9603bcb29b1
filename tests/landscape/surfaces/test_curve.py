"""Curves of low loss and barriers: closed forms, symmetric networks, and errors that cover the truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from landscape import Objective, ParamSpace
from landscape.results.curve import BarrierMatrix, LowLossCurve
from landscape.results.storage.serialization import from_plain, to_plain
from landscape.surfaces.barrier import barrier_matrix, path_loss
from landscape.surfaces.curve import bezier, curve_plane, low_loss_curve

ENDS = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)


def on_plane(function, batches=(0.0,)):
    """The mean over batches of a function of two coordinates."""
    model = nn.Linear(2, 1, bias=False).double()
    return Objective(model, lambda model, batch: (function(*model.weight[0], batch), 1), list(batches))


def ring(x, y, offset):
    return (x**2 + y**2 - 1) ** 2 + offset


def test_the_curve_goes_around_the_hill_that_the_straight_path_climbs():
    curve = low_loss_curve(on_plane(ring), *ENDS, steps=400)
    assert curve.straight.barrier.height == 1 and curve.straight.barrier.at == 0.5
    assert curve.curved.barrier.height < 0.06
    np.testing.assert_allclose(curve.straight.loss, ((1 - 2 * curve.straight.t) ** 2 - 1) ** 2, atol=1e-12)
    x, y = np.stack(
        [bezier(ENDS[0], torch.from_numpy(curve.bend), ENDS[1], t).numpy() for t in curve.curved.t.tolist()], 1
    )
    np.testing.assert_allclose(curve.curved.loss, (x**2 + y**2 - 1) ** 2, atol=1e-12)
    polygon = np.hypot(np.diff(x), np.diff(y)).sum()
    assert polygon < curve.length < polygon * 1.01
    assert curve.distance == 2


def test_the_trained_bend_is_the_best_of_all_on_its_axis():
    """By symmetry the best bend is (0, ±y): compare with a search over y of the mean loss over t."""
    curve = low_loss_curve(on_plane(ring), *ENDS, steps=2000)
    t = np.linspace(0, 1, 2001)
    heights = np.linspace(1, 3, 401)[:, None]
    x, y = 2 * t - 1, 2 * t * (1 - t) * heights
    best = heights[np.argmin(((x**2 + y**2 - 1) ** 2).mean(1)), 0]
    assert abs(curve.bend[0]) < 0.05
    assert abs(curve.bend[1]) == pytest.approx(best, abs=0.05)


def test_a_valley_that_is_straight_stays_straight():
    curve = low_loss_curve(on_plane(lambda x, y, _: y**2 + 0 * x), *ENDS, steps=300)
    assert curve.curved.barrier.height < 1e-3 and curve.straight.barrier.height == pytest.approx(0, abs=1e-12)
    assert curve.length == pytest.approx(2, rel=1e-2)


def test_everything_follows_from_the_seed():
    objective = on_plane(ring, [0.0, 0.1, 0.2])
    one, again, other = (low_loss_curve(objective, *ENDS, steps=20, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.bend, again.bend)
    assert (one.bend != other.bend).any()
    assert one.metadata["training"] == {"steps": 20, "rate": 0.05, "seed": 3, "start": 0.01}


def test_one_step_is_that_of_adam_on_one_batch():
    """Its first step is of the size of the rate, against the sign of the gradient."""
    objective = on_plane(ring)
    before = low_loss_curve(objective, *ENDS, steps=1, rate=1e-9).bend
    after = low_loss_curve(objective, *ENDS, steps=1, rate=0.1).bend
    size = 0.1 * 2 / math.sqrt(2)
    np.testing.assert_allclose(np.abs(after - before), size, rtol=1e-3)
    assert np.sign(after - before)[1] == np.sign(before[1])  # away from the hill


def test_the_plane_holds_the_curve():
    curve = low_loss_curve(on_plane(ring), *ENDS, steps=50)
    plane = curve_plane(curve, *ENDS)
    assert [(mark.name, mark.alpha, mark.beta) for mark in plane.marks] == [
        ("start", 0, 0), ("end", 1, 0), ("bend", 0, 1)]  # fmt: skip
    for t, (a, b) in zip(curve.curved.t.tolist(), curve.coordinates.tolist(), strict=True):
        point = bezier(ENDS[0], torch.from_numpy(curve.bend), ENDS[1], t)
        torch.testing.assert_close(ENDS[0] + a * plane.x + b * plane.y, point)
    with pytest.raises(ValueError, match="stored without its bend"):
        curve_plane(replace(curve, bend=None), *ENDS)


def test_inactive_coordinates_stay_as_they_are():
    model = nn.ParameterDict({"a": torch.zeros(2), "b": torch.full((2,), 5.0)}).double()
    space = ParamSpace(model, exclude_rows={"b": [0, 1]})
    objective = Objective(
        model, lambda model, _: (ring(*model["a"], 0) + model["b"].sum() - 10, 1), [None], space=space
    )
    start, end = (torch.cat([one, torch.full((2,), 7.0, dtype=torch.float64)]) for one in ENDS)
    curve = low_loss_curve(objective, start, end, steps=200)
    np.testing.assert_array_equal(curve.bend[2:], 5)
    assert curve.straight.loss[0] == 0 and curve.curved.barrier.height < 0.1 and curve.distance == 2


def network():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()


@pytest.fixture(scope="module")
def permuted():
    """A trained network, the same with its hidden neurons permuted, and their loss."""
    torch.manual_seed(0)
    inputs = torch.randn(256, 2, dtype=torch.float64)
    targets = (inputs[:, :1] * inputs[:, 1:]).tanh()
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(800):
        optimiser.zero_grad()
        functional.mse_loss(model(inputs), targets).backward()
        optimiser.step()
    order = torch.tensor([3, 1, 0, 2, 7, 4, 5, 6])
    other = network()
    with torch.no_grad():
        other[0].weight.copy_(model[0].weight[order]), other[0].bias.copy_(model[0].bias[order])
        other[2].weight.copy_(model[2].weight[:, order]), other[2].bias.copy_(model[2].bias)
    batches = [*zip(inputs.split(32), targets.split(32), strict=True)]
    objective = Objective(
        model,
        lambda model, batch: (functional.mse_loss(model(batch[0]), batch[1], reduction="sum"), len(batch[0])),
        batches,
    )
    return objective, objective.space.params(other)


def test_networks_that_differ_by_the_order_of_neurons_are_joined_by_a_curve(permuted):
    objective, other = permuted
    curve = low_loss_curve(objective, objective.params, other, steps=600)
    assert curve.straight.loss[0] == pytest.approx(curve.straight.loss[-1])  # the same function
    straight, curved = curve.straight.barrier, curve.curved.barrier
    assert curved.height < straight.height / 5
    assert straight.stderr > 0 and straight.height > 3 * straight.stderr


def test_the_barriers_of_several_models_are_those_of_their_pairs(permuted):
    objective, other = permuted
    points = [objective.params, other, objective.params * 1.1]
    matrix = barrier_matrix(objective, points, ["a", "b", "c"], evaluations=9)
    np.testing.assert_array_equal(matrix.heights, matrix.heights.T)
    assert not np.diag(matrix.heights).any()
    for i in range(3):
        assert matrix.losses[i] == pytest.approx(objective.value(points[i]))
        for j in range(i):
            pair = path_loss(objective, lambda t, i=i, j=j: torch.lerp(points[j], points[i], t), points=9).barrier
            assert matrix.heights[i, j] == pytest.approx(pair.height)
            assert matrix.at[j, i] == pair.at and matrix.at[i, j] == 1 - pair.at
            assert matrix.stderr[i, j] == pytest.approx(pair.stderr)
    assert matrix.distances[0, 2] == pytest.approx(float(0.1 * objective.params.norm()))
    stored = from_plain(BarrierMatrix, to_plain(matrix))
    np.testing.assert_array_equal(stored.heights, matrix.heights)
    frame = matrix.columns()
    assert [*zip(frame["start"], frame["end"], strict=True)] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert "a" in str(matrix) and "±" in str(matrix)


@pytest.mark.slow
def test_errors_cover_the_barrier_of_all_data_as_often_as_they_say():
    """The loss is the mean over batches of u·sin(πt)² with u ~ N(1, 1): the barrier is the mean of u."""
    generator, covered = np.random.default_rng(0), 0
    for _ in range(80):
        draws = generator.normal(1, 1, size=40)
        model = nn.Linear(1, 1, bias=False).double()
        objective = Objective(
            model, lambda model, u: (u * torch.sin(math.pi * model.weight.sum()) ** 2 + 3 * u, 1), draws.tolist()
        )
        zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        barrier = path_loss(objective, lambda t, zero=zero, one=one: torch.lerp(zero, one, t), points=5).barrier
        assert barrier.height == pytest.approx(draws.mean())
        assert barrier.stderr == pytest.approx(draws.std(ddof=1) / math.sqrt(40))  # not that of the losses
        covered += abs(barrier.height - 1) <= 1.96 * barrier.stderr
    assert 70 <= covered < 80


def test_all_data_leave_no_error():
    objective = on_plane(lambda x, y, factor: factor * ring(x, y, 1), [1.0, 2.0, 5.0])
    assert path_loss(objective, lambda t: torch.lerp(*ENDS, t), points=5).barrier.stderr > 0.1
    found = path_loss(objective, lambda t: torch.lerp(*ENDS, t), points=5, population=3)
    assert not found.stderr.any() and found.barrier.stderr == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"rate": math.nan}, "rate=nan a positive number"),
        ({"rate": 0.0}, "rate=0.0 a positive number"),
        ({"points": 2}, "points=2 must be at least 3"),
        ({"start": ENDS[1]}, "are 0 apart"),
        ({"start": ENDS[1] * math.nan}, "are nan apart"),
        ({"start": ENDS[1, :1]}, "params has shape"),
    ],
)
def test_what_makes_no_curve_is_refused(arguments, message):
    given = {"start": ENDS[0], "end": ENDS[1], "steps": 3} | arguments
    with pytest.raises(ValueError, match=message):
        low_loss_curve(on_plane(ring), **given)


def test_a_loss_that_is_not_finite_on_the_way_is_refused():
    hole = on_plane(lambda x, y, _: 1 / (x**2 + y**2))
    with pytest.raises(ValueError, match="b to c: the loss is not finite somewhere on the path"):
        barrier_matrix(hole, [*ENDS[:1] * 2, *ENDS], ["a", "b", "c"], evaluations=5)
    torn = on_plane(lambda x, y, _: torch.where(y.abs() + x > -0.99, x / 0.0, x))
    with pytest.raises(ValueError, match="is not finite after 0 steps; take a smaller rate"):
        low_loss_curve(torn, *ENDS, steps=3)
    for points, names in (([ENDS[0]], ["a"]), ([*ENDS], ["a"])):
        with pytest.raises(ValueError, match="at least two points and a name for each"):
            barrier_matrix(hole, points, names)


def test_batch_normalisation_is_said():
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    inputs = torch.randn(16, 2)
    objective = Objective(model, lambda model, batch: (model(batch).square().sum(), len(batch)), [inputs])
    with pytest.warns(UserWarning, match="1 normalises by statistics of the model's own training"):
        low_loss_curve(objective, objective.params, objective.params + 0.1, steps=1, points=3)


def test_half_precision_is_trained_in_single_precision():
    """Steps below the resolution of bfloat16 at the bend, which is a hundredth, add up all the same."""
    bends = []
    for dtype in (torch.float64, torch.bfloat16):
        model = nn.Linear(2, 1, bias=False).to(dtype)
        objective = Objective(model, lambda model, _: (ring(*model.weight[0].double(), 0.0), 1), [None])
        bends.append(low_loss_curve(objective, *ENDS, steps=500, rate=0.002).bend)
    np.testing.assert_allclose(*bends, atol=0.01)


def test_a_curve_is_stored_without_its_bend():
    curve = low_loss_curve(on_plane(ring), *ENDS, steps=3)
    stored = from_plain(LowLossCurve, to_plain(replace(curve, bend=None)))
    np.testing.assert_equal(to_plain(stored), to_plain(replace(curve, bend=None)))
    assert [*curve.columns()] == ["t", "straight", "straight_stderr", "curved", "curved_stderr"]
    assert "straight" in str(curve)
